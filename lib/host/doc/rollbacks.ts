import {stepBetween} from '../../ot/state-step.js';
import {encodeError} from '../../protocol/errors.js';
import type {RealOp, ServerSnapshot} from '../upstream.js';
import type {DocRecord} from './doc-record.js';
import {historyGone, isHistoryGone} from './op-errors.js';
import {callEach, rejectionErrors} from './real-ops.js';
import type {ServerLog} from './server-log.js';
import type {ServerReads} from './server-reads.js';
import {typeOf} from './server-snapshot.js';
import type {ServerStateCheck} from './server-state-check.js';
import {rollBackSoftly} from './soft-rollback.js';
import {PendingOps} from './pending-ops.js';

/** The codes of errors which mean that the server has no ops since the state that an op was made on. */
const LOST_AT_SERVER = new Set(['ERR_SUBMIT_TRANSFORM_OPS_NOT_FOUND', 'ERR_OP_VERSION_NEWER_THAN_CURRENT_SNAPSHOT']);

export interface RollbacksOwner {
  readonly server: ServerStateCheck;
  readonly reads: ServerReads;
  serverLog(): ServerLog;
  /** Runs upstream's rollback without writing a record for the end of the op. */
  rollBackUpstream(error: Error): void;
}

/** Takes back one refused op, all pending ops, or the whole state, because the server does not have them. */
export class Rollbacks {
  /** True from the loss of the document's state until it is loaded again. */
  isRollingBack = false;
  /** The op that was in flight at the last hard rollback. Upstream emits an error if the server refuses it afterwards. */
  givenUp: RealOp | undefined;
  private readonly pending: PendingOps;

  constructor(private readonly record: DocRecord, private readonly owner: RollbacksOwner) {
    this.pending = new PendingOps(record);
  }

  /** Handles the server's refusal of the op in flight. */
  rollBack(error: Error): void {
    const {server} = this.owner;
    const {doc} = this.record;
    const {code} = error as {code?: string};
    if (LOST_AT_SERVER.has(code!)) return this.rollBackHard(historyGone(doc));
    const refused = doc.inflightOp;
    if (!server.mayBeLost(error as {code?: unknown}) || !refused) return this.rollBackSoftly(error);
    const {retries} = refused;
    return server.probe(isLost => {
      // If the op was sent again meanwhile, the server answers it again.
      if (doc.inflightOp !== refused || refused.retries !== retries) return;
      if (isLost) this.rollBackHard(historyGone(doc));
      else this.rollBackSoftly(error);
    });
  }

  /** Checks, after a temporary error for an op, whether the server has lost the op's history. If so, sending it again would always fail. */
  checkForLoss(failed: RealOp): void {
    const {doc} = this.record;
    this.owner.server.probe(isLost => {
      if (isLost && doc.inflightOp === failed) this.rollBackHard(historyGone(doc));
    });
  }

  private rollBackSoftly(error: Error): void {
    const {record, owner: {reads, serverLog}} = this;
    const {doc} = record;
    rollBackSoftly(doc, error, {
      isShared: tab => record.events.isShared(tab),
      serverLog,
      fetchSnapshot: callback => reads.untilRead<ServerSnapshot>(done => doc.connection.fetchSnapshot(doc.collection, doc.id, null, done), callback),
      takeBack: reason => this.takeBack(reason),
      replace: (reason, remedy) => this.replace(reason, remedy)
    });
  }

  /** Takes back the op in flight as upstream does. If its type has no inverse, upstream takes back all pending ops. */
  takeBack(error: Error): void {
    const {record} = this;
    const inverse = record.doc.inflightOp?.inverse;
    // The loss is reported before the record is written, so that a crash between the two does not lose the op.
    this.pending.whileTakingBack(rejectionErrors(error).error, () => {
      record.refusedAt = record.write({t: 'reject', error: encodeError(error), ...(inverse !== undefined && {inverse})});
      this.owner.rollBackUpstream(error);
    });
  }

  /** Takes back the op in flight if no op undoes it: the document gets the state that it would have without the op. */
  private replace(error: Error, {data, kept}: {data: unknown; kept: {op: RealOp; made: unknown}[]}): void {
    const {record} = this;
    const {doc, events, history} = record;
    const refused = doc.inflightOp;
    const keptOps = new Set(kept.map(({op}) => op));
    const dropped = doc.pendingOps.filter(op => !keptOps.has(op));
    const {error: forRefused, reason} = rejectionErrors(error);
    this.pending.reportLost(op => (op === refused ? forRefused : keptOps.has(op) ? undefined : reason));
    record.rollbacks++;
    // The checkpoint that follows replaces this record, which is only written for its position in the store.
    record.refusedAt = record.write({t: 'clear'});
    doc.inflightOp = null;
    doc.pendingOps = kept.map(({op, made}) => ('op' in op ? Object.assign(op, {op: made, isInvertible: false}) : op));
    doc._setData(data);
    history.restart(doc.hasWritePending() ? null : doc.version);
    record.recordedVersion = doc.version;
    events.onRollback();
    callEach(refused, forRefused);
    for (const op of dropped) callEach(op, reason);
    events.onReset(encodeError(reason), undefined);
    doc.flush();
    doc._emitNothingPending();
  }

  /**
   * Upstream's hard rollback in the same steps, with two differences: the tabs are notified when it begins, and they get the outcomes of
   * their ops together with the new state.
   */
  rollBackHard(error: Error): void {
    const {record, owner: {server, reads}} = this;
    const {doc, events} = record;
    const {error: forInflight, reason} = rejectionErrors(error);
    this.pending.reportLost(op => (op === doc.inflightOp ? forInflight : reason));
    record.rollbacks++;
    server.noteServerState();
    const {inflightOp, pendingOps} = doc;
    // After a lost history, and for ops that exclude each other, a later refusal of the op in flight needs no event: its tab has the error.
    const isGone = isHistoryGone(error);
    this.givenUp = isGone || (error as {code?: string}).code === 'ERR_OT_OP_NOT_APPLIED' ? undefined : inflightOp ?? undefined;
    if (isGone) this.reportHistoryGone();
    doc._isInHardRollback = true;
    record.dropState();
    record.history.clear();
    this.isRollingBack = true;
    events.onRollback();
    reads.untilRead(done => reads.fetchAlone(done), loadError => {
      doc._isInHardRollback = false;
      callEach(inflightOp, forInflight);
      for (const op of pendingOps) callEach(op, reason);
      this.isRollingBack = false;
      record.recordedVersion = doc.version;
      events.onReset(encodeError(reason), loadError ? encodeError(loadError) : undefined);
    });
  }

  /** Replaces the state by another one of the server. If the type can express the difference as an op, it becomes an ordinary change. */
  replaceByServer(snapshot: ServerSnapshot): void {
    const {record} = this;
    const {doc, events} = record;
    this.reportHistoryGone();
    const type = typeOf(snapshot.type);
    const op = doc.type && type === doc.type ? stepBetween(doc.type, doc.data, snapshot.data) : undefined;
    if (op !== undefined) {
      doc.version = snapshot.v;
      // The op is empty if only the version differs.
      if (Array.isArray(op) && !op.length) record.push('{}');
      else doc._otApply({op, replaces: true}, false);
      return events.onLoad();
    }
    // Ops that tabs have made on the old state can't be transformed, so the new state is sent with an error for them.
    record.rollbacks++;
    doc._setType(null);
    doc.version = null;
    record.history.clear();
    events.onRollback();
    doc.ingestSnapshot(snapshot);
    return events.onReset(encodeError(historyGone(doc)), undefined);
  }

  private reportHistoryGone(): void {
    const {doc: {version}, events, isReplaying} = this.record;
    if (version !== null && !isReplaying) events.onHistoryGone(version);
  }

  /** Removes the state and the pending ops, because the server refuses the document. */
  empty(error: Error): void {
    const {record} = this;
    const {doc} = record;
    const ops = [doc.inflightOp, ...doc.pendingOps];
    this.pending.reportLost(() => error);
    record.rollbacks++;
    this.owner.server.noteServerState();
    record.dropState();
    record.recordedVersion = null;
    for (const op of ops) callEach(op, error);
    record.history.restart(null);
    record.events.onRefused(error);
  }
}
