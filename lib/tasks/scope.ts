import {waitingClock} from '../platform/threads.js';

/** A function that runs in this thread, and may use names from outside; or what `pool.task()` returns, which runs on another. It is called once. */
export type Job<T> = ((signal: AbortSignal) => T | PromiseLike<T>) | (() => T | PromiseLike<T>);

/** The options of a scope. */
export interface ScopeOptions {
  /** Its abort aborts all jobs; the call rejects with its reason. */
  signal?: AbortSignal;
  /** How many jobs may run at once, at least 1. Default: all. */
  limit?: number;
  /** How long aborted jobs are awaited, in ms. Then the call settles, and a warning names them. Default 5,000. */
  grace?: number;
}

/** The names of the options. The type check fails if one is missing. */
const SCOPE_OPTIONS: Record<keyof ScopeOptions, 0> = {signal: 0, limit: 0, grace: 0};

/**
 * The message lists the names. Pools search for the name that was meant; there are too few here for the code that takes.
 * @throws TypeError: an option that does not exist, and so would have no effect
 */
export function checkNames(what: string, options: object, known: object): void {
  for (const name in options) if (!(name in known)) throw new TypeError(`${what}: there is no option ${name}, only ${Object.keys(known).join(', ')}`);
}

/** Jobs that are aborted together and awaited. */
export class Scope {
  readonly #controller = new AbortController();
  /** With the names of the jobs. */
  readonly #running = new Map<Promise<unknown>, string>();
  readonly #grace: number;
  readonly #release: () => void;
  #fail = (_reason: unknown): void => {};

  /** @throws the reason of the signal, if it is aborted */
  constructor({signal, grace = 5_000}: ScopeOptions) {
    signal?.throwIfAborted();
    const onAbort = (): void => {
      this.#fail(signal!.reason);
      this.abort(signal!.reason);
    };
    signal?.addEventListener('abort', onAbort);
    this.#release = () => signal?.removeEventListener('abort', onAbort);
    this.#grace = grace;
  }

  /**
   * Settles like the promise, or rejects with the reason of the signal from outside; one promise at a time. No `Promise.race` with a promise of
   * the scope: that would keep each value until the scope ends.
   */
  orAborted<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      // Between two promises, only the signal aborts.
      if (this.isAborted) reject(this.#controller.signal.reason);
      promise.then(resolve, reject);
    });
  }

  get isAborted(): boolean {
    return this.#controller.signal.aborted;
  }

  run<T>(job: Job<T>, name = job.name): Promise<T> {
    const run = (async () => job(this.#controller.signal))();
    this.#running.set(run, name || 'a job');
    // Errors that come after the call has settled are dropped.
    const forget = (): void => void this.#running.delete(run);
    run.then(forget, forget);
    return run;
  }

  /** @param reason default: an AbortError */
  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  /**
   * Resolves when all jobs have settled, or when `grace` has passed: then a warning names those that run.
   * @returns whether all have settled
   */
  end(): Promise<boolean> {
    this.#release();
    return new Promise(resolve => {
      const cancel = waitingClock.after(this.#grace, () => {
        // eslint-disable-next-line no-console
        console.warn(`sharedb-tabs/tasks: still running ${this.#grace} ms after they were aborted: ${[...this.#running.values()].join(', ')}. They have to listen to their signal`);
        resolve(false);
      });
      void Promise.allSettled(this.#running.keys()).then(() => {
        cancel();
        resolve(true);
      });
    });
  }
}

async function within<T>(what: string, options: ScopeOptions, known: object, act: (scope: Scope) => Promise<T>): Promise<T> {
  checkNames(what, options, known);
  const scope = new Scope(options);
  try {
    const result = await scope.orAborted(act(scope));
    scope.abort();
    return result;
  } catch (error) {
    scope.abort(error);
    throw error;
  } finally {
    await scope.end();
  }
}

/**
 * Runs all jobs. The first error aborts the others; the call settles when all have settled.
 * @returns the results, in the order of the jobs. It rejects with the first error, or with the reason of `signal`;
 *   with a TypeError or RangeError if an option does not exist or has a wrong value
 */
export function concurrent<const J extends readonly Job<unknown>[]>(
  jobs: J, options: ScopeOptions = {}
): Promise<{-readonly [I in keyof J]: J[I] extends Job<infer T> ? Awaited<T> : never}> {
  return within('concurrent', options, SCOPE_OPTIONS, async scope => {
    const results: unknown[] = new Array(jobs.length);
    await each(jobs, options.limit, scope, (job, index) => scope.run(job).then(value => { results[index] = value; }));
    return results as never;
  });
}

/**
 * Runs jobs until the first settles, or with `first: 'fulfilled'` until the first succeeds. The others are aborted and awaited.
 * @returns the result of that job. It rejects with that job's error; with an AggregateError if none succeeds (`first: 'fulfilled'`); with a RangeError
 *   without jobs
 */
export async function race<T>(jobs: readonly Job<T>[], options: ScopeOptions & {first?: 'settled' | 'fulfilled'} = {}): Promise<T> {
  if (!jobs.length) throw new RangeError('race: no jobs, so nothing would ever settle');
  return within('race', options, {...SCOPE_OPTIONS, first: 0}, scope => new Promise<T>((resolve, reject) => {
    const errors: unknown[] = new Array(jobs.length);
    const isAny = options.first === 'fulfilled';
    each(jobs, options.limit, scope, (job, index) => scope.run(job).then(
      value => {
        resolve(value);
        scope.abort();
      },
      (error: unknown) => {
        errors[index] = error;
        if (isAny) return;
        reject(error);
        scope.abort(error);
      }
    )).then(() => reject(new AggregateError(errors, 'race: all jobs have failed')), reject);
  }));
}

/**
 * Aborts a job that takes longer than so many ms, and awaits it. A result of the same turn counts.
 * @returns the result of the job. It rejects with the job's error, or with a DOMException named TimeoutError
 */
export function timeout<T>(fn: Job<T>, ms: number, options: ScopeOptions = {}): Promise<T> {
  return within('timeout', options, SCOPE_OPTIONS, scope => new Promise<T>((resolve, reject) => {
    const cancel = waitingClock.after(ms, () => {
      // Results of the same turn come first.
      waitingClock.after(0, () => reject(new DOMException(`It has taken longer than ${ms} ms`, 'TimeoutError')));
    });
    scope.run(fn).finally(cancel).then(resolve, reject);
  }));
}

/** Calls for each, at most `limit` at once, until one fails or the scope is aborted. */
async function each<T>(items: readonly T[], limit = Infinity, scope: Scope, act: (item: T, index: number) => Promise<void>): Promise<void> {
  if (!(limit >= 1)) throw new RangeError(`limit: at least 1, not ${limit}`);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && !scope.isAborted) {
      const index = next++;
      await act(items[index]!, index).catch((error: unknown) => {
        // At once: another worker would start one more job before the scope hears of it.
        scope.abort(error);
        throw error;
      });
    }
  };
  await Promise.all(Array.from({length: Math.min(limit, items.length)}, worker));
}
