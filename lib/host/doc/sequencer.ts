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

/** The limit for ops times entries that the host rebases at once, which takes about 100 ms. Above it, the tab rebases its ops. */
const MAX_REBASED = 64 * 1024;

export interface SequencerEvents {
  /** Returns the tab of an id that was stored or received. The tab may have ended. */
  tab(id: string): Tab;
  /** The number of ops that the server has not answered has changed by 1. `pendingOps` is the new number. */
  onPending(change: 1 | -1, pendingOps: number): void;
  /** Ops of a tab that has ended can't be rebased. Each was made on the one before, the first on the server's version `v`. */
  onRejected(steps: Step[], error: Error, v?: number | null): void;
  /** The server has answered an op. */
  onSettled(): void;
  /** The follower of a tab was deleted. The tab's ops up to `seq` are in the history. */
  onForgotten(tab: Tab, seq: number): void;
}

/** The orphaned ops of a tab, each made on the one before. */
export interface LeftOps {
  ops: WaitingOp[];
  /** The revision at which, with `unconfirmed` applied, the first op was made; null if the tab had none. */
  madeAt: number | null;
  unconfirmed?: readonly UnconfirmedOp[] | undefined;
  /** Whether the revision belongs to this host's history. */
  isOurs: boolean;
  /** The server's version that the first op was made on, if it is known. */
  v?: number | undefined;
}

/** Places the tabs' ops on one document in its history, and counts those that the server has not answered. */
export class Sequencer {
  pendingOps = 0;

  constructor(
    private readonly doc: RealDoc,
    private readonly journaled: JournaledDoc,
    private readonly followers: Followers,
    private readonly updates: FollowerUpdates,
    private readonly events: SequencerEvents
  ) {}

  /** Places an op of a tab, and the ops that were sent with it, up to the first one that is refused. */
  submit(follower: Follower, request: OpRequest): void {
    const {tab} = follower;
    const {inc} = request.at;
    follower.firstSeq ??= request.seq;
    let {rev} = request.at;
    const {history} = this.journaled;
    if (rev === null && request.seq <= follower.lastSeq) {
      // The creation is in the history, but the tab has not received that yet. It continues from the creation.
      const before = history.before(tab.id, request.seq);
      if (before === undefined) return this.reset(follower, opsOf(request));
      follower.sent = rev = before;
    }
    const ops = opsOf(request);
    const [first] = ops.filter(({seq}) => seq > follower.lastSeq);
    for (const {seq} of ops) if (seq <= follower.lastSeq) this.updates.repeatOutcome(follower, seq);
    if (!first) return;
    if (rev === null) {
      if (!first.step.create) return this.refuse(follower, inc, first.seq, docMissing(this.doc));
      if (this.doc.type) return this.refuse(follower, inc, first.seq, alreadyCreated());
    } else if (!history.covers(rev) || (ops.length > 1 && (history.rev - rev) * ops.length > MAX_REBASED)) {
      // The tab gives the ops up when the newer state arrives.
      if (follower.willReplace(rev)) return this.noteRefused(follower, ops);
      if (follower.isBehind(rev, history)) return this.updates.askToResend(follower, inc, first.seq);
      if (!history.covers(rev)) return this.reset(follower, ops);
    }
    const waiting = rev === null ? ops : history.rebase(ops, tab.id, this.doc.type, history.after(rev));
    if (waiting instanceof Error) return this.refuse(follower, inc, first.seq, notApplied(waiting));
    this.updates.catchUp(follower);
    this.sequence(follower, inc, waiting);
  }

  /** Places the orphaned ops of a tab. */
  adopt(tab: Tab, {madeAt, ops, isOurs, unconfirmed = [], v}: LeftOps): void {
    if (isOurs && madeAt !== null) this.replayUnconfirmed(madeAt, unconfirmed);
    const follower = this.followers.of(tab);
    const {history} = this.journaled;
    const fresh = ops.filter(({seq}) => seq > follower.lastSeq);
    if (!fresh.length) return;
    // Without a revision, the tab has created the document. The creation may be in the history already.
    const rev = madeAt ?? history.before(tab.id, ops[0]!.seq) ?? null;
    const concurrent = rev === null ? [] : history.continuation(rev, unconfirmed, this.doc.type);
    // A creation, and ops made on it, need no history.
    const isKnown = rev === null ? !!fresh[0]!.step.create && !this.doc.type : isOurs && !!concurrent;
    const waiting = !isKnown ? historyLost(this.doc) : rev === null ? fresh : history.rebase(ops, tab.id, this.doc.type, concurrent!);
    if (waiting instanceof Error) {
      this.events.onRejected(fresh.map(stepAsMade), notApplied(waiting), fresh.length === ops.length ? v : undefined);
      return;
    }
    this.sequence(follower, follower.inc, waiting, true);
  }

  /** Places the ops that a tab received from an earlier host after `rev`, and that this host may not have written. */
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
      // An op that can't be rebased is skipped. The tab that made it sends it itself, and gets the error.
      if (Array.isArray(ops) && !ops.some(one => lossOf(one, this.doc))) this.sequence(follower, follower.inc, ops, true);
    }
  }

  /** Places stored ops that were read late and rebased to the current revision. */
  merge(owner: Tab, ops: WaitingOp[]): void {
    this.sequence(this.followers.of(owner), 0, ops, true);
  }

  /**
   * Returns whether this host has placed an op of an earlier host that its tab has sent again; false if the tab has not sent it; undefined
   * if this is no longer known, or if the op was sent and not placed. Then the tab sends it once more, or gives it up.
   */
  hasPlaced(owner: string, seq: number): boolean | undefined {
    const tab = this.events.tab(owner);
    const {firstSeq} = this.followers.find(tab) ?? {};
    const isUpToLast = seq <= this.followers.lastSeqOf(tab);
    if (firstSeq === undefined) return isUpToLast ? undefined : false;
    return seq < firstSeq ? false : isUpToLast || undefined;
  }

  /** Whether a tab has sent this op, and it is not placed. The tab sends it once more, or gives it up. */
  awaits(owner: string, seq: number): boolean {
    const {firstSeq, lastSeq} = this.followers.find(this.events.tab(owner)) ?? {lastSeq: 0};
    return firstSeq !== undefined && seq >= firstSeq && seq > lastSeq;
  }

  /**
   * Counts a stored op, which is already in the history, as pending.
   * @returns a callback to call when the server has answered the op
   */
  restore(owner: string, seq: number): (error?: Error | null) => void {
    const follower = this.followers.of(this.events.tab(owner));
    follower.lastSeq = Math.max(follower.lastSeq, seq);
    follower.unsettled++;
    this.countPending(1);
    return error => this.settle(follower, seq, error);
  }

  /** Resets the number of pending ops, because the document could not be restored. */
  clear(): void {
    while (this.pendingOps) this.countPending(-1);
  }

  /**
   * Places an op of a transaction, which is made at the current revision.
   * @param onSettled called when the server has answered
   * @returns the error if the op can't be applied
   */
  place(tab: Tab, op: WaitingOp, onSettled: (error?: Error | null) => void): Error | undefined {
    const follower = this.followers.of(tab);
    // The author of a transaction has no session, so its follower is deleted when the server has answered.
    follower.isReleasedByTab = true;
    return this.sequenceOne(follower, op, onSettled);
  }

  /**
   * Places ops that are made at the current revision, each on the one before.
   * @param isReplay whether the ops were not submitted by their tab itself
   */
  private sequence(follower: Follower, inc: number, ops: WaitingOp[], isReplay = false): void {
    // The tab must get the acknowledgement of its own op. A tab without a position continues from the current revision.
    if (follower.sent === null && !isReplay) follower.sent = this.journaled.history.rev;
    for (const op of ops) {
      const loss = lossOf(op, this.doc);
      // The tab can't take this op back, and later ops were made on it. So a dead letter is made of it, and the rest of it is placed.
      if (loss && isReplay) this.events.onRejected([stepAsMade(op)], loss);
      const error = loss && !isReplay ? loss : this.sequenceOne(follower, op);
      if (!error) continue;
      // The error is sent to a connected tab. The ops of other tabs become dead letters.
      if (follower.tab.session) this.refuse(follower, inc, op.seq, error);
      else if (!loss) this.events.onRejected([stepOf(op.step)], error);
      // A connected tab sends its later ops again, without the effect of this op.
      if (follower.tab.session && !isReplay) return;
    }
  }

  /** Places one op. @returns the error if the op can't be applied */
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

  private reset(follower: Follower, ops: readonly WaitingOp[]): void {
    this.noteRefused(follower, ops);
    this.updates.reset(follower, historyLost(this.doc));
  }

  private noteRefused({tab}: Follower, ops: readonly {seq: number}[]): void {
    for (const {seq} of ops) this.journaled.noteRefused(tab.id, seq);
  }

  private refuse(follower: Follower, inc: number, seq: number, error: Error): void {
    this.noteRefused(follower, [{seq}]);
    this.updates.refuse(follower, inc, seq, error);
  }

  /** Handles the server's answer to an op in the history. */
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

/** Returns an error if the op has lost content, because the server's database lacks the part of the document that it changes. */
export function lossOf({step, x}: WaitingOp, doc: RealDoc): Error | undefined {
  return losesContent(doc.type, x.was, step.op) ? historyGone(doc) : undefined;
}

const stepAsMade = ({step, x}: WaitingOp): Step => (x.was === undefined ? stepOf(step) : {op: x.was});

/** Returns the ops of a request. The tab has not composed the additional ops, so they are not composed here either. */
function opsOf({seq, x, more = [], ...first}: OpRequest): WaitingOp[] {
  return [{step: markedStepOf(first), seq, x}, ...more.map(({step, ...op}) => ({...op, step: markedStepOf(step), x: {...op.x, preventCompose: true as const}}))];
}
