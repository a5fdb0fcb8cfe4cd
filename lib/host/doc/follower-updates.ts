import type {DeliveryRule} from '../../broker/host-session.js';
import {encodeError, type ErrorData} from '../../protocol/errors.js';
import type {Position, ResetMessage, SnapshotData} from '../../protocol/messages.js';
import type {Follower} from './follower.js';
import type {Followers} from './followers.js';
import {Entry, type ConcurrentStep} from '../../ot/history-entry.js';
import {historyLost} from './op-errors.js';
import {Outcomes} from './outcomes.js';
import type {Continuation} from '../../ot/rebase.js';
import type {JournaledDoc} from './journaled-doc.js';
import type {Tab} from '../tab.js';
import type {RealDoc} from '../upstream.js';

/** Sends the tabs the messages about one document: states, entries, and the outcomes of their ops. */
export class FollowerUpdates {
  readonly outcomes = new Outcomes(({tab, seqs, error, isSilent}) => tab.send({
    a: 'doc.settled', ...this.name, seqs, ...(error && {error}), ...(isSilent && {silent: true})
  }, 'repeatable', !error && this.doc.hasWritePending()));
  /** The present hard rollback: the followers that were notified of it, and the outcomes of ops since it began. */
  private rollback: {notified: Set<Follower>; outcomes: Map<Tab, ResetMessage['outcomes']>} | undefined;

  constructor(private readonly doc: RealDoc, private readonly journaled: JournaledDoc, private readonly followers: Followers) {}

  private get name(): {c: string; d: string} {
    return {c: this.doc.collection, d: this.doc.id};
  }

  private about({inc}: Follower): {c: string; d: string; inc: number} {
    return {...this.name, inc};
  }

  // ---- states and entries

  /** Sends a tab the entries that it lacks up to the current revision. */
  catchUp(follower: Follower): void {
    const {sent, tab, inc} = follower;
    const {history} = this.journaled;
    // A state that is loaded during a rollback is not in the journal yet, so the next host may load another one.
    if (this.rollback || sent === null || sent === history.rev) return;
    if (!history.covers(sent)) return this.reset(follower, historyLost(this.doc));
    const {collection, id} = this.doc;
    for (const entry of history.after(sent)) {
      const own = entry.src === tab.id && entry.seq !== undefined;
      // While ops are pending, more entries follow that only increase the version.
      const mayWait = entry.isEmpty && this.doc.hasWritePending();
      tab.send(entry.encode(collection, id, inc, own), ruleFor(entry, tab), mayWait);
    }
    follower.noteSent(history.rev);
  }

  catchUpAll(): void {
    for (const follower of this.followers) this.catchUp(follower);
  }

  /** Answers a fetch or a subscription. The answer contains the state if the tab has none. */
  answer(follower: Follower, action: 'f' | 's', inc: number): void {
    const {tab} = follower;
    const question = {a: action, ...this.name, inc};
    if (inc === follower.inc && follower.sent === null) {
      follower.noteState(this.journaled.history.rev);
      return tab.answer(question, this.journaled.snapshotJson());
    }
    this.catchUp(follower);
    return tab.send(question);
  }

  answerError({tab}: Follower, action: 'f' | 's', inc: number, error: Error): void {
    tab.send({a: action, ...this.name, inc, error: encodeError(error)});
  }

  answerUnsubscribe(tab: Tab, {inc}: Position): void {
    tab.send({a: 'u', ...this.name, inc});
  }

  /** Returns the part of a query's result that a tab lacks: the snapshot if it has no state, otherwise only the revision. */
  snapshotFor(follower: Follower): SnapshotData {
    const {rev} = this.journaled.history;
    if (follower.sent !== null && this.journaled.history.covers(follower.sent)) {
      this.catchUp(follower);
      return {v: this.doc.version, type: null, rev, inc: follower.inc};
    }
    follower.noteState(rev);
    return {...(JSON.parse(this.journaled.snapshotJson()) as SnapshotData), inc: follower.inc};
  }

  /** Sends a tab the revision of the state that it has. */
  position(follower: Follower, rev: number): void {
    follower.noteSent(rev);
    follower.tab.send({a: 'doc.positioned', ...this.about(follower), rev});
  }

  /** Sends a tab that has replayed ops its revision, and the entries that it lacks up to that revision. */
  continueFrom(follower: Follower, rev: number, {steps, isExact}: Continuation = {steps: [], isExact: true}): void {
    const {version} = this.doc;
    const start = rev - steps.length;
    const entries = steps.map(({step, src, seq}, i) => new Entry(start + i + 1, version, src, seq, JSON.stringify(step), false, undefined));
    const state = isExact ? '' : `,"snapshot":${this.journaled.snapshotJson()}`;
    this.sendPosition(follower, start, entries, entry => entry.src === follower.tab.id && entry.seq !== undefined, state);
  }

  /** Sends a tab the server's ops from its state to version `v`, at which the document has revision `rev`. */
  continueOver(follower: Follower, rev: number, v: number, ops: readonly ConcurrentStep[]): void {
    const before = rev - ops.length;
    const entries = ops.map(({step, src, seq}, i) => new Entry(before + i + 1, v - ops.length + i + 1, src, seq, JSON.stringify(step), true, undefined));
    follower.noteSent(rev);
    this.sendPosition(follower, before, entries, () => false);
  }

  /** Sends a tab a revision, and the entries that it lacks since. @param more further fields, as JSON */
  private sendPosition(follower: Follower, rev: number, entries: readonly Entry[], isOwn: (entry: Entry) => boolean, more = ''): void {
    const {collection, id} = this.doc;
    const texts = entries.map(entry => entry.encode(collection, id, follower.inc, isOwn(entry)));
    follower.tab.send(`${JSON.stringify({a: 'doc.positioned', ...this.about(follower), rev}).slice(0, -1)},"entries":[${texts.join()}]${more}}`);
  }

  /** Notifies a tab that this host does not have the document's history. */
  lose(follower: Follower): void {
    follower.tab.send({a: 'doc.lost', ...this.about(follower)});
  }

  /** Makes a tab give up its ops that this host does not have. */
  loseOps(follower: Follower): void {
    if (this.journaled.hasState) this.reset(follower, historyLost(this.doc));
    else this.lose(follower);
  }

  /** Sends a tab a new state, because no entries lead from its state to the current one. */
  reset(follower: Follower, error: Error): void {
    const unsettled = this.journaled.pendingSeqs(follower.tab.id);
    this.sendReset(follower, this.outcomes.of(follower.tab), encodeError(error), undefined, unsettled);
  }

  private sendReset(
    follower: Follower, outcomes: ResetMessage['outcomes'], error: ErrorData, loadError: ErrorData | undefined, unsettled?: number[]
  ): void {
    const message = {a: 'doc.reset', ...this.about(follower), outcomes, ...(unsettled && {unsettled}), error};
    follower.noteReset(loadError ? null : this.journaled.history.rev);
    if (loadError) return follower.tab.send({...message, loadError});
    follower.tab.send(`${JSON.stringify(message).slice(0, -1)},"snapshot":${this.journaled.snapshotJson()}}`);
  }

  /** Removes the document from the tabs, because the server refuses it. Tabs that await an answer get the error with the answer. */
  empty(error: Error): void {
    const data = encodeError(error);
    for (const follower of this.followers) {
      follower.awaitsServer = false;
      if (follower.sent === null) continue;
      follower.sent = null;
      const isAnswered = follower.requests > 0 || (follower.subscribed && follower.willAskAgain);
      follower.subscribed = false;
      follower.tab.send({a: 'doc.refused', ...this.about(follower), error: data, ...(isAnswered && {silent: true})});
    }
  }

  /** Ends the subscriptions of tabs, because the server refuses to subscribe. The tabs keep their state. */
  endSubscriptions(error: Error): void {
    for (const follower of this.followers) {
      // `empty` has notified the other tabs.
      if (!follower.subscribed) continue;
      follower.subscribed = false;
      this.sendError(error, follower.tab.id);
    }
  }

  /** @param owner the id of the tab whose op caused the error; undefined to notify all tabs */
  sendError(error: Error, owner: string | undefined): void {
    const data = encodeError(error);
    for (const follower of this.followers) {
      if (owner === undefined || follower.tab.id === owner) follower.tab.send({a: 'doc.error', ...this.about(follower), error: data});
    }
  }

  // ---- ops

  /** Notifies a tab that its op was not placed in the history. */
  refuse(follower: Follower, inc: number, seq: number, error: Error): void {
    this.catchUp(follower);
    follower.tab.send({a: 'op', ...this.name, inc, seq, error: encodeError(error)});
  }

  /** Asks a tab to send its ops again. It receives the missing entries before this message, and rebases its ops over them. */
  askToResend(follower: Follower, inc: number, seq: number): void {
    this.catchUp(follower);
    follower.tab.send({a: 'doc.resend', ...this.name, inc, seq});
  }

  /** Sends a tab the outcome of its op; during a rollback, at the end of it. */
  settle(tab: Tab, seq: number, error: ErrorData | undefined, isSilent: boolean): void {
    if (!this.rollback) return this.outcomes.add(tab, seq, error, isSilent);
    const {outcomes} = this.rollback;
    this.outcomes.keep(tab, seq, error);
    outcomes.set(tab, [...(outcomes.get(tab) ?? []), error ? {seq, error} : {seq}]);
  }

  repeatOutcome(follower: Follower, seq: number): void {
    this.catchUp(follower);
    this.outcomes.repeat(follower.tab, seq);
  }

  /**
   * Repeats the outcomes of a tab's ops when it returns. An op that is in the history, not pending and without a stored outcome was answered
   * while the host had no record of the tab. If the answer was an error, there is a dead letter.
   */
  repeatOutcomes(follower: Follower, seqs: readonly number[]): void {
    const answered = new Set(this.answeredMeanwhile(follower, seqs));
    for (const seq of seqs) {
      if (answered.has(seq)) this.outcomes.add(follower.tab, seq, undefined);
      else this.repeatOutcome(follower, seq);
    }
  }

  private answeredMeanwhile({tab, lastSeq}: Follower, seqs: readonly number[]): number[] {
    const open = new Set([...this.journaled.pendingSeqs(tab.id), ...this.outcomes.of(tab).map(({seq}) => seq)]);
    return seqs.filter(seq => seq <= lastSeq && !open.has(seq));
  }

  // ---- hard rollbacks

  get isInRollback(): boolean {
    return !!this.rollback;
  }

  /** Whether the tab was notified of the rollback, and has lost its state. */
  isNotifiedOfRollback(follower: Follower): boolean {
    return this.rollback?.notified.has(follower) === true;
  }

  beginRollback(): void {
    this.rollback = {notified: new Set(), outcomes: new Map()};
    for (const follower of this.followers) {
      if (follower.sent === null) continue;
      this.rollback.notified.add(follower);
      follower.sent = null;
      follower.tab.send({a: 'doc.rollback', ...this.about(follower)});
    }
  }

  endRollback(error: ErrorData, loadError: ErrorData | undefined): void {
    const {notified, outcomes} = this.rollback!;
    this.rollback = undefined;
    for (const follower of notified) {
      const unsettled = this.journaled.pendingSeqs(follower.tab.id);
      this.sendReset(follower, outcomes.get(follower.tab) ?? [], error, loadError, unsettled.length ? unsettled : undefined);
      outcomes.delete(follower.tab);
    }
    // The other tabs had no state, but may await the outcomes of ops.
    for (const [tab, list] of outcomes) for (const {seq, error} of list) this.outcomes.add(tab, seq, error);
  }

  /** Continues a tab that was in a rollback of another host: it has no state, and has not received the outcomes of its ops. */
  resumeReset(follower: Follower, seqs: readonly number[]): void {
    for (const seq of this.answeredMeanwhile(follower, seqs)) this.outcomes.keep(follower.tab, seq, undefined);
    this.reset(follower, historyLost(this.doc));
  }
}

function ruleFor(entry: Entry, tab: Tab): DeliveryRule {
  if (entry.isEmpty) return 'repeatable';
  return entry.storedElsewhere || entry.isRepeatableBy(tab.id) ? 'own' : 'durable';
}
