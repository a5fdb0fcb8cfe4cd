/** The part of Node's `process` that is used here. */
interface NodeProcess {
  versions?: {node?: string};
  on(event: 'beforeExit', listener: () => void): unknown;
}

/** How often a process that nothing else keeps alive looks whether it is still needed, in ms. */
const LOOK_EVERY_MS = 20;

const found = (globalThis as {process?: NodeProcess}).process;
export const nodeProcess = found?.versions?.node && typeof found.on === 'function' ? found : undefined;

const needs = new Set<() => boolean>();
let isWatching = false;

/**
 * Node emits `beforeExit` when nothing keeps its process alive, and goes on if a listener starts something (Node, "Event:
 * 'beforeExit'"). While the timer runs, channels deliver. Nothing is to be done for each request.
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
