import type {Clock} from '../../platform/platform.js';
import {touchedReads, type Commit} from '../../protocol/transactions.js';
import type {Tab} from '../tab.js';

/**
 * How long others wait for a transaction to run again after a conflict, in ms. Its function runs as soon as the answer arrives, so a tab that takes
 * longer is frozen, or no longer wants to write.
 */
const HOLD_MS = 50;

interface Turn {
  readonly tab: Tab;
  readonly id: string;
  parts: Commit['parts'];
  /** Cancels the end of the turn while the tab runs the function again. */
  stop?: (() => void) | undefined;
}

/**
 * Lets transactions that conflict commit one after the other, the oldest first. A transaction that has read changed data gets a turn. Until it
 * has run again, commits that would change its reads wait behind it. Without this, a tab that has just committed would commit its next transaction
 * before the other tabs have run again.
 */
export class Turns {
  /** The turns, the oldest first. */
  private readonly turns: Turn[] = [];
  private waiting: (() => void)[] = [];

  constructor(private readonly clock: Clock) {}

  /**
   * Whether the commit has to wait. If so, it gets a turn, and `call` is called when it may have to wait no longer.
   * @param isJson0 whether the document of a part is a json0 document
   */
  wait(tab: Tab, commit: Commit, isJson0: (part: number) => boolean, call: () => void): boolean {
    const own = this.find(tab, commit);
    own?.stop?.();
    const before = own ? this.turns.slice(0, this.turns.indexOf(own)) : this.turns;
    if (!before.some(turn => changesReads(commit, turn, isJson0))) return false;
    this.join(tab, commit);
    this.waiting.push(call);
    return true;
  }

  /** Gives a transaction a turn behind the present ones, if it has none. */
  join(tab: Tab, {id, parts}: Commit): void {
    const own = this.find(tab, {id});
    if (own) own.parts = parts;
    else this.turns.push({tab, id, parts});
  }

  /** Ends a turn if the transaction does not commit soon. Called when the tab gets the answer to run again. */
  hold(tab: Tab, commit: Commit): void {
    const own = this.find(tab, commit);
    if (own) own.stop = this.clock.after(HOLD_MS, () => this.end(turn => turn === own));
  }

  /** The transaction has committed or has failed. */
  leave(tab: Tab, {id}: Commit): void {
    this.end(turn => turn.tab === tab && turn.id === id);
  }

  /** Ends the turns of a tab that has ended. */
  forget(tab: Tab): void {
    this.end(turn => turn.tab === tab);
  }

  private find(tab: Tab, {id}: {id: string}): Turn | undefined {
    return this.turns.find(turn => turn.tab === tab && turn.id === id);
  }

  private end(isOver: (turn: Turn) => boolean): void {
    const over = this.turns.filter(isOver);
    if (!over.length) return;
    for (const turn of over) {
      turn.stop?.();
      this.turns.splice(this.turns.indexOf(turn), 1);
    }
    const waiting = this.waiting.splice(0);
    for (const call of waiting) call();
  }
}

/** Whether a commit changes data that a transaction with a turn has read. */
function changesReads(commit: Commit, turn: Turn, isJson0: (part: number) => boolean): boolean {
  return commit.parts.some(({c, d, step}, i) => step && turn.parts.some(part =>
    part.c === c && part.d === d && touchedReads(step, isJson0(i), new Set(part.reads)).length > 0));
}
