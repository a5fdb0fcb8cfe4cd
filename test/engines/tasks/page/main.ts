import {concurrent, Deferred, pipeline, race, task, type TaskContext, timeout, WorkerPool} from 'sharedb-tabs/tasks';
import {scriptsOf} from '../../../tasks/scripts.js';

/** The reason with which a promise rejects, as JSON. */
async function failure(promise: PromiseLike<unknown>): Promise<{code?: unknown; name?: unknown; message?: unknown; [field: string]: unknown}> {
  try {
    await promise;
  } catch (thrown) {
    const error = thrown as Record<string, unknown>;
    return {name: error['name'], code: error['code'], message: error['message'], cause: (error['cause'] as Error | undefined)?.message};
  }
  return {name: 'none'};
}

async function withPool<T>(act: (pool: WorkerPool) => Promise<T>, pool = new WorkerPool({size: 2})): Promise<T> {
  try {
    return await act(pool);
  } finally {
    await pool.terminate();
  }
}

const fileThreads = (): WorkerPool => new WorkerPool(() => new Worker('/tasks.worker.js', {type: 'module'}), {size: 2});

const cases = {
  ...scriptsOf({Deferred, WorkerPool, pipeline}),

  async closure() {
    const outside = 1;
    return failure(new Deferred(() => outside));
  },

  async errors() {
    return withPool(async pool => {
      const caught = await pool.execute(() => {
        class Broken extends RangeError {
          override name = 'Broken';
          code = 'E_BROKEN';
          row = 3;
        }
        throw new Broken('no', {cause: new Error('deep')});
      }).catch((error: unknown) => error) as RangeError & {code: string; row: number};
      const many = await pool.execute(() => { throw new AggregateError([new Error('one'), new TypeError('two')], 'many'); }).catch((error: unknown) => error) as AggregateError;
      const dom = await pool.execute(() => { throw new DOMException('no', 'QuotaExceededError'); }).catch((error: unknown) => error) as DOMException;
      return {
        isRange: caught instanceof RangeError, name: caught.name, code: caught.code, row: caught.row, cause: (caught.cause as Error).message,
        isAggregate: many instanceof AggregateError, errors: many.errors.map(String), isDOMException: dom instanceof DOMException, dom: dom.name
      };
    });
  },

  async closing() {
    return withPool(async pool => ({
      closed: await failure(pool.execute(() => { self.close(); return new Promise(() => {}); })),
      after: await pool.execute(() => 'usable'), lost: pool.lostThreads
    }));
  },

  async retry() {
    return withPool(async pool => {
      const failing = ((context: TaskContext): number | Promise<number> => {
        if (context.attempt > 1) return context.attempt;
        self.close();
        return new Promise(() => {});
      }) as unknown as () => number;
      return {once: (await failure(pool.execute(failing, {retry: 1}))).code, twice: await pool.execute(failing, {retry: 2}), lost: pool.lostThreads};
    });
  },

  async affinity() {
    return withPool(async pool => {
      const threadOf = ((context: TaskContext) => context.thread) as unknown as () => number;
      const of = (affinity: string, stealAfter?: number): PromiseLike<number> => pool.execute(threadOf, {affinity, ...(stealAfter !== undefined && {stealAfter})});
      const first = await of('a');
      const controller = new AbortController();
      const busy = pool.execute(() => { for (;;); }, {affinity: 'a', signal: controller.signal});
      // The pool checks the function before it starts the task.
      while (busy.state !== 'running') await new Promise(resolve => { setTimeout(resolve, 1); });
      const second = await of('b');
      const patient = of('a');
      const stolen = await of('a', 1);
      const other = await of('b');
      controller.abort();
      await failure(busy);
      return {isApart: first !== second, isStolen: stolen === second, stays: other === second, moved: await patient !== first};
    });
  },

  /** Browsers do not tell that a thread ran out of memory: only a time-out ends it. The task allocates 256 MB, not all memory. */
  async memory() {
    return withPool(async pool => {
      const taking = pool.execute(() => {
        const taken: Uint8Array[] = [];
        for (;;) if (taken.length < 64) taken.push(new Uint8Array(2 ** 22).fill(1));
      }, {timeout: 2_000});
      const others = pool.map([1, 2, 3], (x: number) => x + 1);
      return {code: (await failure(taking)).code, others: await others, after: await Promise.all([1, 2].map(n => pool.run((x: number) => x, [n])))};
    });
  },

  async late() {
    return withPool(async pool => {
      let pageErrors = 0;
      const heardByPage = (): void => void pageErrors++;
      addEventListener('error', heardByPage);
      const heard = new Promise<string>(resolve => { pool.onerror = error => resolve((error as Error).message); });
      await pool.execute(() => { setTimeout(() => { throw new Error('late'); }, 5); });
      const others = await Promise.all([1, 2, 3, 4].map(n => pool.run((x: number) => new Promise<number>(resolve => setTimeout(resolve, 30, x)), [n])));
      const message = await heard;
      removeEventListener('error', heardByPage);
      return {others, isLate: message.includes('late'), pageErrors};
    });
  },

  async ending() {
    return withPool(async pool => {
      const controller = new AbortController();
      const loop = pool.execute(() => { for (;;); }, {signal: controller.signal});
      const other = pool.execute(() => 'other');
      const aborted = failure(loop);
      controller.abort(new Error('enough'));
      const late = await failure(pool.execute(() => { for (;;); }, {timeout: 50}));
      return {aborted: await aborted, other: await other, late, after: await pool.execute(() => 'after')};
    });
  },

  async streams() {
    return withPool(async pool => {
      const seen: unknown[] = [];
      for await (const value of pool.stream(function* (start: number) { for (let n = start; ; n++) yield n; }, [5])) {
        seen.push(value);
        if (seen.length === 20) break;
      }
      await pool.drain();
      return {first: seen[0], last: seen.at(-1), active: pool.activeWorkers};
    });
  },

  async concurrency() {
    return withPool(async pool => ({
      all: await concurrent([pool.task((x: number) => x + 1, 1), async () => 'here']),
      first: await race([pool.task(() => { for (;;); }), () => 'won']),
      late: (await failure(timeout(pool.task(() => { for (;;); }), 30))).name,
      active: (await pool.drain(), pool.activeWorkers)
    }));
  },

  async chaos() {
    return withPool(async pool => {
      const kinds: ((n: number) => PromiseLike<unknown>)[] = [
        n => pool.run((x: number) => x, [n]).then(value => value === n),
        () => failure(pool.execute(() => { self.close(); return new Promise(() => {}); })).then(({code}) => code === 'ERR_TASK_THREAD_LOST'),
        () => failure(pool.execute(() => { for (;;); }, {timeout: 20})).then(({code}) => code === 'ERR_TASK_TIMEOUT'),
        () => failure(pool.execute(() => () => 1)).then(({code}) => code === 'ERR_TASK_NOT_CLONEABLE')
      ];
      const right = await Promise.all(Array.from({length: 300}, (_item, n) => kinds[n % 20 === 0 ? n / 20 % 4 : 0]!(n)));
      await pool.drain();
      return {wrong: right.filter(is => !is).length, active: pool.activeWorkers, queued: pool.queuedTasks};
    });
  },

  async missing() {
    return withPool(pool => failure(pool.execute(() => 1)), new WorkerPool('/missing.js', {size: 2}));
  },

  async blobThreads() {
    return withPool(async pool => failure(pool.execute(() => 1)));
  },

  async fileThreads() {
    return withPool(async pool => ({
      exposed: await pool.run(task<[number, number], number>('add'), [1, 2]),
      module: await pool.run(task<{multiply(a: number, b: number): number}>('/math.js', 'multiply'), [3, 4])
    }), fileThreads());
  },

  async scriptByName() {
    return withPool(pool => pool.run(task<[number, number], number>('add'), [2, 2]) as Promise<number>, new WorkerPool('/tasks.worker.js', {size: 1}));
  },

  async sourceInFileThreads() {
    return withPool(async pool => pool.run((x: number) => x + 1, [1]).then(value => ({value}), (error: {code: string}) => ({code: error.code})), fileThreads());
  },

  async closingFileThreads() {
    return withPool(async pool => {
      const closed = await failure(pool.run(task<{close(): void}>('/close.js', 'close'), []));
      return {code: closed.code, after: await pool.run(task<[number, number], number>('add'), [1, 1])};
    }, fileThreads());
  },

  async sharedWorker() {
    const worker = new SharedWorker('/shared-worker.js', {type: 'module'});
    return new Promise(resolve => {
      worker.port.onmessage = ({data}) => resolve(data);
    });
  },

  /**
   * Firefox 153 sometimes blocks a worker for good when it starts another one. Then no message and no error comes. A new worker is started, and
   * `silent` counts those that were blocked.
   */
  async dedicatedWorker() {
    for (let silent = 0; silent < 3; silent++) {
      const worker = new Worker('/dedicated-worker.js', {type: 'module'});
      try {
        const answer = await new Promise<object | undefined>((resolve, reject) => {
          worker.onmessage = ({data}) => resolve(data);
          worker.onerror = ({message}) => reject(new Error(message));
          setTimeout(resolve, 15_000);
        });
        if (answer) return {...answer, silent};
      } finally {
        worker.terminate();
      }
    }
    throw new Error('Three workers did not answer');
  }
};

export type CaseName = keyof typeof cases;

Object.assign(globalThis, {runCase: (name: CaseName) => cases[name]()});
