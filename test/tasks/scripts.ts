import type {Deferred as DeferredOf, pipeline as pipelineOf, TaskContext, WorkerPool as WorkerPoolOf} from '../../lib/tasks.js';

/** The entry of a browser or of Node. */
export interface TasksApi {
  Deferred: typeof DeferredOf;
  WorkerPool: typeof WorkerPoolOf;
  pipeline: typeof pipelineOf;
}

/** Scripts that pages and Node run alike. */
export function scriptsOf({Deferred, WorkerPool, pipeline}: TasksApi) {
  const withPool = async <T>(act: (pool: WorkerPoolOf) => Promise<T>): Promise<T> => {
    const pool = new WorkerPool({size: 2});
    try {
      return await act(pool);
    } finally {
      await pool.terminate();
    }
  };
  return {
    async script() {
      const loop = new Deferred((count: number) => {
        let sum = 0;
        for (let n = 0; n < count; n++) sum += n;
        return sum;
      }, 100_000);
      const arithmetic = new Deferred((a: number, b: number) => a * b + 1, 6, 7);
      const text = new Deferred((a: string) => a.toUpperCase().split('').reverse().join(''), 'thread');
      const fibonacci = new Deferred(function fibonacci(n: number): number { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }, 20);
      const broken = new Deferred(() => { throw new TypeError('on purpose'); }).then(() => 'no error', (error: unknown) => String(error));
      const three = Promise.all([1, 2, 3].map(n => new Deferred((x: number) => x * x, n)));
      return {loop: await loop, arithmetic: await arithmetic, text: await text, fibonacci: await fibonacci, broken: await broken, three: await three};
    },

    processor: () => withPool(async pool => {
      const progress: number[] = [];
      const invert = ((pixels: Uint8Array, context: TaskContext) => {
        for (let n = 0; n < pixels.length; n++) pixels[n] = 255 - pixels[n]!;
        context.progress(1);
        return pixels;
      }) as unknown as (pixels: Uint8Array) => Uint8Array;
      const image = new Uint8Array(1_000).fill(5);
      const inverted = await pool.run(invert, [image], {transfer: [image.buffer], transferResult: true, onProgress: value => progress.push(value as number)});
      const squares = await pool.map(Array.from({length: 300}, (_item, n) => n), (x: number) => x * x);
      return {first: inverted[0], length: inverted.length, moved: image.byteLength, progress, last: squares.at(-1), count: squares.length};
    }),

    stages: () => withPool(async pool => {
      const seen: unknown[] = [];
      const parse = (line: string): number => Number(line);
      for await (const value of pipeline(['1', '2', '3', '4'], [{run: parse, pool, parallelism: 2}, (x: number) => x + 1, {run: (x: number) => `<${x}>`, pool}])) seen.push(value);
      return seen;
    })
  };
}

/** What they return. */
export const resultsOfScripts = {
  script: {loop: 4_999_950_000, arithmetic: 43, text: 'DAERHT', fibonacci: 6765, broken: 'TypeError: on purpose', three: [1, 4, 9]},
  processor: {first: 250, length: 1_000, moved: 0, progress: [1], last: 299 * 299, count: 300},
  stages: ['<2>', '<3>', '<4>', '<5>']
};
