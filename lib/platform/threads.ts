import type {Clock, Locks} from './platform.js';

/** The Web Locks of this thread. Missing in insecure contexts and in Node before 24.5 (MDN). */
export function webLocks(): Locks | undefined {
  return globalThis.navigator?.locks as Locks | undefined;
}

/** The number of processors that the platform reports. Browsers may hide it; then 2. */
export function processors(): number {
  return (typeof navigator !== 'undefined' && navigator.hardwareConcurrency) || 2;
}

/** For short delays, where each byte counts: in a thread. */
export const startTimer = setTimeout;

/**
 * A timer that keeps a Node process alive, for work whose result is awaited. It never fires if `ms` is above 2^31 - 1.
 * @returns a function that cancels it
 */
export function after(ms: number, callback: () => void): () => void {
  // Engines fire delays above 2^31 - 1 ms at once (HTML: a signed 32-bit integer).
  if (ms > 2 ** 31 - 1) return () => {};
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

/** A clock with such timers, for durations: its time counts from the start of this thread, and not from the epoch. */
export const waitingClock: Clock = {now: () => performance.now(), after};
