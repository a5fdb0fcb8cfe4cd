import {defaultScheduler} from './default-scheduler.js';
import {type Deferred, deferredOf} from './deferred.js';
import {map, type MapOptions} from './map.js';
import {type PoolOptions, Scheduler} from './scheduler.js';
import {stream} from './stream.js';
import type {TaskOptions} from './submission.js';
import type {Work} from './task.js';

// Node 20 has the symbol; older browsers get it, so that `[Symbol.asyncDispose]` below is no property "undefined".
(Symbol as {asyncDispose?: symbol}).asyncDispose ??= Symbol.for('Symbol.asyncDispose');

/** Threads and a queue in one page or process. */
export class WorkerPool {
  readonly #scheduler: Scheduler;

  constructor(script?: string | URL | (() => unknown), options?: PoolOptions);
  constructor(options: PoolOptions);
  constructor(first?: string | URL | (() => unknown) | PoolOptions | Scheduler, second: PoolOptions = {}) {
    const isScript = typeof first === 'string' || typeof first === 'function' || first instanceof URL || first === undefined;
    if (first instanceof Scheduler) this.#scheduler = first;
    else this.#scheduler = isScript ? new Scheduler(first, second) : new Scheduler(undefined, first);
  }

  execute<R>(fn: Work<[], R>, options: TaskOptions = {}): Deferred<R> {
    return deferredOf(this.#scheduler.submit(fn, [[]], options));
  }

  run<A extends unknown[], R>(fn: Work<A, R>, args: A, options: TaskOptions = {}): Deferred<R> {
    return deferredOf(this.#scheduler.submit(fn, [args], options));
  }

  map<T, R>(items: Iterable<T> | AsyncIterable<T>, fn: Work<[T], R>, options: TaskOptions & {chunk?: number | 'auto'; settle: true}): Promise<PromiseSettledResult<R>[]>;
  map<T, R>(items: Iterable<T> | AsyncIterable<T>, fn: Work<[T, number], R> | Work<[T], R>, options?: MapOptions<R>): Promise<R[]>;
  map(items: Iterable<unknown> | AsyncIterable<unknown>, fn: Work<any[], unknown>, options: TaskOptions & {chunk?: number | 'auto'; settle?: boolean} = {}): Promise<any[]> {
    return map(this.#scheduler, items, fn, options);
  }

  stream<A extends unknown[], R>(fn: Work<A, Iterable<R> | AsyncIterable<R>>, args: A, options: TaskOptions = {}): AsyncIterableIterator<R> {
    return stream(this.#scheduler, fn, args, options);
  }

  /** For `concurrent`, `race`, `timeout` and pipeline stages. */
  task<A extends unknown[], R>(fn: Work<A, R>, ...args: A): (signal?: AbortSignal) => Deferred<R> {
    return signal => this.run(fn, args, signal ? {signal} : {});
  }

  /** More threads start at once when there is work; fewer as they become idle. */
  resize(size: number): Promise<void> {
    return this.#scheduler.resize(size);
  }

  /** Resolves when nothing runs or waits. */
  drain(): Promise<void> {
    return this.#scheduler.drain();
  }

  /** No new tasks; resolves when all have run and the threads have ended. */
  close(): Promise<void> {
    return this.#scheduler.close();
  }

  /** All tasks reject with ERR_TASK_TERMINATED; resolves when the threads are gone. */
  terminate(): Promise<void> {
    return this.#scheduler.terminate();
  }

  /** Starts threads, and loads what checks functions, before they are needed. */
  warmUp(threads = this.size): Promise<void> {
    return this.#scheduler.warmUp(threads);
  }

  get size(): number { return this.#scheduler.size; }
  get threads(): number { return this.#scheduler.threads; }
  get activeWorkers(): number { return this.#scheduler.active; }
  get queuedTasks(): number { return this.#scheduler.queued; }
  get completedTasks(): number { return this.#scheduler.completed; }
  get failedTasks(): number { return this.#scheduler.failed; }
  get lostThreads(): number { return this.#scheduler.lostThreads; }

  /** Errors outside of any task, e.g. in a timer that a task left behind. */
  get onerror(): ((error: unknown) => void) | null { return this.#scheduler.onerror; }
  set onerror(listener: ((error: unknown) => void) | null) { this.#scheduler.onerror = listener; }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Where `new Deferred()` runs. */
export const defaultPool: WorkerPool = /*#__PURE__*/ new WorkerPool(defaultScheduler() as unknown as PoolOptions);

export function defer<A extends unknown[], R>(options: TaskOptions & {pool?: WorkerPool}, fn: Work<A, R>, ...args: A): Deferred<R> {
  const {pool = defaultPool, ...rest} = options;
  return pool.run(fn, args, rest);
}
