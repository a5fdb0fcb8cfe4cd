import {MAX_UNWRITTEN_MESSAGES} from '../../broker/host-session.js';
import type {ErrorData} from '../../protocol/errors.js';
import {isLocal} from '../../protocol/local.js';
import type {DocReport} from '../../protocol/report.js';
import type {OpRequest, Position, ResumeMessage, SnapshotData} from '../../protocol/messages.js';
import {isTransactionAuthor} from '../../protocol/transactions.js';
import {CheckpointScheduler} from './checkpoint-scheduler.js';
import type {LostStep, LostSteps} from '../letters/dead-letters.js';
import type {DocJournal, Restored} from './doc-journal.js';
import {FollowerUpdates} from './follower-updates.js';
import type {Follower} from './follower.js';
import type {FatalOps} from '../server/fatal-ops.js';
import {Followers} from './followers.js';
import {DeferredActions} from './deferred-actions.js';
import type {Entry, Step, WaitingOp} from '../../ot/history-entry.js';
import {historyLost} from './op-errors.js';
import {ReadAgain} from './read-again.js';
import {JournaledDoc, type JournaledDocEvents} from './journaled-doc.js';
import {Sequencer, type LeftOps} from './sequencer.js';
import type {ServerFaults} from '../server/server-faults.js';
import type {StoredOps} from './stored-ops.js';
import {nextTick} from '../../platform/next-tick.js';
import type {Tab} from '../tab.js';
import type {Callback, RealDoc, RealOp} from '../upstream.js';

/** The way of a tab that is away is kept until it takes so many characters; past them it gets a snapshot instead. */
const MAX_HISTORY = 4 * 1024 * 1024;
/** So long after a restart the whole way is kept for tabs that the journal does not know of. */
export const RETURN_MS = 60_000;
/** How many entries come in between two looks at what can be forgotten. */
const TRIM_EVERY = 64;

export interface SharedDocOwner {
  after(ms: number, callback: () => void): () => void;
  now(): number;
  /** Runs what is to be done for documents that were read together in one go. */
  together(act: () => void): void;
  /** The tab of an id that was stored: it may come back, or not. */
  tab(id: string): Tab;
  /** A stored state is gone on from as long as the server does not object. */
  readonly resumesFromStore: boolean;
  /** The host's. */
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
  /** An op of the server's has come, which no tab of this host has made. */
  onServerOp(doc: SharedDoc, step: Step): void;
  readonly faults: Pick<ServerFaults, 'willRetry' | 'forget' | 'isTransient' | 'readAgain' | 'forgetRead'>;
  readonly fatalOps: Pick<FatalOps, 'isHeldBack' | 'forget'>;
  /** A tab is gone whose ops up to `seq` have their place. */
  onGone(doc: SharedDoc, tab: Tab, seq: number): void;
  /** The highest such seq, also of a document that was let go of since. */
  takenFrom(doc: SharedDoc, tab: Tab): number;
  /** Nobody follows the document any more, and it has nothing to send. */
  onIdle(doc: SharedDoc): void;
  /** The document is of a type that this host does not know. */
  onMissingType(doc: SharedDoc, error: Error): void;
}

/** One document as the host shares it: one real document, one history, a follower per tab. */
export class SharedDoc implements JournaledDocEvents {
  readonly journaled: JournaledDoc;
  private readonly followers = new Followers(tab => Math.max(this.owner.takenFrom(this, tab), this.journaled.history.lastSeqOf(tab.id)));
  private readonly updates: FollowerUpdates;
  private readonly sequencer: Sequencer;
  private readonly readAgain: ReadAgain;
  /** Waits until the document is restored, or its rollback is over. */
  private readonly deferred = new DeferredActions();
  private isRestoring = false;
  private wasRestored = false;
  /** Requests without an answer, which a state that is restored late answers. */
  private readonly unanswered = new Set<() => void>();
  private merged = 0;
  private awaitsQuiet = false;
  /** How many wait for it together with other documents. */
  private retained = 0;
  /** From where, and until when, the way is kept for tabs that the journal does not know of. */
  private kept: {from: number; until: number} | undefined;
  private readonly checkpoints: CheckpointScheduler | undefined;

  /** @param start the revision that its history begins at, unless there is one in the journal */
  constructor(readonly doc: RealDoc, private readonly owner: SharedDocOwner, private readonly journal?: DocJournal, start?: number) {
    this.checkpoints = journal && new CheckpointScheduler(journal, owner, () => this.checkpoint());
    this.journaled = new JournaledDoc(doc, this, journal, start);
    this.updates = new FollowerUpdates(doc, this.journaled, this.followers);
    this.readAgain = new ReadAgain(doc, owner.faults, this.followers, refusal => this.endReadingAgain(refusal));
    this.sequencer = new Sequencer(doc, this.journaled, this.followers, this.updates, {
      tab: id => owner.tab(id),
      // Of a local document the host is the server.
      onPending: (change, ops) => { if (!this.isLocal) owner.onPending(change, ops); },
      onRejected: (steps, error, v = null) => this.onLost(v, steps.map(step => ({step, type: doc.type?.uri ?? null, error}))),
      onSettled: () => this.checkIdle(),
      onForgotten: (tab, seq) => owner.onGone(this, tab, seq)
    });
  }

  /** How many ops of the tabs the server has not answered to. */
  get pendingOps(): number {
    return this.sequencer.pendingOps;
  }

  /** Nothing is known of the document, and nothing was done to it. */
  get isBlank(): boolean {
    return !this.isUnsettled && this.journaled.isNew && !this.journaled.missing && !this.pendingOps && !this.doc.hasWritePending();
  }

  /** Brings back what the journal has of the document; requests wait for it. Later than at the start, only while it is blank. */
  restore(): void {
    if (!this.journal) return;
    this.isRestoring = true;
    // By a query's results, before the host has known of it: that is the server's answer, and younger than what is stored.
    const arrived = this.journaled.takeOut();
    if (arrived) this.deferred.defer(() => this.doc.ingestSnapshot(arrived));
    this.journaled.beginReading();
    void this.journal.load().then(stored => this.owner.together(() => {
      const missed = this.journaled.endReading();
      this.wasRestored = !!stored && this.revive(stored);
      if (this.wasRestored) {
        this.awaitTabs();
        if (!this.owner.resumesFromStore && !this.isLocal) this.journaled.server.distrust();
      }
      this.isRestoring = false;
      if (this.wasRestored && !this.isConnected) for (const answer of this.unanswered) answer();
      if (missed) this.doc.fetch();
      this.runHeld();
    }));
  }

  /** @returns whether it could be brought back; else the document is as if nothing had been stored */
  private revive(stored: Restored): boolean {
    try {
      for (const {id, lastSeq, outcomes} of stored.checkpoint?.tabs ?? []) {
        const tab = this.owner.tab(id);
        this.followers.of(tab).lastSeq = lastSeq;
        this.updates.outcomes.restore(tab, outcomes);
      }
      this.journaled.restore(stored, (owner, seq) => this.sequencer.restore(owner, seq));
      return true;
    } catch (error) {
      if (!this.journaled.lock(error)) this.journal!.setAside(error);
      this.journaled.startAnew();
      this.followers.clearRestored();
      this.updates.outcomes.clear();
      this.sequencer.clear();
      return false;
    }
  }

  /** Tabs that live come back with what they had: the way on from there is kept for them. */
  private awaitTabs(): void {
    const {start} = this.journaled.history;
    for (const follower of this.followers) if (!isTransactionAuthor(follower.tab.id)) follower.awaitFrom(start);
    // The journal does not know of a tab that has only looked.
    this.kept = {from: start, until: this.owner.now() + RETURN_MS};
  }

  /** The state that it came with, if it has one. */
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

  inspect(): DocReport {
    const {doc, rev, followers, pendingOps, journaled: {history}} = this;
    return {
      collection: doc.collection, id: doc.id, type: doc.type?.name ?? null, version: doc.version, revision: rev,
      history: rev - history.start, pendingOps, followers: followers.size, subscribed: doc.subscribed
    };
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

  fetch(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.fetch(tab, position));
    this.answer(tab, 'f', position, callback => this.doc.fetch(callback));
  }

  subscribe(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.subscribe(tab, position));
    Object.assign(this.followers.of(tab), {subscribed: true, willAskAgain: !this.isConnected});
    this.answer(tab, 's', position, callback => this.doc.subscribe(callback));
  }

  unsubscribe(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.unsubscribe(tab, position));
    const follower = this.locate(tab, position);
    follower.subscribed = false;
    const reply = tab.inThisSession(() => this.updates.answerUnsubscribe(tab, position));
    if (this.canRelease) this.doc.unsubscribe(() => reply());
    else reply();
    this.checkIdle();
  }

  /** Gives an op of a tab, and those that came with it, their places in the history: up to the first one that has none. */
  submit(tab: Tab, request: OpRequest): void {
    if (this.isRestoring) return this.hold(tab, () => this.submit(tab, request));
    const follower = this.locate(tab, request.v);
    // Made on a state that is gone: the tab has given it up itself.
    if (request.v.inc !== follower.inc || follower.awaitsReset) return;
    if (!this.updates.isInRollback) this.sequencer.submit(follower, request);
    else if (!this.updates.isToldOfRollback(follower)) this.deferred.defer(() => this.submit(tab, request));
  }

  /** Gives ops of a tab that is dead their places. */
  adopt(tab: Tab, left: LeftOps): void {
    // By then the tab may be gone: it is watched again.
    if (this.isUnsettled) this.deferred.defer(() => this.adopt(this.owner.tab(tab.id), left));
    else this.sequencer.adopt(tab, left);
  }

  /** Takes notice that the tab got a document by a query's results, and gives what it lacks. */
  join(tab: Tab): SnapshotData {
    const follower = this.followers.of(tab);
    follower.queries++;
    return this.startFollowing(follower);
  }

  private startFollowing(follower: Follower): SnapshotData {
    const {missing} = this.journaled;
    // When the tab has the results, and the document with them.
    if (missing) nextTick(() => this.updates.tellError(missing, follower.tab.id));
    return this.updates.snapshotFor(follower);
  }

  /** The same, of a document that the tab has from elsewhere: what it lacks it will ask for. */
  joinKnown(tab: Tab): void {
    const follower = this.followers.of(tab);
    follower.queries++;
    this.updates.catchUp(follower);
  }

  /** What the tab lacks to be up to date: the snapshot where it has nothing, else only its revision. */
  snapshotFor(tab: Tab): SnapshotData {
    return this.startFollowing(this.followers.of(tab));
  }

  /** The document left the results of one of the tab's queries. */
  leave(tab: Tab): void {
    const follower = this.followers.find(tab);
    if (!follower?.queries) return;
    follower.queries--;
    follower.grace = follower.queries === 0;
    this.checkIdle();
  }

  /** Where a tab stands that says nothing of it. */
  positionOf(tab: Tab): Position {
    const follower = this.followers.find(tab);
    return {inc: follower?.inc ?? 0, rev: follower?.sent ?? null};
  }

  forget(tab: Tab): void {
    if (this.isRestoring) return this.hold(tab, () => this.forget(tab));
    const follower = this.followers.find(tab);
    if (!follower) return;
    follower.forget();
    if (follower.isForgotten) this.followers.delete(tab);
    this.releaseSubscription();
    this.checkIdle();
  }

  /** The tab's session ended; `gone` for good. */
  detach(tab: Tab, gone: boolean): void {
    const follower = this.followers.find(tab);
    if (!follower) return;
    follower.detach();
    // Otherwise it will be back in a moment, and want the same.
    if (!gone) return;
    this.owner.onGone(this, tab, follower.lastSeq);
    this.followers.delete(tab);
    this.updates.outcomes.forget(tab);
    this.releaseSubscription();
    this.checkIdle();
  }

  /** The tab is back with what it knows. */
  resume(tab: Tab, known: ResumeMessage['docs'][number]): void {
    if (this.isRestoring) return this.hold(tab, () => this.resume(tab, known));
    const {inc, rev, unsettled, awaitsReset = false, ahead = []} = known;
    const follower = this.followers.of(tab);
    // What becomes of its ops is not known before. It may let go of the document meanwhile.
    if (this.updates.isInRollback) return this.hold(tab, () => { if (follower === this.followers.find(tab) && !follower.isLetGo) this.resume(tab, known); });
    // Or start anew.
    const isPast = inc < follower.inc;
    if (!isPast) follower.return(inc, null);
    if (awaitsReset) return this.updates.resumeReset(follower, unsettled);
    if (isPast || rev === null) return this.updates.repeatOutcomes(follower, unsettled);
    // The revision is of a history that the host before could not write down: it may be another state here.
    if ((known.onlyHost ?? this.owner.epoch) !== this.owner.epoch) return this.updates.lose(follower);
    // Nothing is known here of what the tab had: it starts anew. What was created and deleted is known, and has no state.
    if (this.journaled.isNew) return this.updates.lose(follower);
    const {history} = this.journaled;
    tab.silently(() => this.sequencer.replayUnconfirmed(rev, ahead));
    const end = history.end(rev, ahead);
    // Somebody else may have been here first.
    const detour = end === undefined ? history.continuationAround(rev, ahead, this.doc.type) : undefined;
    if (end === undefined && !detour) {
      this.updates.repeatOutcomes(follower, unsettled);
      return this.updates.reset(follower, historyLost(this.doc));
    }
    follower.return(inc, end ?? this.rev);
    if (ahead.length) this.updates.continueFrom(follower, end ?? this.rev, detour);
    this.updates.catchUp(follower);
    this.updates.repeatOutcomes(follower, unsettled);
  }

  /** Forgets what no tab can refer to any more. */
  private trim(): void {
    if (this.isRestoring) return;
    const {history} = this.journaled;
    if (this.kept && this.owner.now() >= this.kept.until) this.kept = undefined;
    let oldest = this.kept?.from ?? history.rev;
    for (const follower of this.followers) oldest = Math.min(oldest, follower.oldestRev() ?? oldest);
    history.trim(oldest - MAX_UNWRITTEN_MESSAGES, MAX_HISTORY);
  }

  // ---- transactions

  /** Whether it can be looked at now, and not only later. */
  get isSettled(): boolean {
    return !this.isUnsettled;
  }

  /** The highest seq of an author that has its place. */
  lastSeqOf(author: Tab): number {
    return this.followers.find(author)?.lastSeq ?? Math.max(this.owner.takenFrom(this, author), this.journaled.history.lastSeqOf(author.id));
  }

  /**
   * An op that was made at a revision, as it is now.
   * @returns the reason where it can't be applied; nothing is changed
   */
  prepare(step: Step, seq: number, author: Tab, rev: number): WaitingOp | Error {
    const {history} = this.journaled;
    const carried = history.rebase([{step, seq, x: {preventCompose: true}}], author.id, this.doc.type, history.after(rev));
    if (carried instanceof Error) return carried;
    const [op] = carried;
    return op ? this.journaled.trial(op.step) ?? op : historyLost(this.doc);
  }

  place(author: Tab, op: WaitingOp, onSettled: (error?: Error | null) => void): void {
    const error = this.sequencer.place(author, op, onSettled);
    // It has been tried.
    if (error) throw error;
  }

  /** Tells a tab what it lacks, whether or not it follows the document. */
  bringUpToDate(tab: Tab): void {
    const follower = this.followers.find(tab);
    if (follower) this.updates.catchUp(follower);
  }

  // ---- what the recorded document tells

  get isFollowed(): boolean {
    return this.followers.haveState;
  }

  /** Whether others than this tab have, or after a restart may have, ops that a hard rollback would cost. */
  isShared(owner: string | undefined): boolean {
    return this.wasRestored || this.followers.hasOthersThan(owner);
  }

  onEntry(entry: Entry): void {
    for (const follower of this.followers.toldOf(entry)) {
      this.updates.catchUp(follower);
      follower.grace = false;
    }
    this.owner.onEntry(this, entry);
    if (entry.rev % TRIM_EVERY === 0) this.trim();
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
    this.runHeld();
    this.updates.catchUpAll();
  }

  /** What is told again from the journal has been seen to before. */
  onLost(v: number | null, ops: LostStep[]): void {
    const {collection, id} = this.doc;
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
    // Apart from the document's own requests, whose answer would end the waiting.
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

  /** Who asks is told with the answer; who follows, at once. */
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

  // ---- requests

  private answer(tab: Tab, action: 'f' | 's', position: Position, load: (callback: Callback) => void): void {
    const follower = this.locate(tab, position);
    follower.requests++;
    const {seed} = position;
    if (seed) this.position(follower, position.inc, seed);
    const reply = tab.inThisSession((failure?: Error | null) => {
      if (this.updates.isInRollback) return this.deferred.defer(() => reply(failure));
      const isHidden = !!failure && this.goOnFromCopy(follower, action, failure);
      const error = (isHidden ? undefined : failure) ?? this.journaled.missing;
      follower.requests--;
      if (seed && !error) this.position(follower, position.inc, seed);
      this.reply(follower, action, position.inc, error);
      this.checkIdle();
      return undefined;
    });
    // The tab has seen more of the server than this host.
    const isBehind = !!seed && (seed.v ?? 0) > (this.doc.version ?? 0);
    // Who fetches wants to know what the server has, whether or not it has told of it.
    const mustAsk = isBehind || (action === 'f' && !this.isLocal && !seed && !position.stored);
    if (this.isCurrent) return mustAsk ? this.doc.fetch(reply) : reply();
    const noteRead = (failure?: Error | null): void => {
      if (!failure) this.owner.faults.forgetRead(this.doc);
      else if (this.isTransient(failure)) this.readAgain.after(failure);
    };
    if (this.journaled.isLocked && (this.isLocal || !this.isConnected)) return reply();
    // Without a server the host's copy is the best answer there is.
    const fromCopy = !isBehind && (position.stored || !this.isConnected) && this.journaled.hasState && !this.updates.isInRollback;
    if (!fromCopy) {
      const answer = this.answerable(reply);
      return load(failure => {
        if (!failure) noteRead();
        answer(failure);
      });
    }
    if (action === 's' || this.isConnected) load(noteRead);
    else if (!this.journaled.server.isTrusted) {
      // What the server says comes later, as a change.
      follower.awaitsServer = true;
      load(failure => {
        follower.awaitsServer = !!failure && this.isTransient(failure);
        noteRead(failure);
      });
    }
    reply();
  }

  /** A late restoring of the document answers first, if it comes first. */
  private answerable(reply: Callback): Callback {
    const answer = (error?: Error | null): void => {
      if (this.unanswered.delete(answer)) reply(error);
    };
    this.unanswered.add(answer);
    return answer;
  }

  /** Makes ops of a state that was read too late, carried over to the present one. */
  merge(ops: WaitingOp[]): void {
    this.sequencer.merge(this.owner.tab(`${this.owner.epoch}/${++this.merged}`), ops);
  }

  /** Whether the tabs that made the ops have sent them to this host themselves. @throws where that is not known of all */
  haveTabsSent({ops}: StoredOps): boolean {
    const sent = ops.flatMap(({origins}) => origins.map(([owner, seq]) => this.sequencer.hasSent(owner, seq)));
    if (sent.every(each => each === false)) return false;
    if (sent.every(each => each === true)) return true;
    throw new Error('The tab that made them may have sent some of them again');
  }

  /**
   * The server can't read the document for now. Who has nothing of it, or wants to follow it, is answered as without a server,
   * and gets what the server says when it can, as a change.
   */
  private goOnFromCopy(follower: Follower, action: 'f' | 's', error: Error): boolean {
    if (!this.journaled.hasState || (action === 'f' && follower.sent !== null) || !this.isTransient(error)) return false;
    if (action === 'f') follower.awaitsServer = true;
    this.readAgain.after(error);
    return true;
  }

  private endReadingAgain(refusal: Error | undefined): void {
    if (refusal) this.updates.endSubscriptions(refusal);
    this.releaseSubscription();
    this.checkIdle();
  }

  private reply(follower: Follower, action: 'f' | 's', inc: number, error?: Error | null): void {
    if (!error) return this.updates.answer(follower, action, inc);
    if (action === 's') {
      follower.subscribed = false;
      this.releaseSubscription();
    }
    return this.updates.answerError(follower, action, inc, error);
  }

  private get isLocal(): boolean {
    return isLocal(this.collection);
  }

  /** Of its own connection: a local document's is always there. */
  private get isConnected(): boolean {
    return this.doc.connection.state === 'connected';
  }

  /** Whether the host's copy is what the server would answer with. */
  private get isCurrent(): boolean {
    const {doc, updates: news, journaled: recorded} = this;
    return doc.subscribed && !news.isInRollback && this.isConnected && recorded.hasState && !recorded.missing;
  }

  /** The tab has a state that the server had. If this document can go on from it, the tab can too. */
  private position(follower: Follower, inc: number, {v, type, data}: SnapshotData): void {
    if (v === null || follower.sent !== null || inc !== follower.inc || this.updates.isInRollback) return;
    if (!this.journaled.hasState) this.journaled.ingest({v, type, data});
    const rev = this.journaled.revisionOf(v);
    if (rev !== undefined) this.updates.position(follower, rev);
  }

  // ---- what waits

  private hold(tab: Tab, act: () => void): void {
    this.deferred.defer(tab.inThisSession(act));
  }

  private runHeld(): void {
    this.deferred.run();
    this.checkIdle();
  }

  /** It is not let go of until it is released as often. */
  retain(): void {
    this.retained++;
  }

  release(): void {
    this.retained--;
    this.checkIdle();
  }

  /**
   * Calls back when the document can be asked, and what was held before has been done: at once, unless it is being restored or
   * rolled back. A state in the middle of that is not in the journal.
   */
  whenSettled(callback: () => void): void {
    if (this.isUnsettled) this.deferred.defer(callback);
    else this.deferred.afterOthers(callback);
  }

  get isRollingBack(): boolean {
    return this.updates.isInRollback;
  }

  isFollowedBy(tab: Tab): boolean {
    return this.followers.find(tab) !== undefined;
  }

  /** Calls back when the document has been read from the store, and what waited for that has been done. */
  whenRestored(callback: () => void): void {
    if (this.isRestoring) this.deferred.defer(callback);
    else callback();
  }

  /** Calls back when the server has all that there is to send. */
  whenSaved(callback: () => void): void {
    if (this.doc.hasWritePending()) this.doc.once('no write pending', callback);
    else callback();
  }

  /** It is being restored, or rolled back. */
  get isUnsettled(): boolean {
    return this.isRestoring || this.updates.isInRollback;
  }

  // ---- followers

  private locate(tab: Tab, position: Position): Follower {
    const follower = this.followers.of(tab);
    follower.locate(position, this.journaled.history);
    return follower;
  }

  /** Whether the server has been asked, last of all, to tell of the document. */
  private get willFollow(): boolean {
    const {pendingSubscribe, inflightSubscribe, wantSubscribe} = this.doc;
    return (pendingSubscribe.at(-1) ?? inflightSubscribe ?? {wantSubscribe}).wantSubscribe;
  }

  private get canRelease(): boolean {
    // Without a server there is nothing to end, and upstream trips over an unsubscribe that a reconnect overtakes.
    return this.willFollow && !this.followers.areSubscribed && this.isConnected;
  }

  /** Ends the subscription at the server where no tab wants it any more. */
  releaseSubscription(): void {
    if (this.canRelease) this.doc.unsubscribe(() => this.checkIdle());
  }

  private checkIdle(): void {
    if (this.isRestoring || !this.deferred.isEmpty || this.retained) return;
    if (this.followers.size || this.pendingOps || this.willFollow) return;
    if (this.doc.hasPending()) return this.awaitQuiet();
    if (this.checkpoints?.isWaiting) this.checkpoint();
    this.owner.onIdle(this);
  }

  /** Requests are under way to the server. */
  private awaitQuiet(): void {
    if (this.awaitsQuiet) return;
    this.awaitsQuiet = true;
    this.doc.once('nothing pending', () => {
      this.awaitsQuiet = false;
      this.checkIdle();
    });
  }
}
