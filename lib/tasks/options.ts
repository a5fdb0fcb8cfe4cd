import {unknownOption} from '../platform/option-names.js';
import {processors} from '../platform/threads.js';
import type {ResourceLimits} from './threads.js';

/** The options of a `WorkerPool`. */
export interface PoolOptions {
  /** How many threads there may be, 1 to 64. Default: one less than the processor runs at once, at least 1, at most 8. */
  size?: number;
  /** How many threads stay when they are idle. Default 0. */
  minSize?: number;
  /** How many tasks may run and wait, together. Default 100,000. */
  maxTasks?: number;
  /**
   * What happens to a task above `maxTasks`. 'reject': it rejects with ERR_TASK_QUEUE_FULL. 'wait': it waits outside of the queue until
   * there is room, and `map` takes no more items meanwhile. Default 'reject'.
   */
  whenFull?: 'reject' | 'wait';
  /** How long a thread may be idle before it is ended, in ms. Infinity: it is never ended. Default 10,000. */
  idleTimeout?: number;
  /** A thread is replaced after so many tasks, or when its heap has so many MiB after a task (only in Node). Default: never. */
  recycleAfter?: {
    /** The number of tasks. */
    tasks?: number;
    /** The size of the heap, in MiB. */
    heapMB?: number;
  };
  /** The `timeout` of tasks that have none of their own, in ms. */
  timeout?: number;
  /** The `grace` of tasks that have none of their own, in ms. */
  grace?: number;
  /** Limits of each thread, as in `worker_threads`. Only in Node. */
  resourceLimits?: ResourceLimits;
  /** Each thread gets a copy as `threadData` when it starts. */
  data?: unknown;
}

const MAX_SIZE = 64;

/** All options; 1: it is a number. The type check fails if one is missing. */
export const POOL_OPTIONS: Record<keyof PoolOptions, 0 | 1> = {
  size: 0, minSize: 1, maxTasks: 1, whenFull: 0, idleTimeout: 1, recycleAfter: 0, timeout: 1, grace: 1, resourceLimits: 0, data: 0
};

export function defaultSize(): number {
  return Math.min(Math.max(processors() - 1, 1), 8);
}

/** @throws RangeError */
export function checkSize(size: number): number {
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) throw new RangeError(`size: a pool has 1 to ${MAX_SIZE} threads, not ${size}`);
  return size;
}

/** @throws TypeError, RangeError */
export function checkOptions(what: string, options: object, known: Record<string, 0 | 1>): void {
  const unknown = unknownOption(what, options, Object.keys(known));
  if (unknown) throw new TypeError(unknown);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || !known[name]) continue;
    if (typeof value !== 'number' || Number.isNaN(value)) throw new TypeError(`${name}: a number, not ${String(value)}`);
    if (value < 0 && name !== 'priority') throw new RangeError(`${name}: at least 0, not ${value}`);
  }
}
