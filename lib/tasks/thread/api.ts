import {currentRuntime} from './current.js';

/**
 * Lets tasks name these functions: `task('add')` for `expose({add})`. Call it when the script loads. It has no effect outside of a pool's thread.
 */
export function expose(functions: Record<string, (...args: any[]) => unknown>): void {
  Object.assign(currentRuntime()?.exposed ?? {}, functions);
}

/**
 * Marks what in a result is moved instead of copied.
 * @param value the result of the function, or a value of its stream. Only objects can be marked
 * @param list the parts that are moved
 * @returns the value
 */
export function transfer<T>(value: T, list: readonly Transferable[]): T {
  if (typeof value === 'object' && value !== null) currentRuntime()?.transfers.set(value, list);
  return value;
}

/**
 * Adds a callback for the end of the thread when it is idle or recycled, or its pool is closed. Callbacks run one after the other, for at most 1 s in
 * all. They do not run when a thread is terminated, e.g. by a time-out.
 */
export function onEnd(callback: () => void | Promise<void>): void {
  currentRuntime()?.onEnd.push(callback);
}

/** A copy of the pool's option `data`. It is set when tasks run, but not while the script loads. */
export let threadData: unknown;
void currentRuntime()?.started.then(data => { threadData = data; });

/** @returns whether this code runs in a thread of a pool */
export function isInThread(): boolean {
  return currentRuntime() !== undefined;
}
