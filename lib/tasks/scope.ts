import {after} from '../platform/threads.js';

/**
 * A function that runs in this thread and may use names from outside, or the result of `pool.task()`, which runs on another thread. It is called
 * once, with a signal that aborts when the job has to end.
 */
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

const SCOPE_OPTIONS = 'signal, limit, grace';

/**
 * Checks names against those that there are. The message lists them. Pools search for the name that was meant; here, there are too few to justify
 * that code.
 * @param known separated by ', '
 * @throws TypeError a name does not exist, and so would have no effect
 */
export function checkNames(what: string, names: readonly string[], known: string): void {
  for (const name of names) if (!known.split(', ').includes(name)) throw new TypeError(`${what}: there is no option ${name}, only ${known}`);
}

/** @throws RangeError `value` is below `least`, or not a number, e.g. a text with digits */
export function checkNumber(name: string, value: number, least = 0): void {
  if (+value !== value || value < least) throw new RangeError(`${name}: at least ${least}, not ${typeof value} ${value}`);
}

/** Jobs that are aborted together and awaited. `concurrent`, `race`, `timeout` and `pipeline` each open one. */
export interface Scope {
  readonly signal: AbortSignal;
  /** @param name for the warning */
  run<T>(job: Job<T>, name?: string): Promise<T>;
  /** Resolves the promise of `until`, and aborts the jobs. */
  resolve(value: unknown): void;
  /** Rejects the promise of `until`, and aborts the jobs with the reason. */
  reject(reason: unknown): void;
  /** Settles like the promise, unless the scope is settled before; one promise at a time. */
  until<T>(promise: Promise<T>): Promise<T>;
  /**
   * Aborts the jobs. Resolves when all have settled, or when `grace` has passed: then a warning names those that run.
   * @param last a job whose error is passed on, if all settle in time
   */
  end(last?: Promise<void>): Promise<void>;
}

/** Opens a scope. @throws TypeError an option does not exist. @throws RangeError `grace` is no time. @throws the signal's reason if it is aborted */
export function openScope(what: string, options: ScopeOptions, known: string): Scope {
  checkNames(what, Object.keys(options), known);
  const {signal: outer, grace = 5_000} = options;
  checkNumber('grace', grace);
  outer?.throwIfAborted();
  const controller = new AbortController();
  const {signal} = controller;
  /** The running jobs, with their names. */
  const running = new Map<Promise<unknown>, string>();
  /** Settle the promise of `until`. */
  let resolve: ((value: any) => void) | undefined;
  let reject: ((reason: unknown) => void) | undefined;
  const scope: Scope = {
    signal,
    run(job, name = job.name) {
      const run = (async () => job(signal))();
      running.set(run, name || 'a job');
      // Errors that come after the call has settled are dropped.
      run.catch(() => {}).then(() => running.delete(run));
      return run;
    },
    resolve(value) {
      resolve?.(value);
      controller.abort();
    },
    reject(reason) {
      reject?.(reason);
      controller.abort(reason);
    },
    // No `Promise.race` with a promise of the scope: that would keep each value until the scope ends.
    until: promise => new Promise((onValue, onError) => {
      resolve = onValue;
      reject = onError;
      // Between two promises, only the signal aborts.
      if (signal.aborted) scope.reject(signal.reason);
      promise.then(resolve, scope.reject);
    }),
    end(last) {
      controller.abort();
      return new Promise(resolve => {
        const cancel = after(grace, () => {
          // eslint-disable-next-line no-console
          console.warn(`sharedb-tabs/tasks: still running ${grace} ms after their signal has aborted: ${[...running.values()].join(', ')}`);
          resolve();
        });
        void Promise.allSettled(running.keys()).then(() => {
          cancel();
          resolve(last);
        });
      });
    }
  };
  // The end of the scope aborts it, which removes the listener.
  outer?.addEventListener('abort', () => scope.reject(outer.reason), {signal});
  return scope;
}

/** Opens a scope for `act`, and settles when its jobs have settled: like `act`, or as the scope was settled before. */
async function within<T>(what: string, options: ScopeOptions, act: (scope: Scope) => Promise<unknown>, known = SCOPE_OPTIONS): Promise<T> {
  const scope = openScope(what, options, known);
  try {
    return await scope.until(act(scope)) as T;
  } finally {
    await scope.end();
  }
}

/** Runs the jobs, at most `limit` at once, until the scope is aborted. @returns what `run` returns for each */
async function runAll<J, R>({signal}: Scope, {limit = Infinity}: ScopeOptions, jobs: readonly J[], run: (job: J) => Promise<R>): Promise<R[]> {
  checkNumber('limit', limit, 1);
  const results: R[] = [];
  const waiting = jobs.entries();
  await Promise.all(jobs.slice(0, limit).map(async () => {
    for (const [index, job] of waiting) {
      if (signal.aborted) break;
      results[index] = await run(job);
    }
  }));
  return results;
}

/**
 * Runs all jobs. The first error aborts the others; the call settles when all have settled.
 * @returns the results, in the order of the jobs. It rejects with the first error, or with the reason of `signal`;
 *   with a TypeError or RangeError if an option does not exist or has a wrong value
 */
export function concurrent<const J extends readonly Job<unknown>[]>(
  jobs: J, options: ScopeOptions = {}
): Promise<{-readonly [I in keyof J]: J[I] extends Job<infer T> ? Awaited<T> : never}> {
  return within('concurrent', options, scope => runAll(scope, options, jobs, job => scope.run(job).catch(scope.reject)));
}

/**
 * Runs jobs until the first settles, or with `first: 'fulfilled'` until the first succeeds. The others are aborted and awaited.
 * @returns the result of that job. It rejects with that job's error; with an AggregateError if none succeeds (`first: 'fulfilled'`); with a RangeError
 *   without jobs
 */
export async function race<T>(jobs: readonly Job<T>[], options: ScopeOptions & {first?: 'settled' | 'fulfilled'} = {}): Promise<T> {
  if (!jobs.length) throw new RangeError('race: no jobs');
  return within('race', options, async scope => {
    const {first = 'settled'} = options;
    checkNames('first', [first], 'settled, fulfilled');
    const onError = first === 'fulfilled' ? (error: unknown) => error : scope.reject;
    const errors = await runAll(scope, options, jobs, job => scope.run(job).then(scope.resolve, onError));
    throw new AggregateError(errors, 'race: all failed');
  }, `${SCOPE_OPTIONS}, first`);
}

/**
 * Aborts a job that takes longer than `ms` milliseconds, and awaits it. A result that arrives in the same turn as the time-out counts.
 * @returns the result of the job. It rejects with the job's error, with a DOMException named TimeoutError, or with the reason of `signal`
 */
export function timeout<T>(fn: Job<T>, ms: number, options: ScopeOptions = {}): Promise<T> {
  return within('timeout', options, scope => {
    checkNumber('ms', ms);
    const cancel = after(ms, () => {
      // Results of the same turn come first.
      after(0, () => scope.reject(new DOMException(`Longer than ${ms} ms`, 'TimeoutError')));
    });
    return scope.run(fn).finally(cancel);
  });
}
