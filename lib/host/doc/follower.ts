import type {Position} from '../../protocol/messages.js';
import type {Tab} from '../tab.js';
import type {History} from '../../ot/history.js';

/** A host's record of one tab's use of one document. */
export class Follower {
  /** The tab's incarnation of the document; 0 until the tab has named it. */
  inc = 0;
  /** The revision that the tab has once it has handled all that was sent to it. */
  sent: number | null = null;
  /** The lowest seq that the tab has sent to this host. */
  firstSeq: number | undefined;
  /** Why it follows: a subscription, the number of queries with the document in their results, unsettled ops. */
  subscribed = false;
  queries = 0;
  unsettled = 0;
  /** One more entry, for a document that has just left a query's results: its deletion comes after. */
  grace = false;
  /** Has subscribed without a server: it subscribes again when there is one. */
  willAskAgain = false;
  /** The tab got a stored state without a server. It gets the server's answer later. */
  awaitsServer = false;
  /** The number of open requests. The host keeps the real document while there are any. */
  requests = 0;
  /** The revision of the last state that was sent to the tab to replace its own. */
  private stateAt = -1;
  /** The batch with the last reset. The tab has given up the ops that it sent before it got that batch. */
  private resetTurn = 0;
  private mark: {turn: number; rev: number} | undefined;
  private handled = 0;
  /** The tab has released the document, and has not requested it since. */
  isLetGo = false;
  /** The oldest revision that the tab may come back with, while it is away. */
  private mayReturnAt: number | null = null;

  /** @param lastSeq the highest seq of the tab's ops that has its place in the history */
  constructor(readonly tab: Tab, public lastSeq = 0) {}

  get follows(): boolean {
    return this.subscribed || this.queries > 0 || this.unsettled > 0 || this.grace || this.awaitsServer;
  }

  /** The tab has released the document, and nothing is under way for it any more. */
  get isForgotten(): boolean {
    return this.isLetGo && !this.follows && this.requests === 0;
  }

  /** The tab has released the document. Its later requests are those of a new follower. */
  forget(): void {
    this.isLetGo = true;
    this.sent = null;
    this.mayReturnAt = null;
    this.inc = 0;
    this.subscribed = false;
  }

  /** Takes the position that the tab reports. The sent revision counts, and never falls. */
  locate({inc, rev, hadState}: Position, history: History): void {
    this.isLetGo = false;
    if (inc < this.inc) return;
    if (inc > this.inc) {
      // A first incarnation may already have got its state from a query's results.
      if (this.inc !== 0 || hadState) this.sent = null;
      this.inc = inc;
      this.resetTurn = 0;
    }
    // A tab that does not know yet that it was told to give up its state does not have this one.
    if (rev === null || this.awaitsReset) return;
    if (this.sent === null && history.covers(rev)) this.sent = rev;
    this.handled = Math.max(this.handled, rev);
  }

  /** Notes that all up to `rev` has been sent. */
  noteSent(rev: number): void {
    this.sent = rev;
    if (!this.mark && this.tab.session) this.mark = {turn: this.tab.session.nextTurn, rev};
  }

  /** Notes that a state was sent. When it arrives, the tab gives up the ops that it made on an earlier one. */
  noteState(rev: number): void {
    this.stateAt = rev;
    this.noteSent(rev);
  }

  /** Notes that the tab was told to give up all its ops. @param rev null if it got no state in their place */
  noteReset(rev: number | null): void {
    if (rev === null) this.sent = null;
    else this.noteState(rev);
    this.resetTurn = this.tab.session?.nextTurn ?? 0;
  }

  /** Whether the tab sent the present message before it knew of the last reset. */
  get awaitsReset(): boolean {
    return !!this.tab.session && this.tab.session.acknowledgedTurn < this.resetTurn;
  }

  /** Whether a newer state is on its way to the tab than the one at `rev`. */
  willReplace(rev: number): boolean {
    return this.stateAt > rev;
  }

  /** Whether a tab at `rev` has been sent the entries from there to a revision that its ops can be rebased from. */
  isBehind(rev: number, history: History): boolean {
    return this.sent !== null && this.sent > rev && history.covers(this.sent);
  }

  /** The tab was known to an earlier host: it may come back with anything from `rev` on. */
  awaitFrom(rev: number): void {
    this.mayReturnAt = rev;
  }

  /** The tab has returned, and is at `rev`. */
  return(inc: number, rev: number | null): void {
    this.inc = inc;
    this.sent = rev;
    this.mayReturnAt = null;
  }

  /** The oldest revision that an op of this tab can still be made at, null when it has no state. */
  oldestRev(): number | null {
    if (this.sent === null) return this.mayReturnAt;
    if (this.mark && this.tab.session && this.tab.session.acknowledgedTurn >= this.mark.turn) {
      this.handled = Math.max(this.handled, this.mark.rev);
      this.mark = undefined;
    }
    return Math.min(this.handled, this.sent);
  }

  /** The session ended. The tab repeats its requests in the next one. */
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
