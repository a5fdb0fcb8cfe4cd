import * as comlink from 'comlink';
import {fileURLToPath} from 'node:url';
import {Worker} from 'node:worker_threads';
import {Piscina} from 'piscina';
import {FixedThreadPool} from 'poolifier';
// @ts-expect-error its package.json names no types for ES modules
import {Pool as ThreadsPool, spawn, Transfer as threadsTransfer, Worker as ThreadsWorker} from 'threads';
import {Tinypool} from 'tinypool';
import workerpool from 'workerpool';
import {type Task, task, WorkerPool} from '../../lib/tasks-node.js';

export type FunctionName = 'empty' | 'increment' | 'spin';

/** A pool of one library, used as its documentation says. */
export interface Peer {
  run(name: FunctionName, argument?: unknown): PromiseLike<unknown>;
  /** Measured with fewer tasks. */
  isSlow?: true;
  /** Sends a buffer there and back by transfer. */
  move?(buffer: ArrayBuffer): PromiseLike<unknown>;
  /** The library's function for many small items; without it, one task for each. */
  map?(items: readonly number[], name: FunctionName): PromiseLike<unknown>;
  /** Starts a loop that runs until its thread ends. Returns a function that ends it. */
  loop?(shared: Int32Array): () => unknown;
  /** Runs a function as source. */
  source?(fn: () => unknown): PromiseLike<unknown>;
  close(): unknown;
}

const ignore = (promise: PromiseLike<unknown>): void => void promise.then(() => {}, () => {});
const abortable = (run: (options: {name: string; signal: AbortSignal}) => PromiseLike<unknown>): () => void => {
  const controller = new AbortController();
  ignore(run({name: 'loop', signal: controller.signal}));
  return () => controller.abort();
};

const file = (name: string): URL => new URL(`./workers/${name}.mjs`, import.meta.url);
const path = (name: string): string => fileURLToPath(file(name));

type Exposed = Record<FunctionName | 'echo', (argument?: unknown) => Promise<unknown>>;

export const peers: Record<string, (size: number) => Promise<Peer>> = {
  async 'sharedb-tabs'(size) {
    const pool = new WorkerPool(file('functions'), {size});
    await pool.warmUp();
    const tasks = Object.fromEntries(['empty', 'increment', 'spin', 'echo', 'loop'].map(name => [name, task(name)])) as Record<string, Task<[unknown?], unknown>>;
    return {
      run: (name, argument) => pool.run(tasks[name]!, argument === undefined ? [] : [argument]),
      map: (items, name) => pool.map(items, tasks[name] as Task<[number], unknown>),
      move: buffer => pool.run(tasks['echo']!, [buffer], {transfer: [buffer], transferResult: true}),
      loop(shared) {
        const run = pool.run(tasks['loop']!, [shared]);
        ignore(run);
        return () => run.cancel();
      },
      close: () => pool.terminate()
    };
  },
  async 'sharedb-tabs, source'(size) {
    const pool = new WorkerPool({size});
    await pool.warmUp();
    // Not compiled here: code compiled by tsx refers to helper names.
    const functions = {empty: new Function('return () => {}')(), increment: new Function('return value => value + 1')(), loop: new Function('return shared => { Atomics.store(shared, 0, 1); for (;;); }')()};
    return {
      run: (name, argument) => pool.run(functions[name as 'empty'] as (...args: unknown[]) => unknown, argument === undefined ? [] : [argument]),
      source: fn => pool.execute(fn),
      loop(shared) {
        const run = pool.run(functions.loop as (shared: Int32Array) => void, [shared]);
        ignore(run);
        return () => run.cancel();
      },
      close: () => pool.terminate()
    };
  },
  async piscina(size) {
    const pool = new Piscina({filename: path('piscina'), minThreads: size, maxThreads: size});
    return {
      loop: shared => abortable(options => pool.run(shared, options)),
      run: (name, argument) => pool.run(argument, {name}),
      move: buffer => pool.run(buffer, {name: 'echo', transferList: [buffer]}),
      close: () => pool.destroy()
    };
  },
  async tinypool(size) {
    const pool = new Tinypool({filename: path('tinypool'), minThreads: size, maxThreads: size});
    return {
      loop: shared => abortable(options => pool.run(shared, options)),
      run: (name, argument) => pool.run(argument, {name}),
      move: buffer => pool.run(buffer, {name: 'echo', transferList: [buffer]}),
      close: () => pool.destroy()
    };
  },
  async workerpool(size) {
    const pool = workerpool.pool(path('workerpool'), {minWorkers: size, maxWorkers: size, workerType: 'thread'});
    return {
      run: (name, argument) => pool.exec(name, argument === undefined ? [] : [argument]),
      move: buffer => pool.exec('echo', [buffer], {transfer: [buffer as never]}),
      loop(shared) {
        const run = pool.exec('loop', [shared]);
        ignore(run as unknown as PromiseLike<unknown>);
        return () => run.cancel();
      },
      source: fn => pool.exec(fn, []) as unknown as PromiseLike<unknown>,
      close: () => pool.terminate()
    };
  },
  async threads(size) {
    const pool = ThreadsPool(() => spawn(new ThreadsWorker('./workers/threads.mjs') as never), {size, concurrency: 1});
    const call = (name: string, argument: unknown) => pool.queue(async (thread: Exposed) => thread[name as FunctionName](argument));
    return {run: call, isSlow: true, move: buffer => call('echo', threadsTransfer(buffer, [buffer])), close: () => pool.terminate(true)};
  },
  async poolifier(size) {
    const pool = new FixedThreadPool<unknown, unknown>(size, path('poolifier'));
    return {run: (name, argument) => pool.execute(argument, name), map: (items, name) => pool.mapExecute(items, name), close: () => pool.destroy()};
  },
  async 'comlink, by hand'(size) {
    const nodeEndpoint = (await import('comlink/dist/esm/node-adapter.mjs' as string)).default as (worker: Worker) => comlink.Endpoint;
    const workers = Array.from({length: size}, () => new Worker(file('comlink')));
    const idle = workers.map(worker => comlink.wrap<Exposed>(nodeEndpoint(worker)));
    const waiting: ((service: comlink.Remote<Exposed>) => void)[] = [];
    const call = async (act: (service: comlink.Remote<Exposed>) => Promise<unknown>): Promise<unknown> => {
      const service = idle.pop() ?? await new Promise<comlink.Remote<Exposed>>(resolve => waiting.push(resolve));
      try {
        return await act(service);
      } finally {
        const next = waiting.shift();
        if (next) next(service);
        else idle.push(service);
      }
    };
    return {
      run: (name, argument) => call(service => service[name](argument)),
      move: buffer => call(service => service.echo(comlink.transfer(buffer, [buffer]))),
      close: () => Promise.all(workers.map(worker => worker.terminate()))
    };
  }
};
