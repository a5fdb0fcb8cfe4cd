import {defaultIntake} from './default-intake.js';
import {type Deferred, deferredOf} from './deferred.js';
import type {MapOptions} from './map.js';
import {TaskIntake} from './intake.js';
import type {PoolOptions} from './options.js';
import {stream} from './stream.js';
import type {TaskOptions} from './submission.js';
import type {Work, WorkWithContext} from './task.js';

// Node 20 has the symbol; older browsers get it, so that `[Symbol.asyncDispose]` below is no property "undefined".
(Symbol as {asyncDispose?: symbol}).asyncDispose ??= Symbol.for('Symbol.asyncDispose');

/**
 * A group of threads, and the tasks that wait for them. Threads start when tasks need them, and end when they are idle.
 * A task of a closed pool rejects with ERR_TASK_TERMINATED.
 */
export class WorkerPool {
  readonly #intake: TaskIntake;

  /**
   * @param script what the threads run: a function that makes a `Worker`, or a URL or path (relative to the page, in Node to the working directory).
   *   Its code imports `sharedb-tabs/tasks/thread`. Without it, threads start from a `blob:` URL, in Node from a string
   * @throws RangeError, TypeError an option has a wrong value
   */
  constructor(script?: string | URL | (() => unknown), options?: PoolOptions);
  /**
   * A pool whose threads start without a script.
   * @throws RangeError, TypeError an option has a wrong value
   */
  constructor(options: PoolOptions);
  constructor(first?: string | URL | (() => unknown) | PoolOptions | TaskIntake, second: PoolOptions = {}) {
    const isScript = typeof first === 'string' || typeof first === 'function' || first instanceof URL || first === undefined;
    if (first instanceof TaskIntake) this.#intake = first;
    else this.#intake = isScript ? new TaskIntake(first, second) : new TaskIntake(undefined, first);
  }

  /**
   * Runs a function without arguments. As {@link run} otherwise.
   * @returns the result of the function
   */
  execute<R>(fn: Work<[], R>, options: TaskOptions = {}): Deferred<R> {
    return deferredOf(this.#intake.submit(fn, [[]], options));
  }

  /**
   * Runs a function on a thread. The arguments are copied as they are at the call.
   * @param args copied by structured clone, or moved with the option `transfer`
   * @returns the result of the function. It rejects with the function's error, with a {@link TaskError} if the function did not run to its end, or with
   *   an AbortError
   * @throws TypeError it is not a function whose text can be sent, nor a task, or an option has a wrong type
   * @throws RangeError an option is out of range, or the text of the function has more than 2^20 characters
   */
  run<A extends unknown[], R>(fn: WorkWithContext<A, R>, args: A, options?: TaskOptions): Deferred<R>;
  run<A extends unknown[], R>(fn: Work<A, R>, args: A, options?: TaskOptions): Deferred<R>;
  run<A extends unknown[], R>(fn: Work<A, R>, args: A, options: TaskOptions = {}): Deferred<R> {
    return deferredOf(this.#intake.submit(fn, [args], options));
  }

  /**
   * Calls a function for each item, several items in one message, and takes no more items than the threads need.
   * @param fn gets the item, and its index if it declares a second parameter
   * @returns the results, or with `settle: true` the outcomes, in the order of the items. Without `settle`, the first error ends the other calls; the
   *   promise rejects with it, and its `index` says which item it was
   */
  map<T, R>(items: Iterable<T | PromiseLike<T>> | AsyncIterable<T>, fn: Work<[T], R>, options: TaskOptions & {chunk?: number | 'auto'; settle: true}): Promise<PromiseSettledResult<R>[]>;
  map<T, R>(items: Iterable<T | PromiseLike<T>> | AsyncIterable<T>, fn: Work<[T, number], R> | Work<[T], R>, options?: MapOptions<R>): Promise<R[]>;
  async map(items: Iterable<unknown> | AsyncIterable<unknown>, fn: Work<any[], unknown>, options: TaskOptions & {chunk?: number | 'auto'; settle?: boolean} = {}): Promise<any[]> {
    const {map} = await this.#intake.loadPart();
    return map(this.#intake, items, fn, options);
  }

  /**
   * Runs a function that returns an iterable, e.g. a generator. The thread is at most 16 values ahead.
   * @returns its values. When a loop over them is left, the generator's `finally` runs, for at most `grace` ms (default 100), and its error is thrown
   */
  stream<A extends unknown[], R>(fn: WorkWithContext<A, Iterable<R> | AsyncIterable<R>>, args: A, options?: TaskOptions): AsyncIterableIterator<R>;
  stream<A extends unknown[], R>(fn: Work<A, Iterable<R> | AsyncIterable<R>>, args: A, options?: TaskOptions): AsyncIterableIterator<R>;
  stream<A extends unknown[], R>(fn: Work<A, Iterable<R> | AsyncIterable<R>>, args: A, options: TaskOptions = {}): AsyncIterableIterator<R> {
    return stream(this.#intake, fn, args, options);
  }

  /** @returns a job for `concurrent`, `race` and `timeout`: each call runs the function on a thread of this pool, until the signal aborts it */
  task<A extends unknown[], R>(fn: Work<A, R>, ...args: A): (signal?: AbortSignal) => Deferred<R> {
    return signal => this.run(fn, args, signal ? {signal} : {});
  }

  /**
   * Changes the number of threads. More start as tasks need them; the surplus ends as threads become idle.
   * @param size 1 to 64
   * @returns resolves when the threads that are idle and not needed have ended. Rejects with a RangeError for another size
   */
  resize(size: number): Promise<void> {
    return this.#intake.resize(size);
  }

  /** Resolves when no task runs or waits. The pool accepts new tasks meanwhile. */
  drain(): Promise<void> {
    return this.#intake.drain();
  }

  /** Accepts no new tasks. Resolves when all accepted tasks have settled and the threads have ended. */
  close(): Promise<void> {
    return this.#intake.close();
  }

  /** Ends all threads at once: tasks that run or wait reject with ERR_TASK_TERMINATED. Resolves when the threads have ended. */
  terminate(): Promise<void> {
    return this.#intake.terminate();
  }

  /**
   * Starts threads before tasks need them, and loads the parser that checks functions.
   * @param threads the number of threads; at most `size`, which is the default
   * @returns resolves when the threads are ready. Rejects with ERR_TASK_NO_THREADS, or with ERR_TASK_TERMINATED if the pool is closed
   */
  warmUp(threads = this.size): Promise<void> {
    return this.#intake.warmUp(threads);
  }

  /** How many threads there may be. */
  get size(): number { return this.#intake.size; }
  /** How many threads there are, those that start included. */
  get threads(): number { return this.#intake.threads; }
  /** How many threads run a task. */
  get activeWorkers(): number { return this.#intake.active; }
  /** How many tasks wait: for room, for the check of their function, or for a thread. */
  get queuedTasks(): number { return this.#intake.queued; }
  /** How many tasks have fulfilled. A chunk of `map` counts as one task. */
  get completedTasks(): number { return this.#intake.completed; }
  /** How many tasks have rejected, the cancelled ones included. */
  get failedTasks(): number { return this.#intake.failed; }
  /** How many threads have ended by themselves. */
  get lostThreads(): number { return this.#intake.lostThreads; }

  /** Called with each error outside of any task, e.g. in a timer that a task left behind. `null`: such errors go to the console. */
  get onerror(): ((error: unknown) => void) | null { return this.#intake.onerror; }
  /** Sets the listener for errors outside of any task. */
  set onerror(listener: ((error: unknown) => void) | null) { this.#intake.onerror = listener; }

  /** As {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The pool of `new Deferred()`, and of `defer` without the option `pool`. */
export const defaultPool: WorkerPool = /*#__PURE__*/ new WorkerPool(defaultIntake() as unknown as PoolOptions);

/**
 * Runs a function on a thread, as `new Deferred` does, with options.
 * @param options the options of a task, and `pool`. Default: {@link defaultPool}
 * @returns the result of the function
 * @throws TypeError, RangeError as {@link WorkerPool.run}
 */
export function defer<A extends unknown[], R>(options: TaskOptions & {pool?: WorkerPool}, fn: Work<A, R>, ...args: A): Deferred<R> {
  const {pool = defaultPool, ...rest} = options;
  return pool.run(fn, args, rest);
}
