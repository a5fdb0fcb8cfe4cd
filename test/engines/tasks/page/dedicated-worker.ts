import {type TaskContext, WorkerPool} from 'sharedb-tabs/tasks';

/** A pool in a dedicated worker: its threads are workers of a worker. */
const pool = new WorkerPool({size: 2});
const outside = 1;
const code = (promise: PromiseLike<unknown>): Promise<string> => Promise.resolve(promise.then(() => 'none', (error: {code: string}) => error.code));
const progress: number[] = [];
const told = ((context: TaskContext) => { context.progress(1); return 'told'; }) as unknown as () => string;

postMessage({
  mapped: await pool.map([1, 2, 3], (x: number) => x + 1),
  told: await pool.execute(told, {onProgress: value => progress.push(value as number)}), progress,
  closure: await code(pool.execute(() => outside)),
  closed: await code(pool.execute(() => { self.close(); return new Promise(() => {}); })),
  late: await code(pool.execute(() => { for (;;); }, {timeout: 50})),
  after: await pool.execute(() => 'usable'),
  threads: (await pool.close(), pool.threads)
});
