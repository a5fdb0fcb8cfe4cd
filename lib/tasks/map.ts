import {isThenable} from '../platform/thenable.js';
import {decodeError} from './error-arrival.js';
import {abortError} from './errors.js';
import type {ItemOutcome} from './messages.js';
import type {Submission, TaskOptions} from './submission.js';
import type {Work} from './task.js';

const MAX_CHUNK = 1_024;
/** The least time of a unit, in ms. With a shorter one, its two messages would take a large part of the time. */
const UNIT_MS = 2;

/** The options of `map`. */
export interface MapOptions<_R> extends TaskOptions {
  /** How many items go to a thread in one message, 1 to 1,024. 'auto': as many as take about 2 ms. Default 'auto'. */
  chunk?: number | 'auto';
  /** true: `map` gives an outcome for each item, as `Promise.allSettled` does, instead of ending at the first error. Default false. */
  settle?: false;
}

type Iterated = Iterable<unknown> | AsyncIterable<unknown>;

/** The receiver of a map's calls. */
export interface MapTarget {
  /** Threads of the pool. */
  readonly size: number;
  /** Whether it accepts no more tasks at the moment. {@link room} resolves when it does. */
  readonly isHolding: boolean;
  room(): Promise<void>;
  submit(work: Work<any[], any>, calls: unknown[], options: TaskOptions, more: {settle: boolean; first: number}): Submission;
}

/** Calls a function for each item, and pulls items as threads take them. @returns the results in the order of the items */
export async function map(
  intake: MapTarget, items: Iterated, fn: Work<any[], unknown>, options: TaskOptions & {chunk?: number | 'auto'; settle?: boolean}
): Promise<unknown[]> {
  const {chunk = 'auto', settle = false, signal, ...rest} = options;
  if (chunk !== 'auto' && (!Number.isInteger(chunk) || chunk < 1 || chunk > MAX_CHUNK)) throw new RangeError(`chunk: 'auto', or 1 to ${MAX_CHUNK}, not ${chunk}`);
  if (signal?.aborted) throw abortError(signal.reason);
  const iterator = iteratorOf(items);
  const results: unknown[] = [];
  const running = new Set<Submission>();
  let size = chunk === 'auto' ? 1 : chunk;
  let failure: [unknown] | undefined;
  let wake = (): void => {};
  const fail = (error: unknown): void => {
    if (failure) return;
    failure = [error];
    for (const task of running) task.cancel(error);
    wake();
  };
  const onAbort = (): void => fail(abortError(signal?.reason));
  signal?.addEventListener('abort', onAbort, {once: true});
  let isDone = false;
  let next = 0;

  const submit = (calls: unknown[], start: number): void => {
    const task = intake.submit(fn, calls, rest, {first: start, settle});
    running.add(task);
    task.promise.then((values: unknown[]) => {
      values.forEach((value, index) => { results[start + index] = settle ? outcomeOf(value as ItemOutcome) : value; });
      // The speed of the function is known only from units that are full.
      if (chunk === 'auto' && task.ms < UNIT_MS && calls.length >= size) size = Math.min(size * 2, MAX_CHUNK);
      else if (chunk === 'auto' && task.ms > 4 * UNIT_MS && size > 1) size = Math.ceil(size / 2);
    }).catch((error: unknown) => {
      if (settle) calls.forEach((_call, index) => { results[start + index] = {status: 'rejected', reason: error}; });
      else fail(withIndex(error, start + task.index));
    }).finally(() => {
      running.delete(task);
      wake();
    });
  };

  let isPulling = false;
  /** Settles like the promise; with undefined when the call fails first. */
  const orFailed = <T>(pulled: Promise<T>): Promise<T | undefined> => new Promise((resolve, reject) => {
    isPulling = true;
    wake = () => { if (failure) resolve(undefined); };
    pulled.finally(() => { isPulling = false; }).then(resolve, reject);
  });

  try {
    while (!isDone && !failure) {
      const isHeld = intake.isHolding;
      if (isHeld || running.size >= 2 * intake.size) {
        if (isHeld) void intake.room().then(() => wake());
        await new Promise<void>(resolve => { wake = resolve; });
        continue;
      }
      const calls: unknown[] = [];
      const start = next;
      while (calls.length < size && !failure) {
        let result: IteratorResult<unknown> | undefined;
        try {
          const pulled = iterator.next();
          result = pulled instanceof Promise ? await orFailed(pulled) : pulled;
        } catch (error) {
          // An iterator that throws is over.
          isDone = true;
          throw error;
        }
        if (!result) break;
        if (result.done) {
          isDone = true;
          break;
        }
        const {value} = result;
        // As in `for await`, an item may be a promise.
        calls.push(isThenable(value) ? await orFailed(Promise.resolve(value)) : value);
        next++;
      }
      if (calls.length && !failure) submit(calls, start);
    }
    while (running.size) await new Promise<void>(resolve => { wake = resolve; });
  } catch (error) {
    fail(error);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  if (failure) {
    if (!isDone) {
      const returned = (async () => iterator.return?.())().catch(() => {});
      // A generator returns after its pending `next()`, which may never settle.
      if (!isPulling) await returned;
    }
    throw failure[0];
  }
  return results;
}

function iteratorOf(items: Iterated): Iterator<unknown> | {next(): Promise<IteratorResult<unknown>>; return?(): Promise<unknown>} {
  const iterate = (items as AsyncIterable<unknown>)[Symbol.asyncIterator];
  if (iterate) {
    const iterator = iterate.call(items);
    return {next: async () => iterator.next(), return: async () => iterator.return?.()};
  }
  return (items as Iterable<unknown>)[Symbol.iterator]();
}

function outcomeOf(outcome: ItemOutcome): PromiseSettledResult<unknown> {
  return 'error' in outcome ? {status: 'rejected', reason: decodeError(outcome.error)} : {status: 'fulfilled', value: outcome.value};
}

/** Adds the position of the item to an error. Does not change other values, or an object that already has an `index`. */
function withIndex(error: unknown, index: number): unknown {
  if (typeof error === 'object' && error !== null && Object.isExtensible(error) && !('index' in error)) {
    Object.defineProperty(error, 'index', {value: index, configurable: true, writable: true});
  }
  return error;
}
