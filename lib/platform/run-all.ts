import {nextTick} from './next-tick.js';

/**
 * Calls all functions in order. An error does not stop the others: it is thrown a tick later, where the app's error handlers see
 * it.
 */
export function runAll(callbacks: Iterable<() => void>): void {
  for (const callback of callbacks) {
    try {
      callback();
    } catch (error) {
      nextTick(() => { throw error; });
    }
  }
}
