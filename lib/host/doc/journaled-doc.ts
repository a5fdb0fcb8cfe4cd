import type {History} from '../../ot/history.js';
import type {Step} from '../../ot/history-entry.js';
import type {SnapshotData, UnconfirmedOp} from '../../protocol/messages.js';
import type {Callback, RealDoc, RealOp, ServerSnapshot} from '../upstream.js';
import type {DocJournal, Restored, Surroundings} from './doc-journal.js';
import {DocRecord} from './doc-record.js';
import {hook, type DocHooks} from './hooked-doc.js';
import {JournalReplay} from './journal-replay.js';
import type {JournaledDocEvents} from './journaled-doc-events.js';
import {historyGone} from './op-errors.js';
import {OpSender} from './op-sender.js';
import {OpSubmission, type Submission} from './op-submission.js';
import type {PlacedOps} from './placed-ops.js';
import {storedOp, type SettleOf} from './real-ops.js';
import {Rollbacks} from './rollbacks.js';
import {ServerLog} from './server-log.js';
import {ServerMessages} from './server-messages.js';
import {ServerReads} from './server-reads.js';
import {ServerStateCheck} from './server-state-check.js';

export type {JournaledDocEvents} from './journaled-doc-events.js';

/**
 * The host's real document with its history and its journal. Each change of the document's data goes through this class and becomes an
 * entry of the history. The inputs of the document are written to the journal, if there is one, and replayed after a restart.
 */
export class JournaledDoc implements DocHooks {
  /** Checks whether the document has the server's state. */
  readonly server: ServerStateCheck;
  private readonly record: DocRecord;
  private readonly submission: OpSubmission;
  private readonly sender: OpSender;
  private readonly reads: ServerReads;
  private readonly rollbacks: Rollbacks;
  private readonly replay: JournalReplay;
  private readonly messages: ServerMessages;
  private log: ServerLog | undefined;
  /** Whether an acknowledgement or a rejection is being handled, which has a record of its own. */
  private isAnswering = false;

  constructor(readonly doc: RealDoc, private readonly events: JournaledDocEvents, private readonly journal?: DocJournal | undefined, start = 0) {
    const upstream = hook(doc, this);
    const record = (this.record = new DocRecord(doc, upstream, events, journal, start));
    this.submission = new OpSubmission(record, () => this.missing);
    this.reads = new ServerReads(record);
    this.server = new ServerStateCheck(doc, upstream, {
      onOtherState: snapshot => this.rollbacks.replaceByServer(snapshot),
      onRefusal: error => this.rollbacks.empty(error),
      isTransient: error => events.isTransient(error),
      onHistoryGone: () => this._hardRollback(historyGone(doc)),
      data: () => (JSON.parse(this.snapshotJson()) as SnapshotData).data,
      together: act => events.together(act)
    });
    this.sender = new OpSender(record, this.server);
    this.rollbacks = new Rollbacks(record, {
      server: this.server, reads: this.reads, serverLog: () => this.serverLog,
      rollBackUpstream: error => this.whileAnswering(() => upstream._rollback.call(doc, error), true)
    });
    this.replay = new JournalReplay(record, {
      submit: (submission, callback) => this.submit(submission, callback),
      takeBack: error => this.rollbacks.takeBack(error)
    });
    this.messages = new ServerMessages(record, {
      server: this.server, rollbacks: this.rollbacks, replay: this.replay,
      whileAnswering: (act, isAnswer) => this.whileAnswering(act, isAnswer),
      noteVersion: () => this.noteVersion()
    });
    if (this.hasState) record.noteLoad();
  }

  // ---- the state

  get history(): History {
    return this.record.history;
  }

  /** See {@link PlacedOps}. */
  get placed(): PlacedOps {
    return this.record.placed;
  }

  /** Whether there is a state that can be sent to tabs. */
  get hasState(): boolean {
    return this.record.hasState;
  }

  /** Whether the document has no state, and has never had one or an entry. */
  get isNew(): boolean {
    return this.record.isNew;
  }

  /** Whether the stored document has an OT type that this host lacks. Nothing overwrites it then. */
  get isLocked(): boolean {
    return this.record.isLocked;
  }

  /** The error if the document has an OT type that this host lacks. The document is treated as if it did not exist. */
  get missing(): Error | undefined {
    return this.messages.missing;
  }

  /** True from the loss of the document's state until it is loaded again. */
  get isRollingBack(): boolean {
    return this.rollbacks.isRollingBack;
  }

  /** The server's last ops. They are kept from the first access on. */
  get serverLog(): ServerLog {
    return (this.log ??= new ServerLog(this.doc));
  }

  /** The snapshot at the current revision, as JSON. It is computed once for all tabs. */
  snapshotJson(): string {
    return this.record.snapshotJson();
  }

  /** Returns the revision at which the document had the server's state at version `v`; undefined if it is unknown. */
  revisionOf(v: number): number | undefined {
    const {doc, history} = this;
    if (doc.version === v && !doc.hasWritePending()) return history.rev;
    return history.revisionOf(v);
  }

  /** Returns the seqs of a tab's ops that are in the history and that the server has not answered. */
  pendingSeqs(owner: string): number[] {
    const {inflightOp, pendingOps} = this.doc;
    const callbacks = [inflightOp, ...pendingOps].flatMap(op => op?.callbacks ?? []);
    return callbacks.flatMap(callback => (callback?.origin?.[0] === owner ? [callback.origin[1]] : []));
  }

  /** Adds an entry if the version has increased without a change of the data. */
  noteVersion(): void {
    if (!this.isRollingBack) this.record.noteVersion();
  }

  // ---- ops of tabs

  /** See {@link OpSubmission.submit}. */
  submit(submission: Submission, callback: Callback): Error | undefined {
    return this.submission.submit(submission, callback);
  }

  /** See {@link OpSubmission.trial}. */
  trial(step: Step): Error | undefined {
    return this.submission.trial(step);
  }

  /** Adds an entry that changes nothing, for the deletion of a document that was already deleted. */
  pushNothing(owner: string, seq: number): void {
    this.record.write({t: 'nothing', owner, seq});
    this.record.push('{}', {src: owner, seq});
  }

  /** Applies an op of the server that a tab has received from an earlier host. */
  replayServerOp({v, src, seq, op}: UnconfirmedOp): void {
    const {doc} = this;
    if (v !== undefined && doc.version === v && doc.type && !this.isRollingBack) {
      doc._handleOp(null, {a: 'op', c: doc.collection, d: doc.id, v, src, seq, op} as {v: number});
    }
  }

  /** Refuses an op that was sent, as if the server had refused it. */
  refuse(src: string, seq: number, error: Error): void {
    const op = this.doc.inflightOp ?? this.doc.pendingOps[0];
    if (op?.src !== src || op.seq !== seq || this.isRollingBack) return;
    this.record.takeUp();
    this._handleOp(error, {src, seq} as {v?: number});
  }

  /** See {@link DocRecord.noteRefused}. */
  noteRefused(owner: string, seq: number): void {
    this.record.noteRefused(owner, seq);
  }

  // ---- storing and restoring

  /** Replaces the journal by the present state. */
  checkpoint(tabs: Surroundings['tabs']): void {
    const {doc, history, journal, placed} = this;
    if (this.isLocked) return;
    if (!journal?.mayHaveUnread) placed.clear();
    const noted = placed.save();
    const pending = [doc.inflightOp, ...doc.pendingOps].filter(op => !!op).map(storedOp);
    journal?.checkpoint(this.snapshotJson(), {history: history.save(), pending, tabs, ...(noted?.length !== 0 && {placed: noted})});
  }

  /** See {@link JournalReplay.restore}. */
  restore(stored: Restored, settleOf: SettleOf): void {
    this.replay.restore(stored, settleOf);
  }

  /** Removes and returns a state of the server that arrived before the store was read. The caller ingests it again afterwards. */
  takeOut(): ServerSnapshot | undefined {
    if (!this.hasState || this.doc.version === null || this.doc.hasWritePending()) return undefined;
    const {v, type, data} = JSON.parse(this.snapshotJson()) as SnapshotData;
    this.startAnew();
    return {v: v!, type, data};
  }

  /** Removes the state, pending ops and history. */
  startAnew(): void {
    this.record.dropState();
    this.record.recordedVersion = null;
    this.server.noteServerState();
    this.history.clear();
  }

  /** See {@link DocRecord.beginAt}. */
  beginAt(rev: number): void {
    this.record.beginAt(rev);
  }

  /** Ingests a state of the server that a tab has. */
  ingest(snapshot: ServerSnapshot): void {
    this.record.ingest(snapshot);
  }

  beginReading(): void {
    this.messages.beginReading();
  }

  /** See {@link ServerMessages.endReading}. */
  endReading(): boolean {
    return this.messages.endReading();
  }

  /** See {@link ServerMessages.lock}. */
  lock(error: unknown): boolean {
    return this.messages.lock(error);
  }

  /** Sends a request at once that waits for its next attempt. */
  askAgain(): void {
    this.reads.askAgain();
  }

  // ---- the hooks of the real document

  _otApply(op: RealOp, source: unknown): void {
    this.record.apply(op, source);
  }

  _handleOp(error: Error | null, message: {v?: number}): void {
    this.messages.handleOp(error, message);
  }

  ingestSnapshot(snapshot: ServerSnapshot, callback?: Callback): void {
    this.messages.ingestSnapshot(snapshot, callback);
  }

  _sendOp(): void {
    this.sender.send();
  }

  _rollback(error: Error): void {
    this.rollbacks.rollBack(error);
  }

  _hardRollback(error: Error): void {
    this.rollbacks.rollBackHard(error);
  }

  _fetch(options: {force?: boolean}, callback?: Callback): void {
    this.server.fetch(options, callback);
  }

  _flushSubscribe(): void {
    this.server.flushSubscribe();
  }

  _handleFetch(error: Error | null, snapshot?: ServerSnapshot): void {
    this.server.handleFetch(error, snapshot);
  }

  _handleSubscribe(error?: Error | null, snapshot?: ServerSnapshot): void {
    this.server.handleSubscribe(error, snapshot);
  }

  _clearInflightOp(error?: Error | null): void {
    const {record, doc} = this;
    if (!this.isAnswering) record.refusedAt = record.write({t: 'clear'}, true);
    this.events.beginSettling();
    if (error === undefined && doc.inflightOp && !record.isReplaying) this.events.onSaved(doc.inflightOp);
    record.upstream._clearInflightOp.call(doc, error);
  }

  /** Upstream calls this method between an op's callbacks and the event 'nothing pending'. */
  flush(): void {
    this.events.endSettling();
    this.record.upstream.flush.call(this.doc);
  }

  /** As upstream, but passes the error on if a read is rejected silently. Upstream calls back without an error, and the tabs need it. */
  _emitResponseError(error: Error, callback?: Callback): void {
    this.record.upstream._emitResponseError.call(this.doc, error, callback && (reported => callback(reported ?? error)));
  }

  onLoad(): void {
    this.record.noteLoad();
    this.events.onLoad();
  }

  onError(error: Error): void {
    if (this.record.isReplaying) this.replay.noteError(error);
    else this.events.onError(error, this.messages.causedBy);
  }

  private whileAnswering(act: () => void, isAnswer: boolean): void {
    const before = this.isAnswering;
    this.isAnswering = isAnswer;
    try {
      act();
    } finally {
      this.isAnswering = before;
    }
  }
}
