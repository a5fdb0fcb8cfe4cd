import type {Clock, Locks} from './platform.js';

/** The Web Locks of this thread. Missing in insecure contexts and in Node 20. */
export function webLocks(): Locks | undefined {
  return globalThis.navigator?.locks as Locks | undefined;
}

/** The number of processors that the platform reports. Browsers may hide it; then 2. */
export function processors(): number {
  return (typeof navigator !== 'undefined' && navigator.hardwareConcurrency) || 2;
}

/** A timer that keeps a Node process alive. For work whose result somebody awaits. @returns a function that cancels it */
export function after(ms: number, callback: () => void): () => void {
  // Engines fire delays above 2^31 - 1 ms at once (HTML: a signed 32-bit integer).
  if (ms > 2 ** 31 - 1) return () => {};
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

/** A clock with such timers. */
export const waitingClock: Clock = {now: () => performance.now(), after};
