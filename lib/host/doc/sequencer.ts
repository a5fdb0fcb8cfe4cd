import {encodeError} from '../../protocol/errors.js';
import type {UnconfirmedOp, OpRequest} from '../../protocol/messages.js';
import {markedStepOf, stepOf} from '../../ot/step.js';
import type {FollowerUpdates} from './follower-updates.js';
import type {Follower} from './follower.js';
import type {Followers} from './followers.js';
import type {Step, WaitingOp} from '../../ot/history-entry.js';
import {losesContent} from '../../ot/lost-content.js';
import {alreadyCreated, docMissing, historyGone, historyLost, notApplied, seqOverflow} from './op-errors.js';
import type {JournaledDoc} from './journaled-doc.js';
import type {Tab} from '../tab.js';
import type {RealDoc} from '../upstream.js';

/** The limit for ops times entries that are rebased at once, which takes about a tenth of a second. Beyond it, the tab does it. */
const MAX_REBASED = 64 * 1024;

export interface SequencerEvents {
  /** The tab of an id that was stored or received. It may return, or not. */
  tab(id: string): Tab;
  /** The number of ops that the server has not answered to went up or down. */
  onPending(change: 1 | -1, pendingOps: number): void;
  /** Ops of a tab that has ended can't be rebased. Each was made on the one before, the first on the server's version `v`. */
  onRejected(steps: Step[], error: Error, v?: number | null): void;
  /** The server has answered to an op. */
  onSettled(): void;
  /** A tab is forgotten. Its ops up to `seq` are in the history. */
  onForgotten(tab: Tab, seq: number): void;
}

/** The ops that a tab has left when it ended, each made on the one before. */
export interface LeftOps {
  ops: WaitingOp[];
  /** The first was made on the document at this revision with `unconfirmed` applied. */
  madeAt: number | null;
  unconfirmed?: readonly UnconfirmedOp[] | undefined;
  /** The revision is one of this host's. */
  isOurs: boolean;
  /** The server's version that the first was made on, where it is known. */
  v?: number | undefined;
}

/** Puts the tabs' ops on one document into its history in order, and counts those that the server has not answered. */
export class Sequencer {
  pendingOps = 0;

  constructor(
    private readonly doc: RealDoc,
    private readonly journaled: JournaledDoc,
    private readonly followers: Followers,
    private readonly updates: FollowerUpdates,
    private readonly events: SequencerEvents
  ) {}

  /** Adds an op of a tab, and those that came with it, to the history: up to the first one that is refused. */
  submit(follower: Follower, request: OpRequest): void {
    const {tab} = follower;
    const {inc} = request.at;
    follower.firstSeq ??= request.seq;
    let {rev} = request.at;
    const {history} = this.journaled;
    if (rev === null && request.seq <= follower.lastSeq) {
      // The tab does not know yet that its creation is in the history: it continues from there.
      const before = history.before(tab.id, request.seq);
      if (before === undefined) return this.updates.reset(follower, historyLost(this.doc));
      follower.sent = rev = before;
    }
    const ops = opsOf(request);
    const [first] = ops.filter(({seq}) => seq > follower.lastSeq);
    for (const {seq} of ops) if (seq <= follower.lastSeq) this.updates.repeatOutcome(follower, seq);
    if (!first) return;
    if (rev === null) {
      if (!first.step.create) return this.updates.refuse(follower, inc, first.seq, docMissing(this.doc));
      if (this.doc.type) return this.updates.refuse(follower, inc, first.seq, alreadyCreated());
    } else if (!history.covers(rev) || (ops.length > 1 && (history.rev - rev) * ops.length > MAX_REBASED)) {
      // The tab gives the ops up when that arrives.
      if (follower.willReplace(rev)) return;
      if (follower.isBehind(rev, history)) return this.updates.askToResend(follower, inc, first.seq);
      if (!history.covers(rev)) return this.updates.reset(follower, historyLost(this.doc));
    }
    const waiting = rev === null ? ops : history.rebase(ops, tab.id, this.doc.type, history.after(rev));
    if (waiting instanceof Error) return this.updates.refuse(follower, inc, first.seq, notApplied(waiting));
    this.updates.catchUp(follower);
    this.sequence(follower, inc, waiting);
  }

  /** Adds the ops that a tab left when it ended. */
  adopt(tab: Tab, {madeAt, ops, isOurs, unconfirmed = [], v}: LeftOps): void {
    if (isOurs && madeAt !== null) this.replayUnconfirmed(madeAt, unconfirmed);
    const follower = this.followers.of(tab);
    const {history} = this.journaled;
    const fresh = ops.filter(({seq}) => seq > follower.lastSeq);
    if (!fresh.length) return;
    // Its creation may be in the history.
    const rev = madeAt ?? history.before(tab.id, ops[0]!.seq) ?? null;
    const concurrent = rev === null ? [] : history.continuation(rev, unconfirmed, this.doc.type);
    // A creation, and the ops made on it, need no history.
    const isKnown = rev === null ? !!fresh[0]!.step.create && !this.doc.type : isOurs && !!concurrent;
    const waiting = !isKnown ? historyLost(this.doc) : rev === null ? fresh : history.rebase(ops, tab.id, this.doc.type, concurrent!);
    if (waiting instanceof Error) {
      this.events.onRejected(fresh.map(stepAsMade), notApplied(waiting), fresh.length === ops.length ? v : undefined);
      return;
    }
    this.sequence(follower, follower.inc, waiting, true);
  }

  /** Takes in what a tab received from an earlier host after `rev`, and which that host may not have written. */
  replayUnconfirmed(rev: number, unconfirmed: readonly UnconfirmedOp[]): void {
    const {history} = this.journaled;
    for (const [i, {v, src, seq, ...step}] of unconfirmed.entries()) {
      if (v !== undefined) {
        this.journaled.replayServerOp(unconfirmed[i]!);
        continue;
      }
      const follower = this.followers.of(this.events.tab(src!));
      if (seq! <= follower.lastSeq) continue;
      const concurrent = history.continuation(rev, unconfirmed.slice(0, i), this.doc.type);
      const op: WaitingOp = {step: markedStepOf(step), seq: seq!, x: {preventCompose: true}};
      const ops = concurrent && history.rebase([op], src!, this.doc.type, concurrent);
      // If it can't be rebased, the op's own tab reports that.
      if (Array.isArray(ops) && !ops.some(one => lossOf(one, this.doc))) this.sequence(follower, follower.inc, ops, true);
    }
  }

  /** Adds ops that were stored and read too late. They are made on the current revision, and their tabs are not here. */
  merge(owner: Tab, ops: WaitingOp[]): void {
    this.sequence(this.followers.of(owner), 0, ops, true);
  }

  /** Whether a tab has sent this op to this host. @returns undefined if that is not known any more */
  hasSent(owner: string, seq: number): boolean | undefined {
    const tab = this.events.tab(owner);
    const firstSeq = this.followers.find(tab)?.firstSeq;
    if (firstSeq !== undefined) return seq >= firstSeq;
    return this.followers.lastSeqOf(tab) < seq ? false : undefined;
  }

  /**
   * An op that was stored is in the history.
   * @returns called when the server has answered to it
   */
  restore(owner: string, seq: number): (error?: Error | null) => void {
    const follower = this.followers.of(this.events.tab(owner));
    follower.lastSeq = Math.max(follower.lastSeq, seq);
    follower.unsettled++;
    this.countPending(1);
    return error => this.settle(follower, seq, error);
  }

  /** Gives up the restored ops. */
  clear(): void {
    while (this.pendingOps) this.countPending(-1);
  }

  /**
   * A part of a transaction, made on the current revision.
   * @param onSettled called when the server has answered
   * @returns the error if it can't be applied
   */
  place(tab: Tab, op: WaitingOp, onSettled: (error?: Error | null) => void): Error | undefined {
    const follower = this.followers.of(tab);
    // No tab waits for the outcome: the follower is deleted when the server has answered.
    follower.isLetGo = true;
    return this.sequenceOne(follower, op, onSettled);
  }

  /**
   * Adds ops that are made on the current revision, each on the one before.
   * @param isReplay whether the ops do not come from a living tab's own request
   */
  private sequence(follower: Follower, inc: number, ops: WaitingOp[], isReplay = false): void {
    // The tab follows its own op even if it follows nothing else. A tab that has not sent its position continues from there.
    if (follower.sent === null && !isReplay) follower.sent = this.journaled.history.rev;
    for (const op of ops) {
      const loss = lossOf(op, this.doc);
      // Nobody takes this op back in a tab that may return, and the later ones were made on it: what is left of it has its place.
      if (loss && isReplay) this.events.onRejected([stepAsMade(op)], loss);
      const error = loss && !isReplay ? loss : this.sequenceOne(follower, op);
      if (!error) continue;
      // A living tab is told. For the ops of a tab that has ended, the app is told.
      if (follower.tab.session) this.updates.refuse(follower, inc, op.seq, error);
      else if (!loss) this.events.onRejected([stepOf(op.step)], error);
      // A living tab sends its later ops again, without the effect of this op.
      if (follower.tab.session && !isReplay) return;
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

  /** The server has answered an op that is in the history. */
  private settle(follower: Follower, seq: number, error?: Error | null): void {
    const tab = this.followers.present(follower.tab);
    const data = error ? encodeError(error) : undefined;
    this.journaled.noteVersion();
    follower.unsettled--;
    this.countPending(-1);
    this.updates.settle(tab, seq, data, error === null);
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

/** The error if another database lacks what the op was made in. */
export function lossOf({step, x}: WaitingOp, doc: RealDoc): Error | undefined {
  return losesContent(doc.type, x.was, step.op) ? historyGone(doc) : undefined;
}

const stepAsMade = ({step, x}: WaitingOp): Step => (x.was === undefined ? stepOf(step) : {op: x.was});

/** Ops that a tab did not compose stay separate, also if the reason is gone when they are sent. */
function opsOf({seq, x, more = [], ...first}: OpRequest): WaitingOp[] {
  return [{step: markedStepOf(first), seq, x}, ...more.map(({step, ...op}) => ({...op, step: markedStepOf(step), x: {...op.x, preventCompose: true as const}}))];
}
