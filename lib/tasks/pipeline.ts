import {checkNames, Scope} from './scope.js';

/** A stage that runs on this thread. */
export type StageFunction<I, O> = (item: I, signal: AbortSignal) => O | PromiseLike<O>;

/** What a pool does for a stage; the pool itself is not imported. */
export interface StagePool {
  /** Runs a function on a thread. Rejects if the function does, or if the signal aborts. */
  run(fn: any, args: any, options: {signal: AbortSignal}): PromiseLike<unknown>;
}

/**
 * A step of a pipeline: a function that runs in this thread, or an object that says how it runs. `run` with a `pool` is a function without names from
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
  /** Whether results come in the order of the items, or as they are ready. Default true. */
  ordered?: boolean;
  /** How many results of the last stage may wait to be taken, beyond its parallelism. Default 0. */
  buffer?: number;
  /** Its abort aborts all stages; the iterator rejects with its reason. */
  signal?: AbortSignal;
  /** How long stages that were aborted, and the input's `return()`, are awaited, in ms. Then a warning names them. Default 5,000. */
  grace?: number;
}

const PIPELINE_OPTIONS: Record<keyof PipelineOptions, 0> = {parallelism: 0, ordered: 0, buffer: 0, signal: 0, grace: 0};
type StageOptions<I, O> = Exclude<PipelineStage<I, O>, StageFunction<I, O>>;
const STAGE_OPTIONS: Record<keyof StageOptions<unknown, unknown>, 0> = {run: 0, pool: 0, parallelism: 0, ordered: 0};

type Pull = () => Promise<IteratorResult<unknown>>;

/** A stage takes an item when a slot is free, and frees the slot when its result is taken. */
function stageOf(
  pull: Pull, run: (item: unknown) => Promise<unknown>, {parallelism, ordered, buffer}: {parallelism: number; ordered: boolean; buffer: number}
): Pull {
  if (!(parallelism >= 1)) throw new RangeError(`parallelism: at least 1, not ${parallelism}`);
  /** In the order in which they are given out. */
  const ready: Promise<IteratorResult<unknown>>[] = [];
  let held = 0;
  let running = 0;
  let isPulling = false;
  let isOver = false;
  let wake = (): void => {};
  const fill = (): void => {
    if (isOver || isPulling || running >= parallelism || held >= parallelism + buffer) return;
    isPulling = true;
    pull().then(({done, value}) => {
      if (done) isOver = true;
      else add(run(value));
    }, error => add(Promise.reject(error))).finally(() => {
      isPulling = false;
      wake();
      fill();
    });
  };
  const add = (result: Promise<unknown>): void => {
    running++;
    held++;
    const entry = result.then(value => ({value}));
    if (ordered) ready.push(entry);
    entry.catch(() => { isOver = true; }).finally(() => {
      running--;
      if (!ordered) ready.push(entry);
      wake();
      fill();
    });
  };
  return async () => {
    for (;;) {
      fill();
      const entry = ready.shift();
      if (entry) {
        held--;
        const result = await entry;
        fill();
        return result;
      }
      if (isOver && !held && !isPulling) return {done: true, value: undefined};
      await new Promise<void>(resolve => { wake = resolve; });
    }
  };
}

/**
 * Sends items through stages. An item is taken from the input only when the first stage has room for it. After an error, or when the loop over
 * the results is left, what runs is aborted and awaited for at most `grace`, and `input.return()` is called once.
 * @returns the results of the last stage. It throws the first error of the input or a stage; with `ordered`, after the results before it
 * @throws RangeError, TypeError at the first `next()`: an option does not exist or has a wrong value, or a stage with a task has no pool
 */
export async function* pipeline<T, R>(
  input: Iterable<T> | AsyncIterable<T>, stages: readonly PipelineStage<any, any>[], options: PipelineOptions = {}
): AsyncIterableIterator<R> {
  const {ordered = true, buffer = 0, parallelism = 1} = options;
  checkNames('pipeline', options, PIPELINE_OPTIONS);
  const scope = new Scope(options);
  const iterator: Iterator<T> | AsyncIterator<T> = ((input as AsyncIterable<T>)[Symbol.asyncIterator] ?? (input as Iterable<T>)[Symbol.iterator]).call(input);
  let isInputOver = false;
  let pull: Pull = async () => {
    try {
      const result = await iterator.next();
      isInputOver = result.done === true;
      return result;
    } catch (error) {
      isInputOver = true;
      throw error;
    }
  };
  try {
    stages.forEach((stage, index) => {
      const given: StageOptions<any, any> = typeof stage === 'function' ? {run: stage} : stage;
      checkNames('pipeline stage', given, STAGE_OPTIONS);
      const {run, pool, ...own} = given;
      pull = stageOf(pull, item => scope.run((signal: AbortSignal): unknown => {
        if (pool) return pool.run(run, [item], {signal});
        if (typeof run !== 'function') throw new TypeError('A stage with a task needs a pool');
        return run(item, signal);
      }, (run as {name?: string}).name), {parallelism, ordered, buffer: index === stages.length - 1 ? buffer : 0, ...own});
    });
    for (;;) {
      const {done, value} = await scope.orAborted(pull());
      if (done) return;
      yield value as R;
    }
  } finally {
    scope.abort();
    const returned = isInputOver ? undefined : scope.run(async () => { await iterator.return?.(); }, 'the input');
    if (await scope.end()) await returned;
  }
}
