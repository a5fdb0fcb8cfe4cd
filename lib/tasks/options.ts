import {processors} from '../platform/threads.js';
import type {ResourceLimits} from './threads.js';

/** The options of a `WorkerPool`. */
export interface PoolOptions {
  /** Default: one less than the processor has, at least 1, at most 8. */
  size?: number;
  /** Threads that are kept when idle. Default 0. */
  minSize?: number;
  /** Running and waiting together. Default 100,000. */
  maxTasks?: number;
  /**
   * What happens to a task above `maxTasks`. 'reject': ERR_TASK_QUEUE_FULL. 'wait': it waits outside of the queue until there is
   * room, and `map` pulls no more items. Default 'reject'.
   */
  whenFull?: 'reject' | 'wait';
  /** ms; Infinity: never. Default 10,000. */
  idleTimeout?: number;
  recycleAfter?: {tasks?: number; /** Node only. */ heapMB?: number};
  /** For all tasks, unless they say otherwise. */
  timeout?: number;
  grace?: number;
  /** Node: as in worker_threads. */
  resourceLimits?: ResourceLimits;
  /** Given to each thread as `threadData`, once. */
  data?: unknown;
}

const MAX_SIZE = 64;

export function defaultSize(): number {
  return Math.min(Math.max(processors() - 1, 1), 8);
}

/** @throws RangeError */
export function checkSize(size: number): number {
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) throw new RangeError(`size: a pool has 1 to ${MAX_SIZE} threads, not ${size}`);
  return size;
}

/** @throws TypeError, RangeError */
export function checkNumbers(options: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined) continue;
    if (typeof value !== 'number' || Number.isNaN(value)) throw new TypeError(`${name}: a number, not ${String(value)}`);
    if (value < 0 && name !== 'priority') throw new RangeError(`${name}: at least 0, not ${value}`);
  }
}
