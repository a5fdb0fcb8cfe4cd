import {checkNames, checkNumber, openScope} from './scope.js';

/** A stage that runs on this thread. */
export type StageFunction<I, O> = (item: I, signal: AbortSignal) => O | PromiseLike<O>;

/** The part of a pool that a stage uses. This module does not import the pool. */
export interface StagePool {
  /** Runs a function on a thread. Rejects if the function does, or if the signal aborts. */
  run(fn: any, args: any, options: {signal: AbortSignal}): PromiseLike<unknown>;
}

/**
 * A step of a pipeline: a function that runs in this thread, or an object that describes how it runs. `run` with a `pool` is a function without names from
 * outside, or a task, which runs on the pool's threads. `parallelism` and `ordered` override those of the pipeline.
 */
export type PipelineStage<I, O> =
  | StageFunction<I, O>
  | {
    /** Runs for each item: a function, or a task for the pool. */
    run: StageFunction<I, O> | ((item: I) => O | PromiseLike<O>) | {
      /** The name that a module exports the function by. */
      readonly export: string;
      /** The module's URL. */
      readonly url?: string;
    };
    /** The pool whose threads run it. Default: it runs on this thread. */
    pool?: StagePool;
    /** How many items may be in this stage at once, at least 1. Default: as in the pipeline's options. */
    parallelism?: number;
    /** Whether this stage gives its results in the order of the items. Default: as in the pipeline's options. */
    ordered?: boolean;
  };

/** The options of a pipeline. */
export interface PipelineOptions {
  /** How many items may be in a stage at once, at least 1. Default 1. */
  parallelism?: number;
  /** Whether results keep the order of the items, or arrive as soon as they are ready. Default true. */
  ordered?: boolean;
  /** How many results of the last stage may wait to be taken, beyond its parallelism. Default 0. */
  buffer?: number;
  /** Its abort aborts all stages; the iterator rejects with its reason. */
  signal?: AbortSignal;
  /** How long stages that were aborted, and the input's `return()`, are awaited, in ms. Then a warning names them. Default 5,000. */
  grace?: number;
}

const PIPELINE_OPTIONS = 'parallelism, ordered, buffer, signal, grace';
const STAGE_OPTIONS = 'run, pool, parallelism, ordered';
type StageOptions<I, O> = Exclude<PipelineStage<I, O>, StageFunction<I, O>>;

type Pull = () => Promise<IteratorResult<unknown>>;

/**
 * A stage takes an item when a slot is free, and frees the slot when its result is taken.
 * @param pull takes an item from the stage before. Its calls never overlap
 */
function stageOf(
  pull: Pull, run: (item: unknown) => Promise<unknown>, parallelism: number, ordered: boolean, buffer: number
): Pull {
  checkNumber('parallelism', parallelism, 1);
  checkNumber('buffer', buffer);
  /** The results that were not taken yet, in the order of their delivery. */
  const results: Promise<IteratorResult<unknown>>[] = [];
  /** Without order: the entries of `results` that have no result yet. Each result settles the first one. */
  const unsettled: ((result: Promise<IteratorResult<unknown>>) => void)[] = [];
  let running = 0;
  /** Stays true when there are no more items. */
  let isPulling = false;

  const pullAndRun = async (): Promise<IteratorResult<unknown>> => {
    try {
      const item = await pull();
      if (item.done) return item;
      // As in `for await`, an item may be a promise.
      const output = run(await item.value);
      isPulling = false;
      fill();
      return {value: await output};
    } catch (error) {
      // After an error, no more items are taken.
      parallelism = 0;
      throw error;
    } finally {
      // This comes before the result settles, because its consumer may pull the next one at once.
      running--;
    }
  };
  const fill = (): void => {
    if (isPulling || running + 1 > parallelism || results.length + 1 > parallelism + buffer) return;
    isPulling = true;
    running++;
    const result = pullAndRun();
    const entry = ordered ? result : new Promise<IteratorResult<unknown>>(resolve => unsettled.push(resolve));
    results.push(entry);
    // If the loop is left before, nothing takes the result.
    entry.catch(() => {});
    result.catch(() => {}).then(last => {
      // The end is delivered after the results of jobs that are still running.
      (last?.done ? unsettled.pop() : unsettled.shift())?.(result);
      fill();
    });
  };
  return () => {
    fill();
    const result = results.shift()!;
    fill();
    return result;
  };
}

/**
 * Sends items through stages. An item is taken from the input only when the first stage has room for it. If it is a promise, the
 * stage gets its value. After an error, or when the loop over the results is left, what runs is aborted and awaited for at most `grace`, and
 * `input.return()` is called once.
 * @returns the results of the last stage. It throws the first error of the input or a stage; with `ordered`, after the results before it
 * @throws RangeError, TypeError at the first `next()`: an option does not exist or has a wrong value, or a stage with a task has no pool
 */
export async function* pipeline<T, R>(
  input: Iterable<T> | AsyncIterable<T>, stages: readonly PipelineStage<any, any>[], options: PipelineOptions = {}
): AsyncIterableIterator<R> {
  const {ordered = true, buffer = 0, parallelism = 1} = options;
  const scope = openScope('pipeline', options, PIPELINE_OPTIONS);
  const iterator: Iterator<T> | AsyncIterator<T> = (input as AsyncIterable<T>)[Symbol.asyncIterator]?.() ?? (input as Iterable<T>)[Symbol.iterator]();
  let isInputOver: boolean | undefined;
  let pull: Pull = async () => {
    let item: IteratorResult<unknown> | undefined;
    try {
      item = await iterator.next();
      return item;
    } finally {
      // An iterator that throws is over.
      isInputOver = !item || item.done;
    }
  };
  try {
    stages.forEach((stage, index) => {
      const given: StageOptions<any, any> = typeof stage === 'function' ? {run: stage} : stage;
      checkNames('pipeline stage', Object.keys(given), STAGE_OPTIONS);
      const {run, pool} = given;
      const call = pool ? (item: unknown, signal: AbortSignal) => pool.run(run, [item], {signal}) : run;
      if (typeof call !== 'function') throw new TypeError('A task needs a pool');
      pull = stageOf(pull, item => scope.run(signal => {
        // The item may come from the stage before after the call is over.
        signal.throwIfAborted();
        return call(item, signal);
      }, (run as {name?: string}).name), given.parallelism ?? parallelism, given.ordered ?? ordered, stages[index + 1] ? 0 : buffer);
    });
    for (let item; !(item = await scope.until(pull())).done;) yield item.value as R;
  } finally {
    await scope.end(isInputOver ? undefined : scope.run<any>(() => iterator.return?.(), 'the input'));
  }
}
