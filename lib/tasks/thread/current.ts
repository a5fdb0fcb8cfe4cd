import type {ThreadRuntime} from './runtime.js';

/** A thread has one runtime, whichever copy of this file made it: the pool's own text, or the script's import. */
const key = Symbol.for('sharedb-tabs/thread');
const holder = globalThis as unknown as Record<symbol, ThreadRuntime | undefined>;

export function currentRuntime(): ThreadRuntime | undefined {
  return holder[key];
}

export function setCurrentRuntime(runtime: ThreadRuntime): void {
  holder[key] = runtime;
}
