import {currentRuntime} from './current.js';

/** Functions that tasks can name. Called once, when the script loads. */
export function expose(functions: Record<string, (...args: any[]) => unknown>): void {
  Object.assign(currentRuntime()?.exposed ?? {}, functions);
}

/** Marks what in a result is moved instead of copied. @returns the value */
export function transfer<T>(value: T, list: readonly Transferable[]): T {
  if (typeof value === 'object' && value !== null) currentRuntime()?.transfers.set(value, list);
  return value;
}

/** Called before the thread is ended in peace (idle, close, recycle), for at most 1 s. */
export function onEnd(callback: () => void | Promise<void>): void {
  currentRuntime()?.onEnd.push(callback);
}

/** What the pool's option `data` said. It is there when tasks run, not yet while the script loads. */
export let threadData: unknown;
currentRuntime()?.whenStarted(data => { threadData = data; });

/** Whether this code runs in a thread of a pool. */
export function isInThread(): boolean {
  return currentRuntime() !== undefined;
}
