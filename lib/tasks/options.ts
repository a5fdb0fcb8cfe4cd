import {unknownOption} from '../platform/option-checks.js';
import {processors} from '../platform/threads.js';
import type {ResourceLimits} from './threads.js';

/** The options of a `WorkerPool`. */
export interface PoolOptions {
  /** How many threads there may be, 1 to 64. Default: one less than the number of logical processors, at least 1, at most 8. */
  size?: number;
  /** How many threads stay when they are idle. Default 0. */
  minSize?: number;
  /** How many tasks may run and wait, together. Default 100,000. */
  maxTasks?: number;
  /**
   * The treatment of a task above `maxTasks`. 'reject': it rejects with ERR_TASK_QUEUE_FULL. 'wait': it waits outside of the queue until
   * there is room, and `map` takes no more items meanwhile. Default 'reject'.
   */
  whenFull?: 'reject' | 'wait';
  /** How long a thread may be idle before it is ended, in ms. Infinity: it is never ended. Default 10,000. */
  idleTimeout?: number;
  /** A thread is replaced after this number of tasks, or when its heap has this size after a task (only in Node). Default: never. */
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

/** For each option: 0 if it is not a number or is checked elsewhere, otherwise 1 more than its least value. */
export type OptionTable = Record<string, 0 | 1 | 2>;

/** All options. The type check fails if one is missing. */
const POOL_OPTIONS: Record<keyof PoolOptions, 0 | 1 | 2> = {
  size: 0, minSize: 1, maxTasks: 2, whenFull: 0, idleTimeout: 1, recycleAfter: 0, timeout: 1, grace: 1, resourceLimits: 0, data: 0
};

const RECYCLE_OPTIONS: Record<keyof NonNullable<PoolOptions['recycleAfter']>, 2> = {tasks: 2, heapMB: 2};
const LIMITS: Record<keyof ResourceLimits, 1> = {maxOldGenerationSizeMb: 1, maxYoungGenerationSizeMb: 1, codeRangeSizeMb: 1, stackSizeMb: 1};

let countProcessors = processors;

/** Called by the entry for Node: Node 20 has no `navigator`. */
export function useProcessors(count: () => number): void {
  countProcessors = count;
}

export function defaultSize(): number {
  return Math.min(Math.max(countProcessors() - 1, 1), 8);
}

/** @throws RangeError */
export function checkSize(size: number): number {
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) throw new RangeError(`size: a pool has 1 to ${MAX_SIZE} threads, not ${typeof size} ${size}`);
  return size;
}

/** @throws TypeError, RangeError */
export function checkPoolOptions(options: PoolOptions): void {
  checkOptions('WorkerPool', options, POOL_OPTIONS);
  const {size, whenFull = 'wait', recycleAfter = {}, resourceLimits = {}} = options;
  if (size !== undefined) checkSize(size);
  if (!['reject', 'wait'].includes(whenFull)) throw new TypeError(`whenFull: 'reject' or 'wait', not ${String(whenFull)}`);
  checkOptions('recycleAfter', recycleAfter, RECYCLE_OPTIONS);
  checkOptions('resourceLimits', resourceLimits, LIMITS);
}

/** @throws TypeError, RangeError */
export function checkOptions(what: string, options: object, known: OptionTable): void {
  if (typeof options !== 'object') throw new TypeError(`${what}: options are an object, not ${String(options)}`);
  const unknown = unknownOption(what, options, Object.keys(known));
  if (unknown) throw new TypeError(unknown);
  for (const [name, value] of Object.entries(options)) {
    const least = known[name]! - 1;
    if (value === undefined || least < 0) continue;
    if (typeof value !== 'number' || Number.isNaN(value)) throw new TypeError(`${name}: a number, not ${typeof value} ${String(value)}`);
    if (value < least && name !== 'priority') throw new RangeError(`${name}: at least ${least}, not ${value}`);
  }
}
