import {expect} from 'chai';
import {execFile} from 'node:child_process';
import os from 'node:os';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {pipeline, task, type TaskContext, WorkerPool} from '../../lib/tasks-node.js';
import {failureOf} from './failure.js';

const dataScript = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;

describe('edges of tasks', function () {
  this.timeout(120_000);
  let pool: WorkerPool;
  beforeEach(() => { pool = new WorkerPool({size: 1}); });
  afterEach(() => pool.terminate());

  describe('values that can not be read', () => {
    it('an error with a getter that throws rejects its task, and the thread runs others', async () => {
      expect(await failureOf(pool.execute(() => {
        throw Object.defineProperty(new Error('x'), 'field', {enumerable: true, get() { throw new Error('getter'); }});
      }))).to.be.an('error');
      expect(await failureOf(pool.execute(() => { throw Object.assign(Object.create(null), {method() {}}); }))).to.be.an('error');
      expect(await pool.execute(() => 'usable')).to.equal('usable');
    });

    it('an argument or result with a getter that throws is not cloneable, and the pool drains', async () => {
      const same = (value: unknown): unknown => value;
      await pool.run(same, [1]);
      const getter = {get part() { throw new Error('getter'); }};
      expect(await failureOf(pool.run(same, [getter]))).to.include({code: 'ERR_TASK_NOT_CLONEABLE', path: 'arguments[0].part'});
      const proxy = new Proxy({}, {ownKeys() { throw new Error('keys'); }});
      expect(await failureOf(pool.run(same, [proxy]))).to.include({code: 'ERR_TASK_NOT_CLONEABLE', path: 'arguments[0]'});
      expect(await failureOf(pool.execute(() => ({get part() { throw new Error('getter'); }}))))
        .to.include({code: 'ERR_TASK_NOT_CLONEABLE', path: 'result.part'});
      await pool.drain();
    });
  });

  describe('the end', () => {
    it('of a pool with idle threads keeps a process of Node alive until it has ended', async () => {
      const {stdout} = await promisify(execFile)(process.execPath, [fileURLToPath(new URL('closing-script.mjs', import.meta.url))], {timeout: 50_000});
      expect(stdout).to.equal('ran\nclosed\n');
    });

    it('rejects warmUp, which starts no thread afterwards', async () => {
      const warm = failureOf(pool.warmUp());
      await pool.close();
      expect(await warm).to.include({code: 'ERR_TASK_TERMINATED'});
      expect(await failureOf(pool.warmUp())).to.include({code: 'ERR_TASK_TERMINATED'});
      expect(pool.threads).to.equal(0);
    });

    it('rejects warmUp each time if no thread can start', async () => {
      const broken = new WorkerPool(() => { throw new Error('no worker'); }, {size: 1});
      for (let n = 0; n < 2; n++) expect(await failureOf(broken.warmUp())).to.include({code: 'ERR_TASK_NO_THREADS'});
    });
  });

  describe('the signal in a thread', () => {
    it('has the reason of the abort, an AbortError if none was given', async () => {
      const flags = new Int32Array(new SharedArrayBuffer(4));
      const controller = new AbortController();
      const listen = (shared: Int32Array, {signal, progress}: TaskContext): Promise<void> => new Promise(resolve => {
        signal.addEventListener('abort', () => { Atomics.store(shared, 0, signal.reason.name === 'AbortError' ? 1 : 2); resolve(); });
        progress('listens');
      });
      const run = pool.run(listen, [flags], {grace: 30_000, signal: controller.signal, onProgress: () => controller.abort()});
      expect(await failureOf(run)).to.include({name: 'AbortError'});
      await pool.drain();
      expect(flags[0]).to.equal(1);
    });
  });

  describe('options', () => {
    it('that would let no task run are refused', () => {
      for (const options of [{maxTasks: 0}, {recycleAfter: {tasks: 0}}, {recycleAfter: {heapMB: 0}}]) {
        expect(() => new WorkerPool(options)).to.throw(RangeError, 'at least 1, not 0');
      }
      expect(() => new WorkerPool({recycleAfter: {task: 1} as never})).to.throw(TypeError, 'Did you mean tasks?');
    });

    it('that are undefined leave those of the pool', async () => {
      const limited = new WorkerPool({size: 1, timeout: 100});
      expect(await failureOf(limited.execute(() => { for (;;); }, {timeout: undefined} as never))).to.include({code: 'ERR_TASK_TIMEOUT'});
      await limited.terminate();
    });

    it('size: the default is one less than Node can run at once', () => {
      const {availableParallelism} = os;
      os.availableParallelism = () => 6;
      try {
        expect(new WorkerPool().size).to.equal(5);
      } finally {
        os.availableParallelism = availableParallelism;
      }
    });

    it('buffer: at least 0', async () => {
      for (const buffer of [-1, NaN]) expect(await failureOf(pipeline([1], [(x: number) => x], {buffer}).next())).to.be.instanceOf(RangeError);
    });
  });

  describe('map', () => {
    it('iterates over the characters of a text', async () => {
      expect(await pool.map('abc', (letter: string) => letter + letter)).to.eql(['aa', 'bb', 'cc']);
    });

    it('passes the index to named functions as well', async () => {
      const script = new WorkerPool(dataScript('export const one = a => a, two = (a, n) => a + n, three = (a, n, {thread}) => a + n + typeof thread'), {size: 1});
      expect(await script.map(['a', 'b'], task<[string], string>('one'))).to.eql(['a', 'b']);
      expect(await script.map(['a', 'b'], task<[string, number], string>('two'))).to.eql(['a0', 'b1']);
      expect(await script.map(['a', 'b'], task<[string, number], string>('three'))).to.eql(['a0number', 'b1number']);
      await script.close();
    });

    it('returns its input when the function is refused', async () => {
      let isReturned = false;
      const input = (function* () { try { for (;;) yield 1; } finally { isReturned = true; } })();
      expect(await failureOf(pool.map(input, Math.sqrt))).to.include({code: 'ERR_TASK_NATIVE'});
      expect(isReturned).to.equal(true);
    });

    it('names the item that can not be copied, or whose result can not', async () => {
      expect(await failureOf(pool.map([1, 2, 3, () => 1] as unknown[], (value: unknown) => value, {chunk: 2})))
        .to.include({code: 'ERR_TASK_NOT_CLONEABLE', path: 'items[3]', index: 3});
      expect(await failureOf(pool.map([1, 2, 3, 4], (value: number): unknown => value === 3 ? {method() {}} : value, {chunk: 4})))
        .to.include({code: 'ERR_TASK_NOT_CLONEABLE', path: 'result.method', index: 2});
    });
  });

  describe('a stream', () => {
    it('yields no values after the loop is left', async () => {
      const numbers = pool.stream(function* () { for (let n = 0; ; n++) yield n; }, []);
      for await (const _ of numbers) break;
      expect(await numbers.next()).to.eql({done: true, value: undefined});
    });

    it('that is left throws the error of its finally', async () => {
      const left = async (): Promise<void> => {
        for await (const _ of pool.stream(function* () { try { for (;;) yield 1; } finally { throw new RangeError('finally'); } }, [])) break;
      };
      expect(await failureOf(left())).to.be.instanceOf(RangeError);
    });

    it('that is left has the grace of its pool', async () => {
      const patient = new WorkerPool({size: 1, grace: 30_000});
      const shared = new Int32Array(new SharedArrayBuffer(4));
      const slow = async function* (flag: Int32Array) {
        try { yield 1; yield 2; } finally { await new Promise(resolve => setTimeout(resolve, 300)); flag[0] = 1; }
      };
      for await (const _ of patient.stream(slow, [shared])) break;
      expect(shared[0]).to.equal(1);
      await patient.close();
    });
  });

  describe('a function', () => {
    it('may be a getter with a computed name, or a method named class', async () => {
      const holder = new Function('key', 'return {get[key]() { return 1; }, class() { return 2; }}')('name') as {class(): number};
      expect(await pool.execute(Object.getOwnPropertyDescriptor(holder, 'name')!.get as () => number)).to.equal(1);
      expect(await pool.execute(holder.class)).to.equal(2);
    });

    it('is sloppy without a directive: `this` is the global object, or undefined', async () => {
      expect(await pool.execute(function (this: unknown) { return this === globalThis; })).to.equal(true);
      expect(await pool.execute(function (this: unknown) { 'use strict'; return this === undefined; })).to.equal(true);
    });
  });
});
