import type {Clock, Locks} from './platform.js';

/** Web Locks of this thread. Missing in insecure contexts and in Node 20. */
export function webLocks(): Locks | undefined {
  return typeof navigator === 'undefined' ? undefined : (navigator.locks as Locks | undefined);
}

/** What the processor runs at once, as far as the platform says: browsers may hide it. */
export function processors(): number {
  return (typeof navigator !== 'undefined' && navigator.hardwareConcurrency) || 2;
}

/** Timers that keep a Node process alive: somebody waits for what they call. */
export const waitingClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    // Above 2^31 - 1 ms, engines fire at once (HTML: a signed 32-bit integer).
    if (ms > 2 ** 31 - 1) return () => {};
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  }
};
