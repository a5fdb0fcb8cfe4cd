import type {Step, WaitingOp} from '../../ot/history-entry.js';
import {nextTick} from '../../platform/next-tick.js';
import type {OpRequest, Position, ResumeMessage, SnapshotData} from '../../protocol/messages.js';
import type {DocReport} from '../../protocol/report.js';
import type {Tab} from '../tab.js';
import type {RealDoc} from '../upstream.js';
import type {DocJournal} from './doc-journal.js';
import type {DocOwner} from './doc-owner.js';
import {DocParts} from './doc-parts.js';
import type {Follower} from './follower.js';
import type {JournaledDoc} from './journaled-doc.js';
import {historyLost} from './op-errors.js';
import type {PlacedOps} from './placed-ops.js';
import {lossOf, type LeftOps} from './sequencer.js';

export type SharedDocOwner = DocOwner<SharedDoc>;

/** A document that the host shares among tabs. It has one real document, one history, and a follower for each tab. */
export class SharedDoc {
  readonly journaled: JournaledDoc;
  private readonly parts: DocParts<SharedDoc>;
  private merged = 0;

  /** @param start the revision at which the history begins, unless the journal has one */
  constructor(readonly doc: RealDoc, private readonly owner: SharedDocOwner, journal?: DocJournal, start?: number) {
    this.parts = new DocParts(this, doc, owner, journal, start);
    this.journaled = this.parts.journaled;
  }

  get collection(): string {
    return this.doc.collection;
  }

  get id(): string {
    return this.doc.id;
  }

  /** The current revision. */
  get rev(): number {
    return this.journaled.history.rev;
  }

  /** The number of tabs' ops that the server has not answered. */
  get pendingOps(): number {
    return this.parts.sequencer.pendingOps;
  }

  private get isRestoring(): boolean {
    return this.parts.restoring.isRestoring;
  }

  get isRollingBack(): boolean {
    return this.parts.updates.isInRollback;
  }

  /** Whether the document is being restored or rolled back. */
  get isUnsettled(): boolean {
    return this.isRestoring || this.parts.updates.isInRollback;
  }

  /** Whether the document's state can be read now. */
  get isSettled(): boolean {
    return !this.isUnsettled;
  }

  /** Whether the document has no state, history or pending ops. */
  get isBlank(): boolean {
    return !this.isUnsettled && this.journaled.isNew && !this.journaled.missing && !this.pendingOps && !this.doc.hasWritePending();
  }

  inspect(): DocReport {
    const {doc, rev, pendingOps, journaled: {history}, parts: {followers}} = this;
    return {
      collection: doc.collection, id: doc.id, type: doc.type?.name ?? null, version: doc.version, revision: rev,
      history: rev - history.start, pendingOps, followers: followers.size, subscribed: doc.subscribed
    };
  }

  // ---- storing and restoring

  /** See {@link DocRestore.restore}. */
  restore(): void {
    this.parts.restoring.restore();
  }

  /** Stores the state that the real document had at the start, if it had one. */
  checkpointState(): void {
    if (this.journaled.hasState) this.checkpoint();
  }

  checkpoint(): void {
    this.parts.checkpoint();
  }

  // ---- requests of tabs

  fetch(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.fetch(tab, position));
    return this.parts.requests.answer(this.locate(tab, position), 'f', position);
  }

  subscribe(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.subscribe(tab, position));
    Object.assign(this.parts.followers.of(tab), {subscribed: true, willAskAgain: this.doc.connection.state !== 'connected' && tab.asksAgain});
    return this.parts.requests.answer(this.locate(tab, position), 's', position);
  }

  unsubscribe(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.unsubscribe(tab, position));
    this.locate(tab, position).subscribed = false;
    return this.parts.requests.unsubscribe(tab, position);
  }

  private locate(tab: Tab, position: Position): Follower {
    const follower = this.parts.followers.of(tab);
    follower.locate(position, this.journaled.history);
    return follower;
  }

  /** Places an op of a tab, and the ops that were sent with it, in the history, up to the first one that is refused. */
  submit(tab: Tab, request: OpRequest): void {
    if (this.isRestoring) return this.hold(tab, () => this.submit(tab, request));
    const follower = this.locate(tab, request.at);
    // The op belongs to another incarnation, or to a state before a reset. The tab gives it up itself.
    if (request.at.inc !== follower.inc || follower.awaitsReset) return undefined;
    if (!this.parts.updates.isInRollback) return this.parts.sequencer.submit(follower, request);
    if (!this.parts.updates.isNotifiedOfRollback(follower)) this.parts.deferred.defer(() => this.submit(tab, request));
    return undefined;
  }

  /** Places orphaned ops of a tab in the history. */
  adopt(tab: Tab, left: LeftOps): void {
    // The host may delete its record of the tab meanwhile, so it gets a new one afterwards.
    if (this.isUnsettled) this.parts.deferred.defer(() => this.adopt(this.owner.tab(tab.id), left));
    else this.parts.sequencer.adopt(tab, left);
  }

  /** Continues the document in a tab that returns. */
  resume(tab: Tab, known: ResumeMessage['docs'][number]): void {
    if (this.isRestoring) return this.hold(tab, () => this.resume(tab, known));
    const follower = this.parts.followers.of(tab);
    if (!this.parts.updates.isInRollback) return this.parts.returns.resume(follower, known);
    // The outcomes of the tab's ops are unknown until the rollback ends. The tab may release the document meanwhile.
    return this.hold(tab, () => { if (follower === this.parts.followers.find(tab) && !follower.isReleasedByTab) this.resume(tab, known); });
  }

  /** Handles that the tab has released the document. */
  forget(tab: Tab): void {
    if (this.isRestoring) return this.hold(tab, () => this.forget(tab));
    const follower = this.parts.followers.find(tab);
    if (!follower) return undefined;
    follower.forget();
    if (follower.isForgotten) this.parts.followers.delete(tab);
    this.releaseSubscription();
    return this.parts.lifetime.checkIdle();
  }

  /** Handles the end of a tab's session. @param isGone whether the tab has ended, too */
  detach(tab: Tab, isGone: boolean): void {
    const follower = this.parts.followers.find(tab);
    if (!follower) return;
    follower.detach();
    // Otherwise the tab may return and continue.
    if (!isGone) return;
    this.owner.onGone(this, tab, follower.lastSeq);
    this.parts.followers.delete(tab);
    this.parts.updates.outcomes.forget(tab);
    this.releaseSubscription();
    this.parts.lifetime.checkIdle();
  }

  /** Returns the position of a tab whose message contains none. */
  positionOf(tab: Tab): Position {
    const follower = this.parts.followers.find(tab);
    return {inc: follower?.inc ?? 0, rev: follower?.sent ?? null};
  }

  isFollowedBy(tab: Tab): boolean {
    return this.parts.followers.find(tab) !== undefined;
  }

  // ---- queries

  /** Adds the document to the results of a tab's query. @returns the snapshot if the tab has no state, otherwise only the revision */
  join(tab: Tab): SnapshotData {
    const follower = this.parts.followers.of(tab);
    follower.queries++;
    const tabHasNoState = follower.sent === null;
    if (tabHasNoState && this.journaled.server.recheck()) this.parts.events.together(() => this.doc.fetch(() => {}));
    return this.snapshotFor(tab);
  }

  /** As `join`, for a tab that already has the result. It requests the state if it lacks it. */
  joinKnown(tab: Tab): void {
    const follower = this.parts.followers.of(tab);
    follower.queries++;
    this.parts.updates.catchUp(follower);
  }

  /** Returns the snapshot if the tab has no state, otherwise only the revision. */
  snapshotFor(tab: Tab): SnapshotData {
    const {missing} = this.journaled;
    // The error follows in the next tick, when the results, and the document with them, were sent.
    if (missing) nextTick(() => this.parts.updates.sendError(missing, tab.id));
    return this.parts.updates.snapshotFor(this.parts.followers.of(tab));
  }

  /** Removes the document from the results of one of the tab's queries. */
  leave(tab: Tab): void {
    const follower = this.parts.followers.find(tab);
    if (!follower?.queries) return;
    follower.queries--;
    follower.grace = follower.queries === 0;
    this.parts.lifetime.checkIdle();
  }

  // ---- transactions, and ops that were stored

  /** Returns the highest seq of an author's ops in the history. */
  lastSeqOf(author: Tab): number {
    return this.parts.followers.find(author)?.lastSeq ?? Math.max(this.owner.takenFrom(this, author), this.journaled.history.lastSeqOf(author.id));
  }

  /**
   * Rebases an op from revision `rev` to the current revision, and tries it. Nothing is changed.
   * @returns the rebased op, or the error with which it would fail
   */
  prepare(step: Step, seq: number, author: Tab, rev: number): WaitingOp | Error {
    const {history} = this.journaled;
    const rebased = history.rebase([{step, seq, x: {preventCompose: true}}], author.id, this.doc.type, history.after(rev));
    if (rebased instanceof Error) return rebased;
    const [op] = rebased;
    return op ? lossOf(op, this.doc) ?? this.journaled.trial(op.step) ?? op : historyLost(this.doc);
  }

  /** Places a prepared op in the history. @throws the error if it can't be applied */
  place(author: Tab, op: WaitingOp, onSettled: (error?: Error | null) => void): void {
    const error = this.parts.sequencer.place(author, op, onSettled);
    if (error) throw error;
  }

  /** Sends a tab the entries that it lacks, if it follows the document. */
  bringUpToDate(tab: Tab): void {
    const follower = this.parts.followers.find(tab);
    if (follower) this.parts.updates.catchUp(follower);
  }

  /** Places stored ops that were read late and rebased to the current revision. */
  merge(ops: WaitingOp[]): void {
    this.parts.sequencer.merge(this.owner.tab(`${this.owner.epoch}/${++this.merged}`), ops);
  }

  /** See {@link PlacedOps}. */
  get placed(): PlacedOps {
    return this.journaled.placed;
  }

  /** See {@link Sequencer.awaits}. */
  awaits(owner: string, seq: number): boolean {
    return this.parts.sequencer.awaits(owner, seq);
  }

  /** See {@link Sequencer.hasPlaced}. */
  hasPlaced(owner: string, seq: number): boolean | undefined {
    return this.parts.sequencer.hasPlaced(owner, seq);
  }

  /** Handles that the connection to the server was established. */
  onConnected(): void {
    this.journaled.server.noteConnection();
    this.journaled.askAgain();
    this.releaseSubscription();
  }

  // ---- waiting

  /** Runs an action for a tab when the document is settled, unless the tab's session ends before. */
  private hold(tab: Tab, act: () => void): void {
    this.parts.deferred.defer(tab.inThisSession(act));
  }

  /**
   * Calls `callback` when the document is neither being restored nor rolled back, after all earlier deferred actions; synchronously if that
   * is already the case. The state during a restore or a rollback is not in the journal.
   */
  whenSettled(callback: () => void): void {
    if (this.isUnsettled) this.parts.deferred.defer(callback);
    else this.parts.deferred.afterOthers(callback);
  }

  /** Calls `callback` when the document was read from the store, after the actions that were deferred before. */
  whenRestored(callback: () => void): void {
    if (this.isRestoring) this.parts.deferred.defer(callback);
    else callback();
  }

  /** Calls `callback` when no op is pending at the server. */
  whenSaved(callback: () => void): void {
    if (this.doc.hasWritePending()) this.doc.once('no write pending', callback);
    else callback();
  }

  /** See {@link DocLifetime.retain}. */
  retain(): void {
    this.parts.lifetime.retain();
  }

  release(): void {
    this.parts.lifetime.release();
  }

  /** See {@link DocLifetime.releaseSubscription}. */
  releaseSubscription(): void {
    this.parts.lifetime.releaseSubscription();
  }
}
