import {defaultIntake} from './default-intake.js';
import {type Deferred, deferredOf} from './deferred.js';
import type {MapOptions} from './map.js';
import {TaskIntake} from './intake.js';
import type {PoolOptions} from './options.js';
import {stream} from './stream.js';
import type {TaskOptions} from './submission.js';
import type {Work} from './task.js';

// Node 20 has the symbol; older browsers get it, so that `[Symbol.asyncDispose]` below is no property "undefined".
(Symbol as {asyncDispose?: symbol}).asyncDispose ??= Symbol.for('Symbol.asyncDispose');

/** Threads and a queue in one page or process. */
export class WorkerPool {
  readonly #intake: TaskIntake;

  constructor(script?: string | URL | (() => unknown), options?: PoolOptions);
  constructor(options: PoolOptions);
  constructor(first?: string | URL | (() => unknown) | PoolOptions | TaskIntake, second: PoolOptions = {}) {
    const isScript = typeof first === 'string' || typeof first === 'function' || first instanceof URL || first === undefined;
    if (first instanceof TaskIntake) this.#intake = first;
    else this.#intake = isScript ? new TaskIntake(first, second) : new TaskIntake(undefined, first);
  }

  execute<R>(fn: Work<[], R>, options: TaskOptions = {}): Deferred<R> {
    return deferredOf(this.#intake.submit(fn, [[]], options));
  }

  run<A extends unknown[], R>(fn: Work<A, R>, args: A, options: TaskOptions = {}): Deferred<R> {
    return deferredOf(this.#intake.submit(fn, [args], options));
  }

  map<T, R>(items: Iterable<T> | AsyncIterable<T>, fn: Work<[T], R>, options: TaskOptions & {chunk?: number | 'auto'; settle: true}): Promise<PromiseSettledResult<R>[]>;
  map<T, R>(items: Iterable<T> | AsyncIterable<T>, fn: Work<[T, number], R> | Work<[T], R>, options?: MapOptions<R>): Promise<R[]>;
  async map(items: Iterable<unknown> | AsyncIterable<unknown>, fn: Work<any[], unknown>, options: TaskOptions & {chunk?: number | 'auto'; settle?: boolean} = {}): Promise<any[]> {
    const {map} = await this.#intake.loadPart();
    return map(this.#intake, items, fn, options);
  }

  stream<A extends unknown[], R>(fn: Work<A, Iterable<R> | AsyncIterable<R>>, args: A, options: TaskOptions = {}): AsyncIterableIterator<R> {
    return stream(this.#intake, fn, args, options);
  }

  /** For `concurrent`, `race`, `timeout` and pipeline stages. */
  task<A extends unknown[], R>(fn: Work<A, R>, ...args: A): (signal?: AbortSignal) => Deferred<R> {
    return signal => this.run(fn, args, signal ? {signal} : {});
  }

  /** More threads start at once when there is work; fewer as they become idle. */
  resize(size: number): Promise<void> {
    return this.#intake.resize(size);
  }

  /** Resolves when nothing runs or waits. */
  drain(): Promise<void> {
    return this.#intake.drain();
  }

  /** No new tasks; resolves when all have run and the threads have ended. */
  close(): Promise<void> {
    return this.#intake.close();
  }

  /** All tasks reject with ERR_TASK_TERMINATED; resolves when the threads are gone. */
  terminate(): Promise<void> {
    return this.#intake.terminate();
  }

  /** Starts threads, and loads what checks functions, before they are needed. */
  warmUp(threads = this.size): Promise<void> {
    return this.#intake.warmUp(threads);
  }

  get size(): number { return this.#intake.size; }
  get threads(): number { return this.#intake.threads; }
  get activeWorkers(): number { return this.#intake.active; }
  get queuedTasks(): number { return this.#intake.queued; }
  get completedTasks(): number { return this.#intake.completed; }
  get failedTasks(): number { return this.#intake.failed; }
  get lostThreads(): number { return this.#intake.lostThreads; }

  /** Errors outside of any task, e.g. in a timer that a task left behind. */
  get onerror(): ((error: unknown) => void) | null { return this.#intake.onerror; }
  set onerror(listener: ((error: unknown) => void) | null) { this.#intake.onerror = listener; }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Where `new Deferred()` runs. */
export const defaultPool: WorkerPool = /*#__PURE__*/ new WorkerPool(defaultIntake() as unknown as PoolOptions);

export function defer<A extends unknown[], R>(options: TaskOptions & {pool?: WorkerPool}, fn: Work<A, R>, ...args: A): Deferred<R> {
  const {pool = defaultPool, ...rest} = options;
  return pool.run(fn, args, rest);
}
