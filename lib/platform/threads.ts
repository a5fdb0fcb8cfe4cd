import type {Clock, Locks} from './platform.js';

/** The Web Locks of this thread. Missing in insecure contexts and in Node 20. */
export function webLocks(): Locks | undefined {
  return typeof navigator === 'undefined' ? undefined : (navigator.locks as Locks | undefined);
}

/** The number of processors that the platform reports. Browsers may hide it; then 2. */
export function processors(): number {
  return (typeof navigator !== 'undefined' && navigator.hardwareConcurrency) || 2;
}

/** Timers that keep a Node process alive. For work whose result somebody awaits. */
export const waitingClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    // Engines fire delays above 2^31 - 1 ms at once (HTML: a signed 32-bit integer).
    if (ms > 2 ** 31 - 1) return () => {};
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  }
};
