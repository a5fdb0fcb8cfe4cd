/** The part of Node's `process` that this file uses. */
interface NodeProcess {
  versions?: {node?: string};
  on(event: 'beforeExit', listener: () => void): unknown;
}

/** How often a process that nothing else keeps alive checks whether it is still needed, in ms. */
const LOOK_EVERY_MS = 20;

const found = (globalThis as {process?: NodeProcess}).process;
export const nodeProcess = found?.versions?.node && typeof found.on === 'function' ? found : undefined;

const needs = new Set<() => boolean>();
let isWatching = false;

/**
 * Keeps the Node process alive while `isNeeded` returns true. Node emits `beforeExit` when nothing else keeps the process alive,
 * and continues if a listener starts something (Node, "Event: 'beforeExit'"). Here the listener starts a timer, and channels deliver
 * messages while it runs. So requests need no timers of their own.
 * @returns a function that ends it
 */
export function keepAlive(isNeeded: () => boolean): () => void {
  needs.add(isNeeded);
  if (!isWatching) nodeProcess?.on('beforeExit', look);
  isWatching = true;
  return () => needs.delete(isNeeded);
}

function look(): void {
  for (const isNeeded of needs) if (isNeeded()) return void setTimeout(() => {}, LOOK_EVERY_MS);
}
