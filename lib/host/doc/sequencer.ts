import {encodeError} from '../../protocol/errors.js';
import type {UnconfirmedOp, OpRequest} from '../../protocol/messages.js';
import {markedStepOf, stepOf} from '../../ot/step.js';
import type {FollowerUpdates} from './follower-updates.js';
import type {Follower} from './follower.js';
import type {Followers} from './followers.js';
import type {Step, WaitingOp} from '../../ot/history-entry.js';
import {alreadyCreated, docMissing, historyLost, seqOverflow} from './op-errors.js';
import type {JournaledDoc} from './journaled-doc.js';
import type {Tab} from '../tab.js';
import type {RealDoc} from '../upstream.js';

/** So many ops times entries are carried over at once, which takes a tenth of a second or so; more the tab does itself. */
const MAX_CARRY = 64 * 1024;

export interface SequencerEvents {
  /** The tab of an id that was stored or told of: it may come back, or not. */
  tab(id: string): Tab;
  /** The number of ops that the server has not answered to went up or down. */
  onPending(change: 1 | -1, pendingOps: number): void;
  /** Ops of a tab that is dead can't be carried on. Each was made on the one before, the first on the server's version `v`. */
  onRejected(steps: Step[], error: Error, v?: number | null): void;
  /** The server has answered to an op. */
  onSettled(): void;
  /** Nothing is known any more of a tab whose ops up to `seq` have their places. */
  onForgotten(tab: Tab, seq: number): void;
}

/** What a tab that is dead has left: ops, each made on the one before. */
export interface LeftOps {
  ops: WaitingOp[];
  /** The first was made on what `ahead` had made of the document at this revision. */
  madeAt: number | null;
  ahead?: readonly UnconfirmedOp[] | undefined;
  /** The revision is one of this host's. */
  isOurs: boolean;
  /** The server's version that the first was made on, where it is known. */
  v?: number | undefined;
}

/** Gives the tabs' ops on one document their places in its history, and counts those that the server has not answered to. */
export class Sequencer {
  pendingOps = 0;

  constructor(
    private readonly doc: RealDoc,
    private readonly journaled: JournaledDoc,
    private readonly followers: Followers,
    private readonly news: FollowerUpdates,
    private readonly events: SequencerEvents
  ) {}

  /** An op of a tab, and those that came with it: up to the first one that can have no place. */
  submit(follower: Follower, request: OpRequest): void {
    const {tab} = follower;
    const {inc} = request.v;
    follower.firstSeq ??= request.seq;
    let {rev} = request.v;
    const {history} = this.journaled;
    if (rev === null && request.seq <= follower.lastSeq) {
      // It has not heard that its creation has a place: it is led on from there.
      const before = history.before(tab.id, request.seq);
      if (before === undefined) return this.news.reset(follower, historyLost(this.doc));
      follower.sent = rev = before;
    }
    const ops = opsOf(request);
    const [first] = ops.filter(({seq}) => seq > follower.lastSeq);
    for (const {seq} of ops) if (seq <= follower.lastSeq) this.news.repeatOutcome(follower, seq);
    if (!first) return;
    if (rev === null) {
      if (!first.step.create) return this.news.refuse(follower, inc, first.seq, docMissing(this.doc));
      if (this.doc.type) return this.news.refuse(follower, inc, first.seq, alreadyCreated());
    } else if (!history.covers(rev) || (ops.length > 1 && (history.rev - rev) * ops.length > MAX_CARRY)) {
      // The tab gives the ops up when that arrives.
      if (follower.willReplace(rev)) return;
      if (follower.isBehind(rev, history)) return this.news.askAgain(follower, inc, first.seq);
      if (!history.covers(rev)) return this.news.reset(follower, historyLost(this.doc));
    }
    const waiting = rev === null ? ops : history.rebase(ops, tab.id, this.doc.type, history.after(rev));
    if (waiting instanceof Error) return this.news.refuse(follower, inc, first.seq, waiting);
    this.news.catchUp(follower);
    this.sequence(follower, inc, waiting);
  }

  /** Ops of a tab that is dead. */
  adopt(tab: Tab, {madeAt, ops, isOurs, ahead = [], v}: LeftOps): void {
    if (isOurs && madeAt !== null) this.replayUnconfirmed(madeAt, ahead);
    const follower = this.followers.of(tab);
    const {history} = this.journaled;
    const fresh = ops.filter(({seq}) => seq > follower.lastSeq);
    if (!fresh.length) return;
    // Its creation may have its place.
    const rev = madeAt ?? history.before(tab.id, ops[0]!.seq) ?? null;
    const way = rev === null ? [] : history.continuation(rev, ahead, this.doc.type);
    // A creation, and what was made on it, need no history.
    const isKnown = rev === null ? !!fresh[0]!.step.create && !this.doc.type : isOurs && !!way;
    const waiting = !isKnown ? historyLost(this.doc) : rev === null ? fresh : history.rebase(ops, tab.id, this.doc.type, way!);
    if (waiting instanceof Error) {
      this.events.onRejected(fresh.map(({step}) => stepOf(step)), waiting, fresh.length === ops.length ? v : undefined);
      return;
    }
    this.sequence(follower, follower.inc, waiting, true);
  }

  /** What a tab has got of an earlier host since `rev`, and which that one may not have written down. */
  replayUnconfirmed(rev: number, ahead: readonly UnconfirmedOp[]): void {
    const {history} = this.journaled;
    for (const [i, {v, src, seq, ...step}] of ahead.entries()) {
      if (v !== undefined) {
        this.journaled.replayServerOp(ahead[i]!);
        continue;
      }
      const follower = this.followers.of(this.events.tab(src!));
      if (seq! <= follower.lastSeq) continue;
      const way = history.continuation(rev, ahead.slice(0, i), this.doc.type);
      const ops = way && history.rebase([{step: markedStepOf(step), seq: seq!, x: {preventCompose: true}}], src!, this.doc.type, way);
      // Where there is no way for it, its own tab will say so.
      if (Array.isArray(ops)) this.sequence(follower, follower.inc, ops, true);
    }
  }

  /** Ops that were stored, and read too late. They are made on the current revision, by nobody who is here. */
  merge(owner: Tab, ops: WaitingOp[]): void {
    this.sequence(this.followers.of(owner), 0, ops, true);
  }

  /** Whether a tab has sent this op to this host. @returns undefined where that is not known any more */
  hasSent(owner: string, seq: number): boolean | undefined {
    const tab = this.events.tab(owner);
    const firstSeq = this.followers.find(tab)?.firstSeq;
    if (firstSeq !== undefined) return seq >= firstSeq;
    return this.followers.lastSeqOf(tab) < seq ? false : undefined;
  }

  /**
   * An op that was stored has its place.
   * @returns called when the server has answered to it
   */
  restore(owner: string, seq: number): (error?: Error | null) => void {
    const follower = this.followers.of(this.events.tab(owner));
    follower.lastSeq = Math.max(follower.lastSeq, seq);
    follower.unsettled++;
    this.countPending(1);
    return error => this.settle(follower, seq, error);
  }

  /** What was restored is given up. */
  clear(): void {
    while (this.pendingOps) this.countPending(-1);
  }

  /**
   * A part of a transaction, made on the current revision.
   * @param onSettled called when the server has answered
   * @returns the error where it can't be applied
   */
  place(tab: Tab, op: WaitingOp, onSettled: (error?: Error | null) => void): Error | undefined {
    const follower = this.followers.of(tab);
    // Nobody is there to be told: it is forgotten when the server has answered.
    follower.isLetGo = true;
    return this.sequenceOne(follower, op, onSettled);
  }

  /** Ops that are made on the current revision, each on the one before. */
  private sequence(follower: Follower, inc: number, ops: WaitingOp[], isLastWord = false): void {
    // The tab follows its own op even if it follows nothing else. One that has not said yet where it stands is led on from there.
    if (follower.sent === null && !isLastWord) follower.sent = this.journaled.history.rev;
    for (const op of ops) {
      const error = this.sequenceOne(follower, op);
      if (!error) continue;
      // A tab that lives hears of it; of what a dead one has left, only the app can be told.
      if (follower.tab.session) this.news.refuse(follower, inc, op.seq, error);
      else this.events.onRejected([stepOf(op.step)], error);
      // A tab that lives sends what it made on the op anew, as it is without it.
      if (follower.tab.session && !isLastWord) return;
    }
  }

  /** @returns the error where the op can't be applied */
  private sequenceOne(follower: Follower, {step, seq, x, id}: WaitingOp, onSettled?: (error?: Error | null) => void): Error | undefined {
    if (seq >= Number.MAX_SAFE_INTEGER) return seqOverflow();
    const {tab} = follower;
    follower.unsettled++;
    const {lastSeq} = follower;
    follower.lastSeq = seq;
    this.countPending(1);
    if (step.del && !this.doc.type) {
      this.journaled.pushNothing(tab.id, seq);
      this.settle(follower, seq);
      return undefined;
    }
    const error = this.journaled.submit({
      step, owner: tab.id, seq,
      source: x.source,
      submitSource: 'source' in x,
      preventCompose: x.preventCompose === true,
      id,
      ...(onSettled && {isTogether: true})
    }, error => {
      this.settle(follower, seq, error);
      onSettled?.(error);
    });
    if (error) {
      follower.unsettled--;
      follower.lastSeq = lastSeq;
      this.countPending(-1);
    }
    return error;
  }

  /** The server has answered to an op that has its place in the history. */
  private settle(follower: Follower, seq: number, error?: Error | null): void {
    const tab = this.followers.present(follower.tab);
    const data = error ? encodeError(error) : undefined;
    this.journaled.noteVersion();
    follower.unsettled--;
    this.countPending(-1);
    this.news.settle(tab, seq, data, error === null);
    if (follower.isForgotten) {
      this.events.onForgotten(tab, follower.lastSeq);
      this.followers.delete(tab);
    }
    this.events.onSettled();
  }

  private countPending(change: 1 | -1): void {
    this.pendingOps += change;
    this.events.onPending(change, this.pendingOps);
  }
}

/** What a tab keeps apart stays apart, also where its reason is gone when it is sent. */
function opsOf({seq, x, more = [], ...first}: OpRequest): WaitingOp[] {
  return [{step: markedStepOf(first), seq, x}, ...more.map(({step, ...op}) => ({...op, step: markedStepOf(step), x: {...op.x, preventCompose: true as const}}))];
}
