import type {Position} from '../../protocol/messages.js';
import type {Tab} from '../tab.js';
import type {History} from '../../ot/history.js';

/** A host's record of one tab's use of one document. */
export class Follower {
  /** The tab's incarnation of the document; 0 until the tab has sent it. */
  inc = 0;
  /** The revision that the tab has when it has handled all messages that were sent to it; null if it has no state. */
  sent: number | null = null;
  /** The lowest seq that the tab has sent to this host. */
  firstSeq: number | undefined;
  /** The reasons to follow: a subscription, the number of queries with the document in their results, the number of unsettled ops. */
  subscribed = false;
  queries = 0;
  unsettled = 0;
  /** Whether the tab gets one more entry after the document has left a query's results, because the deletion follows the query's diff. */
  grace = false;
  /** Whether the tab has subscribed without a connection to the server, and will subscribe again when there is one. */
  willAskAgain = false;
  /** Whether the tab was answered from the host's copy, and gets the server's answer to its fetch later. */
  awaitsServer = false;
  /** The number of open requests. The host keeps the real document while there are any. */
  requests = 0;
  /** The revision of the last state that was sent to the tab to replace its own. */
  private stateAt = -1;
  /** The turn with the last reset. The tab gives up the ops that it sent before it received that turn's messages. */
  private resetTurn = 0;
  private mark: {turn: number; rev: number} | undefined;
  private handled = 0;
  /** Whether the tab has released the document and has not requested it since. */
  isReleasedByTab = false;
  /** The oldest revision with which the tab may return; null if it is connected or has no state. */
  private mayReturnAt: number | null = null;

  /** @param lastSeq the highest seq of the tab's ops in the history */
  constructor(readonly tab: Tab, public lastSeq = 0) {}

  get follows(): boolean {
    return this.subscribed || this.queries > 0 || this.unsettled > 0 || this.grace || this.awaitsServer;
  }

  /** Whether the tab has released the document, and no op or request of it is open. */
  get isForgotten(): boolean {
    return this.isReleasedByTab && !this.follows && this.requests === 0;
  }

  /** Handles that the tab has released the document. */
  forget(): void {
    this.isReleasedByTab = true;
    this.sent = null;
    this.mayReturnAt = null;
    this.inc = 0;
    this.subscribed = false;
  }

  /** Updates the follower from the position in a tab's request. The sent revision never decreases within an incarnation. */
  locate({inc, rev, hadState}: Position, history: History): void {
    this.isReleasedByTab = false;
    if (inc < this.inc) return;
    if (inc > this.inc) {
      // A first incarnation may have received its state in a query's results.
      if (this.inc !== 0 || hadState) this.sent = null;
      this.inc = inc;
      this.resetTurn = 0;
    }
    // The tab has not received the last reset yet, so it will give up this state.
    if (rev === null || this.awaitsReset) return;
    if (this.sent === null && history.covers(rev)) this.sent = rev;
    this.handled = Math.max(this.handled, rev);
  }

  /** Notes that all entries up to `rev` were sent. */
  noteSent(rev: number): void {
    this.sent = rev;
    if (!this.mark && this.tab.session) this.mark = {turn: this.tab.session.nextTurn, rev};
  }

  /** Notes that a state was sent. When it arrives, the tab gives up the ops that it made on an earlier state. */
  noteState(rev: number): void {
    this.stateAt = rev;
    this.noteSent(rev);
  }

  /** Notes that a reset was sent, which makes the tab give up all its ops. @param rev the new state's revision; null if there is none */
  noteReset(rev: number | null): void {
    if (rev === null) this.sent = null;
    else this.noteState(rev);
    this.resetTurn = this.tab.session?.nextTurn ?? 0;
  }

  /** Whether the tab sent the present message before it received the last reset. */
  get awaitsReset(): boolean {
    return !!this.tab.session && this.tab.session.acknowledgedTurn < this.resetTurn;
  }

  /** Whether a newer state than the one at `rev` was sent to the tab. */
  willReplace(rev: number): boolean {
    return this.stateAt > rev;
  }

  /** Whether the tab was sent entries from `rev` to a later revision, from which the history can rebase its ops. */
  isBehind(rev: number, history: History): boolean {
    return this.sent !== null && this.sent > rev && history.covers(this.sent);
  }

  /** Notes that the tab, which an earlier host knew, may return with any revision from `rev` on. */
  awaitFrom(rev: number): void {
    this.mayReturnAt = rev;
  }

  /** Notes that the tab has returned with revision `rev`. */
  return(inc: number, rev: number | null): void {
    this.inc = inc;
    this.sent = rev;
    this.mayReturnAt = null;
  }

  /** Returns the oldest revision at which an op of this tab can still be made; null if the tab has no state. */
  oldestRev(): number | null {
    if (this.sent === null) return this.mayReturnAt;
    if (this.mark && this.tab.session && this.tab.session.acknowledgedTurn >= this.mark.turn) {
      this.handled = Math.max(this.handled, this.mark.rev);
      this.mark = undefined;
    }
    return Math.min(this.handled, this.sent);
  }

  /** Handles the end of the tab's session. The tab repeats its requests in the next session. */
  detach(): void {
    this.mayReturnAt = this.oldestRev();
    this.sent = null;
    this.stateAt = -1;
    this.resetTurn = 0;
    this.subscribed = false;
    this.queries = 0;
    this.grace = false;
    this.awaitsServer = false;
    this.requests = 0;
    this.mark = undefined;
  }
}
