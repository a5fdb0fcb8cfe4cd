import {MAX_EARLY_MESSAGES, type Care} from '../broker/host-session.js';
import {encodeError, type ErrorData} from '../protocol/errors.js';
import type {DocReport} from '../protocol/report.js';
import type {AheadOp, OpRequest, Position, ResetMessage, ResumeMessage, SnapshotData} from '../protocol/messages.js';
import {stepOf} from '../protocol/step.js';
import {CutTimer} from './cut-timer.js';
import type {Follower} from './follower.js';
import {Followers} from './followers.js';
import type {DocJournal, Restored} from './doc-journal.js';
import {Entry, type Step} from './history.js';
import {alreadyCreated, docMissing, historyLost, seqOverflow} from './op-errors.js';
import {Outcomes} from './outcomes.js';
import type {Detour, WaitingOp} from './rebase.js';
import {RecordedDoc, type RecordedDocEvents} from './recorded-doc.js';
import type {Tab} from './tab.js';
import type {Callback, RealDoc} from './upstream.js';

/** The way of a tab that is away is kept until it takes so many characters; past them it gets a snapshot instead. */
const MAX_HISTORY = 4 * 1024 * 1024;
/** So many ops times entries are carried over at once, which takes a tenth of a second or so; more the tab does itself. */
const MAX_CARRY = 64 * 1024;
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
  isConnected(): boolean;
  /** The number of ops that the server has not answered to went up or down. */
  onPending(change: 1 | -1, pendingOps: number): void;
  /** The server rejected an op for good. */
  onRejected(doc: SharedDoc, step: Step, error: ErrorData): void;
  onEntry(doc: SharedDoc, entry: Entry): void;
  /** A tab is gone whose ops up to `seq` have their place. */
  onGone(doc: SharedDoc, tab: Tab, seq: number): void;
  /** The highest such seq, also of a document that was let go of since. */
  takenFrom(doc: SharedDoc, tab: Tab): number;
  /** Nobody follows the document any more, and it has nothing to send. */
  onIdle(doc: SharedDoc): void;
}

/** One document as the host shares it: one real document, one history, a follower per tab. */
export class SharedDoc implements RecordedDocEvents {
  readonly recorded: RecordedDoc;
  private readonly followers = new Followers(tab => Math.max(this.owner.takenFrom(this, tab), this.recorded.history.lastSeqOf(tab.id)));
  private readonly outcomes = new Outcomes(({tab, seqs, error, isSilent}) => tab.send({
    a: 'doc.settled', c: this.collection, d: this.id, seqs, ...(error && {error}), ...(isSilent && {silent: true})
  }, 'repeatable', !error && this.doc.hasWritePending()));
  private rolledBack: {told: Set<Follower>; outcomes: Map<Tab, ResetMessage['outcomes']>} | undefined;
  /** Waits until the document is restored, or its rollback is over. */
  private held: (() => void)[] = [];
  /** What was held and is just being done. */
  private running: (() => void)[] = [];
  private isRestoring = false;
  private wasRestored = false;
  private awaitsQuiet = false;
  /** How many wait for it together with other documents. */
  private retained = 0;
  /** From where, and until when, the way is kept for tabs that the journal does not know of. */
  private kept: {from: number; until: number} | undefined;
  private readonly cutTimer: CutTimer | undefined;
  pendingOps = 0;

  /** @param start the revision that its history begins at, unless there is one in the journal */
  constructor(readonly doc: RealDoc, private readonly owner: SharedDocOwner, private readonly journal?: DocJournal, start?: number) {
    this.cutTimer = journal && new CutTimer(journal, owner, () => this.checkpoint());
    this.recorded = new RecordedDoc(doc, this, journal, start);
  }

  /** Brings back what the journal has of the document; requests wait for it. */
  restore(): void {
    if (!this.journal) return;
    this.isRestoring = true;
    this.recorded.beginReading();
    void this.journal.load().then(stored => this.owner.together(() => {
      const missed = this.recorded.endReading();
      this.wasRestored = !!stored && this.revive(stored);
      if (this.wasRestored) this.awaitTabs();
      this.isRestoring = false;
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
        this.outcomes.restore(tab, outcomes);
      }
      this.recorded.restore(stored, (owner, seq, step) => {
        const follower = this.followers.of(this.owner.tab(owner));
        follower.lastSeq = Math.max(follower.lastSeq, seq);
        follower.unsettled++;
        this.countPending(1);
        return error => this.settle(follower, seq, step, error);
      });
      return true;
    } catch (error) {
      this.journal!.setAside(error);
      this.recorded.startAnew();
      this.followers.clear();
      this.outcomes.clear();
      while (this.pendingOps) this.countPending(-1);
      return false;
    }
  }

  /** Tabs that live come back with what they had: the way on from there is kept for them. */
  private awaitTabs(): void {
    const {start} = this.recorded.history;
    for (const follower of this.followers) follower.awaitFrom(start);
    // The journal does not know of a tab that has only looked.
    this.kept = {from: start, until: this.owner.now() + RETURN_MS};
  }

  /** The state that it came with, if it has one. */
  checkpointState(): void {
    if (this.recorded.hasState) this.checkpoint();
  }

  checkpoint(): void {
    this.cutTimer?.cancel();
    if (!this.journal || this.isRestoring || this.recorded.rollingBack) return;
    const tabs = [...this.followers].map(({tab, lastSeq}) => ({
      id: tab.id as string,
      lastSeq,
      outcomes: this.outcomes.of(tab)
    }));
    this.recorded.checkpoint(tabs.filter(({lastSeq, outcomes}) => lastSeq > 0 || outcomes.length));
  }

  inspect(): DocReport {
    const {doc, rev, followers, pendingOps, recorded: {history}} = this;
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
    return this.recorded.history.rev;
  }

  fetch(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.fetch(tab, position));
    this.answer(tab, 'f', position, callback => this.doc.fetch(callback));
  }

  subscribe(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.subscribe(tab, position));
    this.followers.of(tab).subscribed = true;
    this.answer(tab, 's', position, callback => this.doc.subscribe(callback));
  }

  unsubscribe(tab: Tab, position: Position): void {
    if (this.isRestoring) return this.hold(tab, () => this.unsubscribe(tab, position));
    const follower = this.locate(tab, position);
    follower.subscribed = false;
    const reply = tab.inThisSession(() => tab.send({a: 'u', c: this.collection, d: this.id, inc: position.inc}));
    if (this.canRelease) this.doc.unsubscribe(() => reply());
    else reply();
    this.checkIdle();
  }

  /** Gives an op of a tab, and those that came with it, their places in the history: up to the first one that has none. */
  submit(tab: Tab, request: OpRequest): void {
    if (this.isRestoring) return this.hold(tab, () => this.submit(tab, request));
    const follower = this.locate(tab, request.v);
    const {inc} = request.v;
    let {rev} = request.v;
    // Made on a state that is gone: the tab has given it up itself.
    if (inc !== follower.inc || follower.awaitsReset) return;
    if (this.rolledBack) {
      if (!this.rolledBack.told.has(follower)) this.held.push(() => this.submit(tab, request));
      return;
    }
    const {history} = this.recorded;
    if (rev === null && request.seq <= follower.lastSeq) {
      // It has not heard that its creation has a place: it is led on from there.
      const before = history.before(tab.id, request.seq);
      if (before === undefined) return this.reset(follower, historyLost(this.doc));
      follower.sent = rev = before;
    }
    const ops = opsOf(request);
    const [first] = ops.filter(({seq}) => seq > follower.lastSeq);
    for (const {seq} of ops) if (seq <= follower.lastSeq) this.repeatOutcome(follower, seq);
    if (!first) return;
    if (rev === null) {
      if (!first.step.create) return this.refuse(follower, inc, first.seq, docMissing(this.doc));
      if (this.doc.type) return this.refuse(follower, inc, first.seq, alreadyCreated());
    } else if (!history.covers(rev) || (ops.length > 1 && (this.rev - rev) * ops.length > MAX_CARRY)) {
      // The tab gives the ops up when that arrives.
      if (follower.willReplace(rev)) return;
      if (follower.isBehind(rev, history)) return this.askAgain(follower, inc, first.seq);
      if (!history.covers(rev)) return this.reset(follower, historyLost(this.doc));
    }
    const waiting = rev === null ? ops : history.carry(ops, tab.id, this.doc.type, history.after(rev));
    if (waiting instanceof Error) return this.refuse(follower, inc, first.seq, waiting);
    this.catchUp(follower);
    this.sequence(follower, inc, waiting);
  }

  /**
   * Gives ops of a tab that is dead their places: each was made on the one before, the first on what `ahead` had made of
   * the document at `madeAt`.
   */
  adopt(tab: Tab, madeAt: number | null, ops: WaitingOp[], isOurs: boolean, ahead: readonly AheadOp[] = []): void {
    if (this.isRestoring || this.rolledBack) {
      // By then the tab may be gone: it is watched again.
      this.held.push(() => this.adopt(this.owner.tab(tab.id), madeAt, ops, isOurs, ahead));
      return;
    }
    if (isOurs && madeAt !== null) this.takeAlong(madeAt, ahead);
    const follower = this.followers.of(tab);
    const {history} = this.recorded;
    const fresh = ops.filter(({seq}) => seq > follower.lastSeq);
    if (!fresh.length) return;
    // Its creation may have its place.
    const rev = madeAt ?? history.before(tab.id, ops[0]!.seq) ?? null;
    const way = rev === null ? [] : history.wayFrom(rev, ahead, this.doc.type);
    const isKnown = isOurs && (rev === null ? !!fresh[0]!.step.create && !this.doc.type : !!way);
    const waiting = !isKnown ? historyLost(this.doc) : rev === null ? fresh : history.carry(ops, tab.id, this.doc.type, way!);
    if (waiting instanceof Error) {
      for (const {step} of fresh) this.owner.onRejected(this, step, encodeError(waiting));
      return;
    }
    this.sequence(follower, follower.inc, waiting, true);
  }

  /** What a tab has got of an earlier host since `rev`, and which that one may not have written down. */
  private takeAlong(rev: number, ahead: readonly AheadOp[]): void {
    const {history} = this.recorded;
    for (const [i, {v, src, seq, ...step}] of ahead.entries()) {
      if (v !== undefined) {
        this.recorded.bring(ahead[i]!);
        continue;
      }
      const follower = this.followers.of(this.owner.tab(src!));
      if (seq! <= follower.lastSeq) continue;
      const way = history.wayFrom(rev, ahead.slice(0, i), this.doc.type);
      const ops = way && history.carry([{step: stepOf(step), seq: seq!, x: {preventCompose: true}}], src!, this.doc.type, way);
      // Where there is no way for it, its own tab will say so.
      if (Array.isArray(ops)) this.sequence(follower, follower.inc, ops, true);
    }
  }

  /** Takes notice that the tab got a document by a query's results, and gives what it lacks. */
  join(tab: Tab): SnapshotData {
    const follower = this.followers.of(tab);
    follower.queries++;
    return this.bring(tab);
  }

  /** The same, of a document that the tab has from elsewhere: what it lacks it will ask for. */
  joinKnown(tab: Tab): void {
    const follower = this.followers.of(tab);
    follower.queries++;
    this.catchUp(follower);
  }

  /** What the tab lacks to be up to date: the snapshot where it has nothing, else only its revision. */
  bring(tab: Tab): SnapshotData {
    const follower = this.followers.of(tab);
    if (follower.sent !== null && this.recorded.history.covers(follower.sent)) {
      this.catchUp(follower);
      return {v: this.doc.version, type: null, rev: this.rev, inc: follower.inc};
    }
    follower.noteState(this.rev);
    return {...(JSON.parse(this.recorded.snapshotJson()) as SnapshotData), inc: follower.inc};
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
    this.outcomes.forget(tab);
    this.releaseSubscription();
    this.checkIdle();
  }

  /** The tab is back with what it knows. */
  resume(tab: Tab, known: ResumeMessage['docs'][number]): void {
    if (this.isRestoring) return this.hold(tab, () => this.resume(tab, known));
    const {inc, rev, unsettled, awaitsReset = false, ahead = []} = known;
    const follower = this.followers.of(tab);
    // What becomes of its ops is not known before. It may let go of the document meanwhile.
    if (this.rolledBack) return this.hold(tab, () => { if (follower === this.followers.find(tab) && !follower.isLetGo) this.resume(tab, known); });
    // Or start anew.
    const isPast = inc < follower.inc;
    if (!isPast) follower.return(inc, null);
    if (awaitsReset) return this.resumeReset(follower, unsettled);
    if (isPast || rev === null) return this.repeatOutcomes(follower, unsettled);
    // Nothing is known here of what the tab had: it starts anew. What was created and deleted is known, and has no state.
    if (this.recorded.isNew) return tab.send({a: 'doc.lost', c: this.collection, d: this.id, inc});
    const {history} = this.recorded;
    tab.unheard(() => this.takeAlong(rev, ahead));
    const end = history.end(rev, ahead);
    // Somebody else may have been here first.
    const detour = end === undefined ? history.detour(rev, ahead, this.doc.type) : undefined;
    if (end === undefined && !detour) {
      this.repeatOutcomes(follower, unsettled);
      return this.reset(follower, historyLost(this.doc));
    }
    follower.return(inc, end ?? this.rev);
    if (ahead.length) this.lead(follower, end ?? this.rev, detour);
    this.catchUp(follower);
    this.repeatOutcomes(follower, unsettled);
  }

  /** Tells a tab that has brought something along at which revision it stands, after what it lacks up to there. */
  private lead({tab, inc}: Follower, rev: number, {way, isExact}: Detour = {way: [], isExact: true}): void {
    const {collection: c, id: d, doc: {version: v}} = this;
    const start = rev - way.length;
    const entries = way.map(({step, src, seq}, i) => new Entry(start + i + 1, v, src, seq, JSON.stringify(step), false, undefined));
    const messages = entries.map(entry => entry.encode(c, d, inc, entry.src === tab.id && entry.seq !== undefined));
    const state = isExact ? '' : `,"snapshot":${this.recorded.snapshotJson()}`;
    tab.send(`${JSON.stringify({a: 'doc.planted', c, d, inc, rev: start}).slice(0, -1)},"way":[${messages.join()}]${state}}`);
  }

  // ---- the history, to the tabs

  private catchUp(follower: Follower): void {
    // What is loaded in the middle of a rollback is not in the journal: the next host may load something else.
    if (this.rolledBack || follower.sent === null || follower.sent === this.rev) return;
    if (!this.recorded.history.covers(follower.sent)) return this.reset(follower, historyLost(this.doc));
    const {tab, inc} = follower;
    for (const entry of this.recorded.history.after(follower.sent)) {
      const own = entry.src === tab.id && entry.seq !== undefined;
      // The version moves on with each op that the server has not acknowledged yet.
      const mayWait = entry.isEmpty && this.doc.hasWritePending();
      tab.send(entry.encode(this.collection, this.id, inc, own), careFor(entry, tab), mayWait);
    }
    follower.noteSent(this.rev);
  }

  private trim(): void {
    if (this.isRestoring) return;
    const {history} = this.recorded;
    if (this.kept && this.owner.now() >= this.kept.until) this.kept = undefined;
    let oldest = this.kept?.from ?? history.rev;
    for (const follower of this.followers) oldest = Math.min(oldest, follower.oldestRev() ?? oldest);
    history.trim(oldest - MAX_EARLY_MESSAGES, MAX_HISTORY);
  }

  // ---- what the recorded document tells

  /** @internal */
  get isFollowed(): boolean {
    return this.followers.haveState;
  }

  /** Whether others than this tab have, or after a restart may have, ops that a hard rollback would cost. @internal */
  isShared(owner: string | undefined): boolean {
    return this.wasRestored || this.followers.hasOthersThan(owner);
  }

  /** @internal */
  onEntry(entry: Entry): void {
    for (const follower of this.followers.toldOf(entry)) {
      this.catchUp(follower);
      follower.grace = false;
    }
    this.owner.onEntry(this, entry);
    if (entry.rev % TRIM_EVERY === 0) this.trim();
  }

  /** @internal */
  onRollback(): void {
    this.rolledBack = {told: new Set(), outcomes: new Map()};
    for (const follower of this.followers) {
      if (follower.sent === null) continue;
      this.rolledBack.told.add(follower);
      follower.sent = null;
      follower.tab.send({a: 'doc.rollback', c: this.collection, d: this.id, inc: follower.inc});
    }
  }

  /** @internal */
  onReset(error: ErrorData, loadError: ErrorData | undefined): void {
    const {told, outcomes} = this.rolledBack!;
    this.rolledBack = undefined;
    for (const follower of told) {
      this.sendReset(follower, outcomes.get(follower.tab) ?? [], error, loadError);
      outcomes.delete(follower.tab);
    }
    // A tab that was not told has no state to lose, but may wait for an answer.
    for (const [tab, list] of outcomes) for (const {seq, error} of list) this.outcomes.add(tab, seq, error);
    this.checkpoint();
    this.runHeld();
    for (const follower of this.followers) this.catchUp(follower);
  }

  /** @internal */
  beginSettling(): void {
    this.outcomes.begin();
  }

  /** @internal */
  endSettling(): void {
    this.outcomes.end();
  }

  /** @internal */
  onError(error: Error, owner: string | undefined): void {
    const data = encodeError(error);
    for (const {tab, inc} of this.followers) {
      if (owner === undefined || tab.id === owner) tab.send({a: 'doc.error', c: this.collection, d: this.id, inc, error: data});
    }
  }

  /** @internal */
  onJournal(): void {
    this.cutTimer?.noteWrite();
  }

  /** @internal */
  onLoad(): void {
    if (this.journal && !this.rolledBack) this.checkpoint();
  }

  /** @internal */
  defer(act: () => void): void {
    this.held.push(act);
  }

  // ---- requests

  private answer(tab: Tab, action: 'f' | 's', position: Position, load: (callback: Callback) => void): void {
    const follower = this.locate(tab, position);
    follower.requests++;
    if (position.seed && follower.sent === null) this.plant(follower, position.seed);
    const reply = tab.inThisSession((error?: Error | null) => {
      if (this.rolledBack) return this.held.push(() => reply(error));
      follower.requests--;
      this.reply(follower, action, position.inc, error);
      this.checkIdle();
      return undefined;
    });
    if (this.isCurrent) return reply();
    // Without a server the host's copy is the best answer there is.
    const fromCopy = (position.stored || !this.owner.isConnected()) && this.recorded.hasState && !this.rolledBack;
    if (!fromCopy) return load(reply);
    if (action === 's' || this.owner.isConnected()) load(() => {});
    reply();
  }

  private reply(follower: Follower, action: 'f' | 's', inc: number, error?: Error | null): void {
    const {tab} = follower;
    const question = {a: action, c: this.collection, d: this.id, inc};
    if (error) {
      if (action === 's') {
        follower.subscribed = false;
        this.releaseSubscription();
      }
      return tab.send({...question, error: encodeError(error)});
    }
    const needsData = inc === follower.inc && follower.sent === null;
    if (!needsData) {
      this.catchUp(follower);
      return tab.send(question);
    }
    follower.noteState(this.rev);
    tab.answer(question, this.recorded.snapshotJson());
  }

  /** Whether the host's copy is what the server would answer with. */
  private get isCurrent(): boolean {
    return this.doc.subscribed && !this.rolledBack && this.owner.isConnected() && this.recorded.hasState;
  }

  /** The tab has a state that the server had. If this document can go on from it, the tab can too. */
  private plant(follower: Follower, {v, type, data}: SnapshotData): void {
    if (v === null || this.rolledBack) return;
    if (!this.recorded.hasState) this.doc.ingestSnapshot({v, type, data});
    const rev = this.recorded.revisionOf(v);
    if (rev === undefined) return;
    follower.noteSent(rev);
    follower.tab.send({a: 'doc.planted', c: this.collection, d: this.id, inc: follower.inc, rev});
  }

  // ---- ops

  /** Gives ops that are made on the current revision, each on the one before, their places. */
  private sequence(follower: Follower, inc: number, ops: WaitingOp[], isLastWord = false): void {
    // The tab follows its own op even if it follows nothing else. One that has not said yet where it stands is led on from there.
    if (follower.sent === null && !isLastWord) follower.sent = this.rev;
    for (const op of ops) {
      const error = this.sequenceOne(follower, op);
      if (!error) continue;
      // A tab that lives hears of it; of what a dead one has left, only the app can be told.
      if (follower.tab.session) this.refuse(follower, inc, op.seq, error);
      else this.owner.onRejected(this, op.step, encodeError(error));
      // A tab that lives sends what it made on the op anew, as it is without it.
      if (follower.tab.session && !isLastWord) return;
    }
  }

  /** @returns the error where the op can't be applied */
  private sequenceOne(follower: Follower, {step, seq, x}: WaitingOp): Error | undefined {
    if (seq >= Number.MAX_SAFE_INTEGER) return seqOverflow();
    const {tab} = follower;
    follower.unsettled++;
    const {lastSeq} = follower;
    follower.lastSeq = seq;
    this.countPending(1);
    if (step.del && !this.doc.type) {
      this.recorded.pushNothing(tab.id, seq);
      this.settle(follower, seq, step);
      return undefined;
    }
    const error = this.recorded.submit({
      step, owner: tab.id, seq,
      source: x.source,
      submitSource: 'source' in x,
      preventCompose: x.preventCompose === true
    }, error => this.settle(follower, seq, step, error));
    if (error) {
      follower.unsettled--;
      follower.lastSeq = lastSeq;
      this.countPending(-1);
    }
    return error;
  }

  private countPending(change: 1 | -1): void {
    this.pendingOps += change;
    this.owner.onPending(change, this.pendingOps);
  }

  /** An op that never had its place in the history. */
  private refuse(follower: Follower, inc: number, seq: number, error: Error): void {
    this.catchUp(follower);
    follower.tab.send({a: 'op', c: this.collection, d: this.id, inc, seq, error: encodeError(error)});
  }

  /** The way on is under way to the tab: there it makes its ops on where that ends, as on any other entry. */
  private askAgain(follower: Follower, inc: number, seq: number): void {
    this.catchUp(follower);
    follower.tab.send({a: 'doc.again', c: this.collection, d: this.id, inc, seq});
  }

  /** The server has answered to an op that has its place in the history. */
  private settle(follower: Follower, seq: number, step: Step, error?: Error | null): void {
    const tab = this.followers.present(follower.tab);
    const data = error ? encodeError(error) : undefined;
    // What is told again from the journal has been seen to before.
    if (data && !this.isRestoring) this.owner.onRejected(this, step, data);
    this.recorded.noteVersion();
    follower.unsettled--;
    this.countPending(-1);
    if (this.rolledBack) {
      const {outcomes} = this.rolledBack;
      this.outcomes.keep(tab, seq, data);
      outcomes.set(tab, [...(outcomes.get(tab) ?? []), data ? {seq, error: data} : {seq}]);
    } else {
      this.outcomes.add(tab, seq, data, error === null);
    }
    if (follower.isForgotten) this.followers.delete(tab);
    this.checkIdle();
  }

  private repeatOutcome(follower: Follower, seq: number): void {
    this.catchUp(follower);
    this.outcomes.repeat(follower.tab, seq);
  }

  /**
   * Tells a tab that is back what became of its ops. What has its place, is not pending and has no outcome any more was
   * answered when the tab had been given up; where that was an error, a dead letter tells of it.
   */
  private repeatOutcomes(follower: Follower, seqs: readonly number[]): void {
    const answered = new Set(this.answeredMeanwhile(follower, seqs));
    for (const seq of seqs) {
      if (answered.has(seq)) this.outcomes.add(follower.tab, seq, undefined);
      else this.repeatOutcome(follower, seq);
    }
  }

  private answeredMeanwhile({tab, lastSeq}: Follower, seqs: readonly number[]): number[] {
    const open = new Set([...this.recorded.pendingSeqs(tab.id), ...this.outcomes.of(tab).map(({seq}) => seq)]);
    return seqs.filter(seq => seq <= lastSeq && !open.has(seq));
  }

  // ---- what waits, and new states

  private hold(tab: Tab, act: () => void): void {
    this.held.push(tab.inThisSession(act));
  }

  private runHeld(): void {
    this.running = this.held;
    this.held = [];
    while (this.running.length) this.running.shift()!();
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
    if (this.isRestoring || this.rolledBack) this.held.push(callback);
    else if (this.running.length) this.running.push(callback);
    else callback();
  }

  /** A tab that was in the middle of a rollback of another host: it has no state, and does not know what became of its ops. */
  private resumeReset(follower: Follower, seqs: readonly number[]): void {
    for (const seq of this.answeredMeanwhile(follower, seqs)) this.outcomes.keep(follower.tab, seq, undefined);
    this.reset(follower, historyLost(this.doc));
  }

  /** Gives a tab a new state, because there is no way from the one it has. */
  private reset(follower: Follower, error: Error): void {
    const unsettled = this.recorded.pendingSeqs(follower.tab.id);
    this.sendReset(follower, this.outcomes.of(follower.tab), encodeError(error), undefined, unsettled);
  }

  private sendReset(
    follower: Follower, outcomes: ResetMessage['outcomes'], error: ErrorData, loadError: ErrorData | undefined, unsettled?: number[]
  ): void {
    const message = {a: 'doc.reset', c: this.collection, d: this.id, inc: follower.inc, outcomes, ...(unsettled && {unsettled}), error};
    if (loadError) return follower.tab.send({...message, loadError});
    follower.noteReset(this.rev);
    follower.tab.send(`${JSON.stringify(message).slice(0, -1)},"snapshot":${this.recorded.snapshotJson()}}`);
  }

  // ---- followers

  private locate(tab: Tab, position: Position): Follower {
    const follower = this.followers.of(tab);
    follower.locate(position, this.recorded.history);
    return follower;
  }

  /** Whether the server has been asked, last of all, to tell of the document. */
  private get willFollow(): boolean {
    const {pendingSubscribe, inflightSubscribe, wantSubscribe} = this.doc;
    return (pendingSubscribe.at(-1) ?? inflightSubscribe ?? {wantSubscribe}).wantSubscribe;
  }

  private get canRelease(): boolean {
    // Without a server there is nothing to end, and upstream trips over an unsubscribe that a reconnect overtakes.
    return this.willFollow && !this.followers.areSubscribed && this.owner.isConnected();
  }

  /** Ends the subscription at the server where no tab wants it any more. */
  releaseSubscription(): void {
    if (this.canRelease) this.doc.unsubscribe(() => this.checkIdle());
  }

  private checkIdle(): void {
    if (this.isRestoring || this.held.length || this.running.length || this.retained) return;
    if (this.followers.size || this.pendingOps || this.willFollow) return;
    if (this.doc.hasPending()) return this.awaitQuiet();
    if (this.cutTimer?.isWaiting) this.checkpoint();
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

function careFor(entry: Entry, tab: Tab): Care {
  if (entry.isEmpty) return 'repeatable';
  return entry.early || entry.isRepeatableBy(tab.id) ? 'own' : 'durable';
}

/** What a tab keeps apart stays apart, also where its reason is gone when it is sent. */
function opsOf({seq, x, more = [], ...first}: OpRequest): WaitingOp[] {
  return [{step: stepOf(first), seq, x}, ...more.map(({step, ...op}) => ({...op, step: stepOf(step), x: {...op.x, preventCompose: true as const}}))];
}
