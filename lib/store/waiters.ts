import {runAll} from '../platform/run-all.js';

/** Callbacks that wait until all changes up to a number are committed. */
export class Waiters {
  /** By place; those of one place in order. */
  private waiting: {upTo: number; callback: () => void}[] = [];

  add(upTo: number, callback: () => void): void {
    const later = this.waiting.findLastIndex(other => other.upTo <= upTo) + 1;
    this.waiting.splice(later, 0, {upTo, callback});
  }

  release(upTo: number): void {
    runAll(this.take(upTo));
  }

  /** Nobody is called. */
  clear(): void {
    this.waiting = [];
  }

  /** One after the other: a callback may clear what is left. */
  private *take(upTo: number): Generator<() => void> {
    while (this.waiting.length && this.waiting[0]!.upTo <= upTo) yield this.waiting.shift()!.callback;
  }
}
