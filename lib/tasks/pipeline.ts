type Stop = (reason: unknown) => void;
type StageFunction<I, O> = (item: I, signal: AbortSignal) => O | PromiseLike<O>;

/** What a pool does for a stage; the pool itself is not imported. */
interface StagePool {
  run(fn: any, args: any, options: {signal: AbortSignal}): PromiseLike<unknown>;
}

export type PipelineStage<I, O> =
  | StageFunction<I, O>
  | {run: StageFunction<I, O> | ((item: I) => O | PromiseLike<O>) | {readonly export: string; readonly url?: string}; pool?: StagePool; parallelism?: number; ordered?: boolean};

export interface PipelineOptions {
  /** How many items of a stage run at once. Default 1. */
  parallelism?: number;
  /** Default true. */
  ordered?: boolean;
  /** Results that may wait to be taken beyond those that run. Default 0. */
  buffer?: number;
  signal?: AbortSignal;
}

interface Source {
  next(): Promise<IteratorResult<unknown>>;
}

/** What one stage has under way: it takes an item when a slot is free, and frees the slot when its result is taken. */
class Stage implements Source {
  readonly #entries: Promise<IteratorResult<unknown>>[] = [];
  readonly #settled: Promise<IteratorResult<unknown>>[] = [];
  #running = 0;
  #isPulling = false;
  #isOver = false;
  #wake = (): void => {};

  constructor(
    private readonly input: Source, private readonly run: (item: unknown) => Promise<unknown>,
    private readonly options: {parallelism: number; ordered: boolean; buffer: number}
  ) {
    if (!(options.parallelism >= 1)) throw new RangeError(`parallelism: at least 1, not ${options.parallelism}`);
  }

  async next(): Promise<IteratorResult<unknown>> {
    for (;;) {
      this.#fill();
      const list = this.options.ordered ? this.#entries : this.#settled;
      const entry = list.shift();
      if (entry) {
        if (!this.options.ordered) this.#entries.splice(this.#entries.indexOf(entry), 1);
        const result = await entry;
        this.#fill();
        return result;
      }
      if (this.#isOver && !this.#entries.length && !this.#isPulling) return {done: true, value: undefined};
      await new Promise<void>(resolve => { this.#wake = resolve; });
    }
  }

  #fill(): void {
    const {parallelism, buffer} = this.options;
    if (this.#isOver || this.#isPulling || this.#running >= parallelism || this.#entries.length >= parallelism + buffer) return;
    this.#isPulling = true;
    this.input.next().then(({done, value}) => {
      if (done) this.#isOver = true;
      else this.#add(this.run(value));
    }, (error: unknown) => this.#add(Promise.reject(error))).finally(() => {
      this.#isPulling = false;
      this.#wake();
      this.#fill();
    });
  }

  #add(run: Promise<unknown>): void {
    this.#running++;
    const entry = run.then(value => ({done: false as const, value}));
    this.#entries.push(entry);
    entry.catch(() => { this.#isOver = true; }).finally(() => {
      this.#running--;
      this.#settled.push(entry);
      this.#wake();
      this.#fill();
    });
  }
}

/**
 * Sends items through stages, each with its own parallelism. Input is pulled only when the first stage has a free slot.
 * When it is left early, or something fails, all that runs is aborted and awaited, and `input.return()` is called once.
 */
export async function* pipeline<T, R>(
  input: Iterable<T> | AsyncIterable<T>, stages: readonly PipelineStage<any, any>[], options: PipelineOptions = {}
): AsyncIterableIterator<R> {
  const {signal, ordered = true, buffer = 0, parallelism = 1} = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const running = new Set<Promise<unknown>>();
  const iterator = Symbol.asyncIterator in input ? input[Symbol.asyncIterator]() : input[Symbol.iterator]();
  let isInputOver = false;
  let source: Source = {
    async next() {
      try {
        const result = await iterator.next();
        if (result.done) isInputOver = true;
        return result;
      } catch (error) {
        isInputOver = true;
        throw error;
      }
    }
  };
  stages.forEach((stage, index) => {
    const given = typeof stage === 'function' ? {run: stage} : stage;
    const run = (item: unknown): Promise<unknown> => {
      const result = (async () => callStage(given, item, controller.signal))();
      running.add(result);
      result.catch(() => {}).finally(() => running.delete(result));
      return result;
    };
    source = new Stage(source, run, {
      parallelism: given.parallelism ?? parallelism, ordered: given.ordered ?? ordered, buffer: index === stages.length - 1 ? buffer : 0
    });
  });
  let stop: Stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => { stop = reject; });
  aborted.catch(() => {});
  const onAbort = (): void => {
    controller.abort(signal!.reason);
    stop(signal!.reason);
  };
  signal?.addEventListener('abort', onAbort);
  try {
    for (;;) {
      const {done, value} = await Promise.race([source.next(), aborted]);
      if (done) return;
      yield value as R;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    controller.abort(new DOMException('The pipeline has ended', 'AbortError'));
    if (!isInputOver) await iterator.return?.();
    while (running.size) await Promise.allSettled(running);
  }
}

function callStage(stage: Exclude<PipelineStage<any, any>, (...args: any[]) => unknown>, item: unknown, signal: AbortSignal): unknown {
  if (stage.pool) return stage.pool.run(stage.run, [item], {signal});
  if (typeof stage.run !== 'function') throw new TypeError('A stage with a task needs a pool');
  return stage.run(item, signal);
}
