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
import {lossOf, type LeftOps} from './sequencer.js';
import type {StoredOps} from './stored-ops.js';

export type SharedDocOwner = DocOwner<SharedDoc>;

/** One document as the host shares it: one real document, one history, a follower per tab. */
export class SharedDoc {
  readonly journaled: JournaledDoc;
  private readonly parts: DocParts<SharedDoc>;
  private merged = 0;

  /** @param start the revision at which its history begins, unless the journal has one */
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

  /** The revision that a tab's presence or snapshot refers to. */
  get rev(): number {
    return this.journaled.history.rev;
  }

  /** How many ops of the tabs the server has not answered to. */
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

  /** Whether the document can be read now, and not only later. */
  get isSettled(): boolean {
    return !this.isUnsettled;
  }

  /** Whether nothing is known of the document, and nothing was done to it. */
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

  /** Stores the state with which the document came, if it has one. */
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

  /** Adds an op of a tab, and those that came with it, to the history: up to the first one that is refused. */
  submit(tab: Tab, request: OpRequest): void {
    if (this.isRestoring) return this.hold(tab, () => this.submit(tab, request));
    const follower = this.locate(tab, request.at);
    // The op was made on a state that is gone: the tab has given it up itself.
    if (request.at.inc !== follower.inc || follower.awaitsReset) return undefined;
    if (!this.parts.updates.isInRollback) return this.parts.sequencer.submit(follower, request);
    if (!this.parts.updates.isToldOfRollback(follower)) this.parts.deferred.defer(() => this.submit(tab, request));
    return undefined;
  }

  /** Adds ops of a tab that has ended to the history. */
  adopt(tab: Tab, left: LeftOps): void {
    // The host may forget the tab meanwhile: it is watched again.
    if (this.isUnsettled) this.parts.deferred.defer(() => this.adopt(this.owner.tab(tab.id), left));
    else this.parts.sequencer.adopt(tab, left);
  }

  /** A tab returns with what it knows. */
  resume(tab: Tab, known: ResumeMessage['docs'][number]): void {
    if (this.isRestoring) return this.hold(tab, () => this.resume(tab, known));
    const follower = this.parts.followers.of(tab);
    if (!this.parts.updates.isInRollback) return this.parts.returns.resume(follower, known);
    // The outcome of the tab's ops is not known before the end of the rollback. The tab may release the document meanwhile.
    return this.hold(tab, () => { if (follower === this.parts.followers.find(tab) && !follower.isLetGo) this.resume(tab, known); });
  }

  /** The tab has released the document. */
  forget(tab: Tab): void {
    if (this.isRestoring) return this.hold(tab, () => this.forget(tab));
    const follower = this.parts.followers.find(tab);
    if (!follower) return undefined;
    follower.forget();
    if (follower.isForgotten) this.parts.followers.delete(tab);
    this.releaseSubscription();
    return this.parts.lifetime.checkIdle();
  }

  /** The tab's session has ended. @param isGone whether the tab has, too */
  detach(tab: Tab, isGone: boolean): void {
    const follower = this.parts.followers.find(tab);
    if (!follower) return;
    follower.detach();
    // Otherwise the tab will be back in a moment, and want the same.
    if (!isGone) return;
    this.owner.onGone(this, tab, follower.lastSeq);
    this.parts.followers.delete(tab);
    this.parts.updates.outcomes.forget(tab);
    this.releaseSubscription();
    this.parts.lifetime.checkIdle();
  }

  /** The position of a tab that does not send one. */
  positionOf(tab: Tab): Position {
    const follower = this.parts.followers.find(tab);
    return {inc: follower?.inc ?? 0, rev: follower?.sent ?? null};
  }

  isFollowedBy(tab: Tab): boolean {
    return this.parts.followers.find(tab) !== undefined;
  }

  // ---- queries

  /** A tab gets the document by a query's results. @returns what it lacks: the snapshot if it has no state, else only its revision */
  join(tab: Tab): SnapshotData {
    const follower = this.parts.followers.of(tab);
    follower.queries++;
    const tabHasNoState = follower.sent === null;
    if (tabHasNoState && this.journaled.server.recheck()) this.parts.events.together(() => this.doc.fetch(() => {}));
    return this.snapshotFor(tab);
  }

  /** The same for a tab that has the document already: it will request what it lacks. */
  joinKnown(tab: Tab): void {
    const follower = this.parts.followers.of(tab);
    follower.queries++;
    this.parts.updates.catchUp(follower);
  }

  /** The missing state of a tab: the snapshot if it has no state, otherwise only the revision. */
  snapshotFor(tab: Tab): SnapshotData {
    const {missing} = this.journaled;
    // The tab is told when it has the results, and the document with them.
    if (missing) nextTick(() => this.parts.updates.tellError(missing, tab.id));
    return this.parts.updates.snapshotFor(this.parts.followers.of(tab));
  }

  /** The document left the results of one of the tab's queries. */
  leave(tab: Tab): void {
    const follower = this.parts.followers.find(tab);
    if (!follower?.queries) return;
    follower.queries--;
    follower.grace = follower.queries === 0;
    this.parts.lifetime.checkIdle();
  }

  // ---- transactions, and ops that were stored

  /** The highest seq of an author whose op is in the history. */
  lastSeqOf(author: Tab): number {
    return this.parts.followers.find(author)?.lastSeq ?? Math.max(this.owner.takenFrom(this, author), this.journaled.history.lastSeqOf(author.id));
  }

  /**
   * Transforms an op that was made at a revision to the current one.
   * @returns the error if it can't be applied; nothing is changed
   */
  prepare(step: Step, seq: number, author: Tab, rev: number): WaitingOp | Error {
    const {history} = this.journaled;
    const carried = history.rebase([{step, seq, x: {preventCompose: true}}], author.id, this.doc.type, history.after(rev));
    if (carried instanceof Error) return carried;
    const [op] = carried;
    return op ? lossOf(op, this.doc) ?? this.journaled.trial(op.step) ?? op : historyLost(this.doc);
  }

  /** Adds a prepared op to the history. */
  place(author: Tab, op: WaitingOp, onSettled: (error?: Error | null) => void): void {
    const error = this.parts.sequencer.place(author, op, onSettled);
    if (error) throw error;
  }

  /** Tells a tab what it lacks, if it knows the document. */
  bringUpToDate(tab: Tab): void {
    const follower = this.parts.followers.find(tab);
    if (follower) this.parts.updates.catchUp(follower);
  }

  /** Adds ops of a state that was read too late, transformed to the present one. */
  merge(ops: WaitingOp[]): void {
    this.parts.sequencer.merge(this.owner.tab(`${this.owner.epoch}/${++this.merged}`), ops);
  }

  /** Whether the tabs that made the ops have sent them to this host themselves. @throws if that is not known of all */
  haveTabsSent({ops}: StoredOps): boolean {
    const sent = ops.flatMap(({origins}) => origins.map(([owner, seq]) => this.parts.sequencer.hasSent(owner, seq)));
    if (sent.every(each => each === false)) return false;
    if (sent.every(each => each === true)) return true;
    throw new Error('The tab that made them may have sent some of them again');
  }

  /** The connection is there again. */
  onConnected(): void {
    this.journaled.server.noteConnection();
    this.journaled.askAgain();
    this.releaseSubscription();
  }

  // ---- waiting

  /** Does something for a tab when the document is settled, unless the tab's session ends before. */
  private hold(tab: Tab, act: () => void): void {
    this.parts.deferred.defer(tab.inThisSession(act));
  }

  /**
   * Calls back when the document can be read and all earlier deferred actions are done: at once, unless it is being restored or
   * rolled back. The state in the middle of that is not in the journal.
   */
  whenSettled(callback: () => void): void {
    if (this.isUnsettled) this.parts.deferred.defer(callback);
    else this.parts.deferred.afterOthers(callback);
  }

  /** Calls back when the document has been read from the store, and the actions that waited for that are done. */
  whenRestored(callback: () => void): void {
    if (this.isRestoring) this.parts.deferred.defer(callback);
    else callback();
  }

  /** Calls back when the server has acknowledged all ops. */
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
