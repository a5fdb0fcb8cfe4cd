import {nextTick} from './next-tick.js';

/** Calls one after the other. What one of them throws is thrown a tick later, for whoever watches: the others are called all the same. */
export function runAll(callbacks: Iterable<() => void>): void {
  for (const callback of callbacks) {
    try {
      callback();
    } catch (error) {
      nextTick(() => { throw error; });
    }
  }
}
