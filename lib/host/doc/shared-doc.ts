import type {Entry, Step, WaitingOp} from '../../ot/history-entry.js';
import {nextTick} from '../../platform/next-tick.js';
import type {ErrorData} from '../../protocol/errors.js';
import {isLocal} from '../../protocol/local.js';
import type {OpRequest, Position, ResumeMessage, SnapshotData} from '../../protocol/messages.js';
import type {DocReport} from '../../protocol/report.js';
import type {LostStep, LostSteps} from '../letters/dead-letters.js';
import type {FatalOps} from '../server/fatal-ops.js';
import type {ServerFaults} from '../server/server-faults.js';
import type {Tab} from '../tab.js';
import type {RealDoc, RealOp} from '../upstream.js';
import {CheckpointScheduler} from './checkpoint-scheduler.js';
import {DeferredActions} from './deferred-actions.js';
import type {DocJournal} from './doc-journal.js';
import {DocLifetime} from './doc-lifetime.js';
import {DocRequests} from './doc-requests.js';
import {DocRestore} from './doc-restore.js';
import {FollowerUpdates} from './follower-updates.js';
import type {Follower} from './follower.js';
import {Followers} from './followers.js';
import {HistoryRetention} from './history-retention.js';
import {JournaledDoc, type JournaledDocEvents} from './journaled-doc.js';
import {historyLost} from './op-errors.js';
import {Sequencer, type LeftOps} from './sequencer.js';
import type {StoredOps} from './stored-ops.js';
import {TabReturns} from './tab-returns.js';

export interface SharedDocOwner {
  after(ms: number, callback: () => void): () => void;
  now(): number;
  /** Runs actions for documents that were read together in one go. */
  together(act: () => void): void;
  /** The tab of a stored id. It may have ended. */
  tab(id: string): Tab;
  /** Whether a stored state is continued without asking the server for the snapshot. */
  readonly resumesFromStore: boolean;
  /** The host's epoch. */
  readonly epoch: string;
  /** The number of ops that the server has not answered to went up or down. */
  onPending(change: 1 | -1, pendingOps: number): void;
  /** Ops are given up, each made on the one before, the first on the server's version `v`. */
  onLost(lost: LostSteps): void;
  /** The server has an op. */
  onSaved(op: RealOp): void;
  onEntry(doc: SharedDoc, entry: Entry): void;
  /** A rollback begins: see {@link SharedDoc.isRollingBack}. */
  onRollback(doc: SharedDoc): void;
  /** The server has sent an op that no tab of this host has made. */
  onServerOp(doc: SharedDoc, step: Step): void;
  readonly faults: Pick<ServerFaults, 'willRetry' | 'forget' | 'isTransient' | 'readAgain' | 'forgetRead'>;
  readonly fatalOps: Pick<FatalOps, 'isHeldBack' | 'forget'>;
  /** A tab has ended. Its ops up to `seq` are in the history. */
  onGone(doc: SharedDoc, tab: Tab, seq: number): void;
  /** The highest such seq, also if the document was let go of since. */
  takenFrom(doc: SharedDoc, tab: Tab): number;
  /** Nobody follows the document any more, and it has nothing to send. */
  onIdle(doc: SharedDoc): void;
  /** The document has a type that this host does not know. */
  onMissingType(doc: SharedDoc, error: Error): void;
}

/** One document as the host shares it: one real document, one history, a follower per tab. */
export class SharedDoc implements JournaledDocEvents {
  readonly journaled: JournaledDoc;
  private readonly followers = new Followers(tab => Math.max(this.owner.takenFrom(this, tab), this.journaled.history.lastSeqOf(tab.id)));
  private readonly updates: FollowerUpdates;
  private readonly sequencer: Sequencer;
  private readonly requests: DocRequests;
  private readonly returns: TabReturns;
  private readonly lifetime: DocLifetime;
  private readonly retention: HistoryRetention;
  private readonly restoring: DocRestore;
  /** Actions that wait until the document is restored, or its rollback is over. */
  private readonly deferred = new DeferredActions();
  private readonly checkpoints: CheckpointScheduler | undefined;
  private merged = 0;

  /** @param start the revision at which its history begins, unless the journal has one */
  constructor(readonly doc: RealDoc, private readonly owner: SharedDocOwner, private readonly journal?: DocJournal, start?: number) {
    const {followers, deferred} = this;
    this.checkpoints = journal && new CheckpointScheduler(journal, owner, () => this.checkpoint());
    const journaled = (this.journaled = new JournaledDoc(doc, this, journal, start));
    const updates = (this.updates = new FollowerUpdates(doc, journaled, followers));
    const sequencer = (this.sequencer = new Sequencer(doc, journaled, followers, updates, {
      tab: id => owner.tab(id),
      // The host is the server of a local document.
      onPending: (change, ops) => { if (!isLocal(this.collection)) owner.onPending(change, ops); },
      onRejected: (steps, error, v = null) => this.onLost(v, steps.map(step => ({step, type: doc.type?.uri ?? null, error}))),
      onSettled: () => this.checkIdle(),
      onForgotten: (tab, seq) => owner.onGone(this, tab, seq)
    }));
    const lifetime = (this.lifetime = new DocLifetime({
      doc, followers, deferred,
      isRestoring: () => this.isRestoring,
      pendingOps: () => this.pendingOps,
      onIdle: () => {
        if (this.checkpoints?.isWaiting) this.checkpoint();
        owner.onIdle(this);
      }
    }));
    const retention = (this.retention = new HistoryRetention(journaled.history, followers, () => owner.now()));
    this.requests = new DocRequests({doc, journaled, followers, updates, deferred, lifetime, faults: owner.faults});
    this.returns = new TabReturns(doc, owner.epoch, journaled, updates, sequencer);
    this.restoring = new DocRestore(journal, {
      doc, journaled, followers, updates, sequencer, deferred, retention, resumesFromStore: owner.resumesFromStore,
      tab: id => owner.tab(id),
      together: act => owner.together(act),
      onRestored: () => this.requests.answerFromStore(),
      onRead: () => this.runDeferred()
    });
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
    return this.sequencer.pendingOps;
  }

  private get isRestoring(): boolean {
    return this.restoring.isRestoring;
  }

  get isRollingBack(): boolean {
    return this.updates.isInRollback;
  }

  /** Whether the document is being restored or rolled back. */
  get isUnsettled(): boolean {
    return this.isRestoring || this.updates.isInRollback;
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
    const {doc, rev, followers, pendingOps, journaled: {history}} = this;
    return {
      collection: doc.collection, id: doc.id, type: doc.type?.name ?? null, version: doc.version, revision: rev,
      history: rev - history.start, pendingOps, followers: followers.size, subscribed: doc.subscribed
    };
  }

  // ---- storing and restoring

  /** See {@link DocRestore.restore}. */
  restore(): void {
    this.restoring.restore();
  }

  /** Stores the state with which the document came, if it has one. */
  checkpointState(): void {
    if (this.journaled.hasState) this.checkpoint();
  }

  checkpoint(): void {
    this.checkpoints?.cancel();
    if (!this.journal || this.isRestoring || this.journaled.rollingBack) return;
    const tabs = [...this.followers].map(({tab, lastSeq}) => ({
      id: tab.id as string,
      lastSeq,
      outcomes: this.updates.outcomes.of(tab)
    }));
    this.journaled.checkpoint(tabs.filter(({lastSeq, outcomes}) => lastSeq > 0 || outcomes.length));
  }

  // ---- requests of tabs

  fetch(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.fetch(tab, position));
    return this.requests.answer(this.locate(tab, position), 'f', position);
  }

  subscribe(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.subscribe(tab, position));
    Object.assign(this.followers.of(tab), {subscribed: true, willAskAgain: this.doc.connection.state !== 'connected'});
    return this.requests.answer(this.locate(tab, position), 's', position);
  }

  unsubscribe(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.unsubscribe(tab, position));
    this.locate(tab, position).subscribed = false;
    return this.requests.unsubscribe(tab, position);
  }

  private locate(tab: Tab, position: Position): Follower {
    const follower = this.followers.of(tab);
    follower.locate(position, this.journaled.history);
    return follower;
  }

  /** Adds an op of a tab, and those that came with it, to the history: up to the first one that is refused. */
  submit(tab: Tab, request: OpRequest): void {
    if (this.isRestoring) return this.hold(tab, () => this.submit(tab, request));
    const follower = this.locate(tab, request.v);
    // The op was made on a state that is gone: the tab has given it up itself.
    if (request.v.inc !== follower.inc || follower.awaitsReset) return undefined;
    if (!this.updates.isInRollback) return this.sequencer.submit(follower, request);
    if (!this.updates.isToldOfRollback(follower)) this.deferred.defer(() => this.submit(tab, request));
    return undefined;
  }

  /** Adds ops of a tab that has ended to the history. */
  adopt(tab: Tab, left: LeftOps): void {
    // The host may forget the tab meanwhile: it is watched again.
    if (this.isUnsettled) this.deferred.defer(() => this.adopt(this.owner.tab(tab.id), left));
    else this.sequencer.adopt(tab, left);
  }

  /** A tab returns with what it knows. */
  resume(tab: Tab, known: ResumeMessage['docs'][number]): void {
    if (this.isRestoring) return this.hold(tab, () => this.resume(tab, known));
    const follower = this.followers.of(tab);
    if (!this.updates.isInRollback) return this.returns.resume(follower, known);
    // The outcome of the tab's ops is not known before the end of the rollback. The tab may let go of the document meanwhile.
    return this.hold(tab, () => { if (follower === this.followers.find(tab) && !follower.isLetGo) this.resume(tab, known); });
  }

  /** The tab has let go of the document. */
  forget(tab: Tab): void {
    if (this.isRestoring) return this.hold(tab, () => this.forget(tab));
    const follower = this.followers.find(tab);
    if (!follower) return undefined;
    follower.forget();
    if (follower.isForgotten) this.followers.delete(tab);
    this.releaseSubscription();
    return this.checkIdle();
  }

  /** The tab's session has ended. @param isGone whether the tab has, too */
  detach(tab: Tab, isGone: boolean): void {
    const follower = this.followers.find(tab);
    if (!follower) return;
    follower.detach();
    // Otherwise the tab will be back in a moment, and want the same.
    if (!isGone) return;
    this.owner.onGone(this, tab, follower.lastSeq);
    this.followers.delete(tab);
    this.updates.outcomes.forget(tab);
    this.releaseSubscription();
    this.checkIdle();
  }

  /** The position of a tab that does not send one. */
  positionOf(tab: Tab): Position {
    const follower = this.followers.find(tab);
    return {inc: follower?.inc ?? 0, rev: follower?.sent ?? null};
  }

  isFollowedBy(tab: Tab): boolean {
    return this.followers.find(tab) !== undefined;
  }

  // ---- queries

  /** A tab gets the document by a query's results. @returns what it lacks: the snapshot if it has no state, else only its revision */
  join(tab: Tab): SnapshotData {
    const follower = this.followers.of(tab);
    follower.queries++;
    const isLoaded = follower.sent === null;
    if (isLoaded && this.journaled.server.recheck()) this.together(() => this.doc.fetch(() => {}));
    return this.snapshotFor(tab);
  }

  /** The same for a tab that has the document already: it will request what it lacks. */
  joinKnown(tab: Tab): void {
    const follower = this.followers.of(tab);
    follower.queries++;
    this.updates.catchUp(follower);
  }

  /** What the tab lacks to be up to date: the snapshot if it has no state, else only its revision. */
  snapshotFor(tab: Tab): SnapshotData {
    const {missing} = this.journaled;
    // The tab is told when it has the results, and the document with them.
    if (missing) nextTick(() => this.updates.tellError(missing, tab.id));
    return this.updates.snapshotFor(this.followers.of(tab));
  }

  /** The document left the results of one of the tab's queries. */
  leave(tab: Tab): void {
    const follower = this.followers.find(tab);
    if (!follower?.queries) return;
    follower.queries--;
    follower.grace = follower.queries === 0;
    this.checkIdle();
  }

  // ---- transactions, and ops that were stored

  /** The highest seq of an author whose op is in the history. */
  lastSeqOf(author: Tab): number {
    return this.followers.find(author)?.lastSeq ?? Math.max(this.owner.takenFrom(this, author), this.journaled.history.lastSeqOf(author.id));
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
    return op ? this.journaled.trial(op.step) ?? op : historyLost(this.doc);
  }

  /** Adds a prepared op to the history. */
  place(author: Tab, op: WaitingOp, onSettled: (error?: Error | null) => void): void {
    const error = this.sequencer.place(author, op, onSettled);
    if (error) throw error;
  }

  /** Tells a tab what it lacks, if it knows the document. */
  bringUpToDate(tab: Tab): void {
    const follower = this.followers.find(tab);
    if (follower) this.updates.catchUp(follower);
  }

  /** Adds ops of a state that was read too late, transformed to the present one. */
  merge(ops: WaitingOp[]): void {
    this.sequencer.merge(this.owner.tab(`${this.owner.epoch}/${++this.merged}`), ops);
  }

  /** Whether the tabs that made the ops have sent them to this host themselves. @throws if that is not known of all */
  haveTabsSent({ops}: StoredOps): boolean {
    const sent = ops.flatMap(({origins}) => origins.map(([owner, seq]) => this.sequencer.hasSent(owner, seq)));
    if (sent.every(each => each === false)) return false;
    if (sent.every(each => each === true)) return true;
    throw new Error('The tab that made them may have sent some of them again');
  }

  // ---- events of the journaled document

  get isFollowed(): boolean {
    return this.followers.haveState;
  }

  /** Whether a hard rollback could lose ops of other tabs. After a restart, there may be tabs that have not returned yet. */
  isShared(owner: string | undefined): boolean {
    return this.restoring.wasRestored || this.followers.hasOthersThan(owner);
  }

  onEntry(entry: Entry): void {
    for (const follower of this.followers.toldOf(entry)) {
      this.updates.catchUp(follower);
      follower.grace = false;
    }
    this.owner.onEntry(this, entry);
    if (!this.isRestoring) this.retention.noteEntry(entry.rev);
  }

  onServerOp(step: Step): void {
    this.owner.onServerOp(this, step);
  }

  onRollback(): void {
    this.owner.faults.forget(this.doc);
    this.updates.beginRollback();
    this.owner.onRollback(this);
  }

  onReset(error: ErrorData, loadError: ErrorData | undefined): void {
    this.updates.endRollback(error, loadError);
    this.checkpoint();
    this.runDeferred();
    this.updates.catchUpAll();
  }

  onLost(v: number | null, ops: LostStep[]): void {
    const {collection, id} = this.doc;
    // What is replayed from the journal was told before.
    if (!this.isRestoring) this.owner.onLost({collection, doc: id, v, ops});
  }

  onSaved(op: RealOp): void {
    if (!this.isRestoring) this.owner.onSaved(op);
  }

  willRetry(error: Error, op: RealOp): boolean {
    return this.owner.faults.willRetry(this.doc, op, error);
  }

  isTransient(error: Error): boolean {
    return this.owner.faults.isTransient(error);
  }

  readLater(error: Error, ask: () => void): void {
    // The key is not the document: an answer to one of its own requests would end the waiting.
    this.owner.faults.readAgain(this.journaled, error, ask);
  }

  endReadingLater(): void {
    this.owner.faults.forgetRead(this.journaled);
  }

  /** The connection is there again. */
  onConnected(): void {
    this.journaled.server.noteConnection();
    this.journaled.askAgain();
    this.releaseSubscription();
  }

  isHeldBack(op: RealOp): boolean {
    return this.owner.fatalOps.isHeldBack(op);
  }

  beginSettling(): void {
    this.owner.faults.forget(this.doc);
    if (this.doc.inflightOp) this.owner.fatalOps.forget(this.doc.inflightOp);
    this.updates.outcomes.begin();
  }

  endSettling(): void {
    this.updates.outcomes.end();
  }

  onError(error: Error, owner: string | undefined): void {
    this.updates.tellError(error, owner);
  }

  onJournal(): void {
    this.checkpoints?.noteWrite();
  }

  onLoad(): void {
    if (this.journal && !this.updates.isInRollback) this.checkpoint();
  }

  /** A tab that asks is told with the answer, a tab that follows the document at once. */
  onMissingType(error: Error, isAnswer = false): void {
    this.owner.onMissingType(this, error);
    if (isAnswer) return;
    for (const {tab, sent, requests} of this.followers) if (sent !== null && !requests) this.updates.tellError(error, tab.id);
  }

  onRefused(error: Error): void {
    this.updates.empty(error);
    this.checkpoints?.cancel();
    this.journal?.delete();
    this.releaseSubscription();
  }

  together(act: () => void): void {
    this.retain();
    this.owner.together(() => {
      act();
      this.release();
    });
  }

  defer(act: () => void): void {
    this.deferred.defer(act);
  }

  // ---- waiting

  /** Does something for a tab when the document is settled, unless the tab's session ends before. */
  private hold(tab: Tab, act: () => void): void {
    this.deferred.defer(tab.inThisSession(act));
  }

  private runDeferred(): void {
    this.deferred.run();
    this.checkIdle();
  }

  /**
   * Calls back when the document can be read and all earlier deferred actions are done: at once, unless it is being restored or
   * rolled back. The state in the middle of that is not in the journal.
   */
  whenSettled(callback: () => void): void {
    if (this.isUnsettled) this.deferred.defer(callback);
    else this.deferred.afterOthers(callback);
  }

  /** Calls back when the document has been read from the store, and the actions that waited for that are done. */
  whenRestored(callback: () => void): void {
    if (this.isRestoring) this.deferred.defer(callback);
    else callback();
  }

  /** Calls back when the server has acknowledged all ops. */
  whenSaved(callback: () => void): void {
    if (this.doc.hasWritePending()) this.doc.once('no write pending', callback);
    else callback();
  }

  /** See {@link DocLifetime.retain}. */
  retain(): void {
    this.lifetime.retain();
  }

  release(): void {
    this.lifetime.release();
  }

  /** See {@link DocLifetime.releaseSubscription}. */
  releaseSubscription(): void {
    this.lifetime.releaseSubscription();
  }

  private checkIdle(): void {
    this.lifetime.checkIdle();
  }
}
