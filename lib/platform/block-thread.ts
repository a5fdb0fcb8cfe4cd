/**
 * Does nothing for so long, as an endless loop would: no timer, message or promise of this thread goes on. `Atomics.wait` would do it
 * without work, but needs memory that only isolated pages and their workers may share.
 */
export function blockThread(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
