import {stepOf} from '../../ot/step.js';
import type {Step} from '../../ot/history-entry.js';
import type {LostStep} from '../letters/dead-letters.js';
import type {RealOp} from '../upstream.js';
import type {DocRecord} from './doc-record.js';

/** An op that the server has not acknowledged, with its step as it was before the op changed. */
interface PendingOp {
  op: RealOp;
  step: Step;
}

/** Reports which pending ops of a document are lost. It must be told before the ops change. */
export class PendingOps {
  /** While one op is taken back: the pending ops as they were before. That op, the first, has been told as lost. */
  private beforeRefusal: PendingOp[] | undefined;

  constructor(private readonly record: DocRecord) {}

  /**
   * @param errorOf the error of an op that is given up; undefined for others
   * @param count how many of the ops are looked at
   */
  tellLost(errorOf: (op: RealOp) => Error | undefined, count = Infinity): void {
    this.tell(this.beforeRefusal ?? this.current(), errorOf, count);
  }

  /** Tells that the op in flight is lost, then takes it back. If that gives up other ops too, they are told as they were before. */
  whileTakingBack(error: Error | undefined, act: () => void): void {
    const refused = this.record.doc.inflightOp;
    const pending = this.beforeRefusal ?? this.current();
    this.tell(pending, op => (op === refused ? error : undefined), 1);
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

  private tell(pending: readonly PendingOp[], errorOf: (op: RealOp) => Error | undefined, count: number): void {
    const {doc, events, isReplaying} = this.record;
    const lost = pending.slice(0, count).map(({op, step}, i): LostStep => {
      const {src, seq, type} = op;
      const id = seq === undefined ? {} : {src: src ?? doc.connection.id ?? undefined, seq};
      return {...id, step, type: type?.uri ?? type?.name ?? null, error: this.beforeRefusal && !i ? undefined : errorOf(op)};
    });
    if (!isReplaying && lost.length) events.onLost(doc.version, lost);
  }
}
