/**
 * Blocks this thread for `ms` milliseconds, as an endless loop would: no timer, message or promise continues. `Atomics.wait`
 * would do it without load, but needs memory that only isolated pages and their workers can share.
 */
export function blockThread(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
