import {stepOf} from '../../ot/step.js';
import type {Step} from '../../ot/history-entry.js';
import type {LostStep} from '../letters/dead-letters.js';
import type {RealOp} from '../upstream.js';
import type {DocRecord} from './doc-record.js';

/** An op that the server has not acknowledged, and its step before the op changed. */
interface PendingOp {
  op: RealOp;
  step: Step;
}

/** Reports which pending ops of a document are lost. Call it before the ops change. */
export class PendingOps {
  /** While one op is taken back: the pending ops before that. The first one, which is taken back, was already reported. */
  private beforeRefusal: PendingOp[] | undefined;

  constructor(private readonly record: DocRecord) {}

  /**
   * Reports lost ops.
   * @param errorOf returns the error of an op that is lost; undefined for others
   * @param count the number of pending ops to report
   */
  reportLost(errorOf: (op: RealOp) => Error | undefined, count = Infinity): void {
    this.report(this.beforeRefusal ?? this.current(), errorOf, count);
  }

  /** Reports that the op in flight is lost, then takes it back with `act`. Other ops that this loses are reported in their form before. */
  whileTakingBack(error: Error | undefined, act: () => void): void {
    const refused = this.record.doc.inflightOp;
    const pending = this.beforeRefusal ?? this.current();
    this.report(pending, op => (op === refused ? error : undefined), 1);
    this.beforeRefusal = pending;
    try {
      act();
    } finally {
      this.beforeRefusal = undefined;
    }
  }

  private current(): PendingOp[] {
    const {inflightOp, pendingOps} = this.record.doc;
    return [inflightOp, ...pendingOps].flatMap(op => (op ? [{op, step: stepOf(op)}] : []));
  }

  private report(pending: readonly PendingOp[], errorOf: (op: RealOp) => Error | undefined, count: number): void {
    const {doc, events, isReplaying} = this.record;
    const lost = pending.slice(0, count).map(({op, step}, i): LostStep => {
      const {src, seq, type} = op;
      const id = seq === undefined ? {} : {src: src ?? doc.connection.id ?? undefined, seq};
      return {...id, step, type: type?.uri ?? type?.name ?? null, error: this.beforeRefusal && !i ? undefined : errorOf(op)};
    });
    if (!isReplaying && lost.length) events.onLost(doc.version, lost);
  }
}
