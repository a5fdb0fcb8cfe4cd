import {runAll} from '../platform/run-all.js';

/** Callbacks that wait until all changes up to a number are committed. */
export class Waiters {
  /** Sorted by `upTo`. The callbacks of one number are in the order in which they were added. */
  private waiting: {upTo: number; callback: () => void}[] = [];

  add(upTo: number, callback: () => void): void {
    const later = this.waiting.findLastIndex(other => other.upTo <= upTo) + 1;
    this.waiting.splice(later, 0, {upTo, callback});
  }

  release(upTo: number): void {
    runAll(this.take(upTo));
  }

  /** Drops all callbacks without calling them. */
  clear(): void {
    this.waiting = [];
  }

  /** Removes the callbacks one by one, because a callback may clear the others. */
  private *take(upTo: number): Generator<() => void> {
    while (this.waiting.length && this.waiting[0]!.upTo <= upTo) yield this.waiting.shift()!.callback;
  }
}
