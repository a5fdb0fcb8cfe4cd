import {expect} from 'chai';
import {concurrent, Deferred, defer, pipeline, race, task, timeout, WorkerPool} from '../../lib/tasks-node.js';
import {turn} from '../waiting/turn.js';
import {failureOf} from './failure.js';
import {until} from '../waiting/until.js';

describe('tasks in Node', function () {
  this.timeout(120_000);
  let pool: WorkerPool;
  before('start two threads', async () => {
    pool = new WorkerPool({size: 2});
    await pool.warmUp();
  });
  // The default pool's idle threads end by themselves; other files use it.
  after('end the threads', () => pool.terminate());

  describe('a deferred', () => {
    it('is the result of a function in another thread', async () => {
      const here = process.pid;
      expect(await new Deferred((a: number, b: number) => a + b, 1, 2)).to.equal(3);
      expect(await new Deferred(() => require('node:worker_threads').isMainThread)).to.equal(false);
      expect(await new Deferred((pid: number) => process.pid === pid, here)).to.equal(true);
    });

    it('can be awaited together with others', async () => {
      const fibonacci = function fibonacci(n: number): number { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); };
      expect(await Promise.all([10, 15, 20].map(n => new Deferred(fibonacci, n)))).to.eql([55, 610, 6765]);
    });

    it('refuses a function that uses names from outside, before it runs, and names them', async () => {
      const factor = 3;
      const error = await failureOf(new Deferred((x: number) => x * factor, 2));
      expect(error).to.include({code: 'ERR_TASK_CLOSURE', name: 'TaskError'});
      expect(error.names).to.eql(['factor']);
    });

    it('refuses functions without a source text, and other values, at once', () => {
      class Job {}
      for (const bound of [Math.sqrt, (() => 1).bind(null), new Proxy(() => 1, {})]) {
        expect(() => new Deferred(bound as never)).to.throw(TypeError).with.property('code', 'ERR_TASK_NATIVE');
      }
      for (const other of [Job, 5, 'x', null, {}]) {
        expect(() => new Deferred(other as never)).to.throw(TypeError).with.property('code', 'ERR_TASK_NOT_FUNCTION');
      }
    });

    it('runs functions of every kind', async () => {
      const key = 'computed';
      const holder = {
        method(x: number) { return x + 1; }, async later(x: number) { return x + 2; }, [key](x: number) { return x + 3; },
        async [`${key}1`](x: number) { return x + 4; }, get value() { return 5; }
      };
      class Counter { static count(x: number) { return x + 6; } }
      expect(await pool.run(holder.method, [0])).to.equal(1);
      expect(await pool.run(holder.later, [0])).to.equal(2);
      expect(await pool.run(holder[key]!, [0])).to.equal(3);
      expect(await pool.run((holder as any)[`${key}1`], [0])).to.equal(4);
      expect(await pool.execute(Object.getOwnPropertyDescriptor(holder, 'value')!.get as () => number)).to.equal(5);
      expect(await pool.run(Counter.count, [0])).to.equal(6);
      expect(await pool.run(async (a: number, b = 2, ...rest: number[]) => a + b + rest.length, [1] as never)).to.equal(3);
    });
  });

  describe('errors', () => {
    it('keep class, name, code, fields, cause and stack', async () => {
      const error = await failureOf(pool.execute(function broken() {
        class Broken extends TypeError {
          override name = 'Broken';
          code = 'E_BROKEN';
          details = {row: 3};
        }
        throw new Broken('no', {cause: new RangeError('deep')});
      }));
      expect(error).to.be.instanceOf(TypeError).and.include({name: 'Broken', code: 'E_BROKEN', message: 'no'});
      expect(error.details).to.eql({row: 3});
      expect(error.cause).to.be.instanceOf(RangeError).with.property('message', 'deep');
      expect(error.stack).to.match(/at broken \(thread \d+\)$/);
    });

    it('that are not Error objects stay unchanged', async () => {
      expect(await failureOf(pool.execute(() => { throw 'text'; }))).to.equal('text');
      expect(await failureOf(pool.execute(() => { throw undefined; }))).to.equal(undefined);
      expect(await failureOf(pool.execute(() => { throw null; }))).to.equal(null);
    });

    it('name the part of a result or argument that can\'t be cloned', async () => {
      expect(await failureOf(pool.execute(() => ({rows: [1, {format() {}}]})))).to.include({code: 'ERR_TASK_NOT_CLONEABLE', path: 'result.rows[1].format'});
      expect(await failureOf(pool.run((x: unknown) => x, [{a: [() => 1]}]))).to.include({code: 'ERR_TASK_NOT_CLONEABLE', path: 'arguments[0].a[0]'});
    });

    it('of a task that is over reject no other task', async () => {
      const heard: unknown[] = [];
      pool.onerror = error => heard.push(error);
      await pool.execute(() => { setTimeout(() => { throw new Error('late'); }, 5); });
      const others = await Promise.all(Array.from({length: 4}, () => pool.execute(() => new Promise(resolve => setTimeout(resolve, 30, 'fine')))));
      expect(others).to.eql(['fine', 'fine', 'fine', 'fine']);
      await until('the error is told', () => heard.length > 0);
      expect(heard).to.have.length(1);
      pool.onerror = null;
    });

    it('outside of any task are written to the console if there is no listener', async () => {
      const {error} = console;
      const told = new Promise<unknown[]>(resolve => { console.error = (...args) => resolve(args); });
      try {
        await pool.execute(() => { setTimeout(() => { throw new Error('late'); }, 5); });
        const [message, cause] = await told;
        expect(message).to.contain('pool.onerror');
        expect(cause).to.have.property('message', 'late');
      } finally {
        console.error = error;
      }
    });
  });

  describe('threads', () => {
    it('that exit reject their task and are replaced', async () => {
      expect(await failureOf(pool.execute(() => process.exit(3)))).to.include({code: 'ERR_TASK_THREAD_LOST', exitCode: 3});
      expect(await pool.execute(() => 'usable')).to.equal('usable');
    });

    it('that run out of memory reject with a code of their own', async () => {
      const small = new WorkerPool({size: 1, resourceLimits: {maxOldGenerationSizeMb: 16}});
      const error = await failureOf(small.execute(() => {
        const all: unknown[] = [];
        for (;;) all.push(new Array(1000).fill('x'));
      }));
      expect(error.code).to.equal('ERR_TASK_OUT_OF_MEMORY');
      expect(await small.execute(() => 1)).to.equal(1);
      await small.terminate();
    });

    it('that cannot start end in one clear error', async () => {
      const broken = new WorkerPool('/no/such/script.mjs', {size: 4});
      expect(await failureOf(broken.execute(() => 1))).to.have.property('code', 'ERR_TASK_NO_THREADS');
      expect(await failureOf(broken.execute(() => 1))).to.have.property('code', 'ERR_TASK_NO_THREADS');
      await broken.terminate();
    });

    it('run a task again that asks for it', async () => {
      expect(await pool.execute(((context: {attempt: number}) => context.attempt ? 'again' : process.exit(1)) as never, {retry: 1})).to.equal('again');
    });

    it('expose the functions of the script of a pool', async () => {
      const script = `data:text/javascript,export const double = x => 2 * x`;
      const own = new WorkerPool(script, {size: 1});
      expect(await own.run(task<[number], number>('double'), [4])).to.equal(8);
      expect((await failureOf(own.execute(task('triple') as never))).message).to.match(/no function "triple".*double/);
      expect(await own.run(task<any>('data:text/javascript,export const half = x => x / 2', 'half') as never, [4] as never)).to.equal(2);
      expect(await failureOf(own.execute(task<any>('data:text/javascript,throw 1', 'x') as never))).to.have.property('code', 'ERR_TASK_MODULE');
      await own.terminate();
    });
  });

  describe('ending a task', () => {
    it('by abort rejects at once with the reason, and hits no other task', async () => {
      const controller = new AbortController();
      const loop = pool.execute(() => { for (;;); }, {signal: controller.signal});
      const other = pool.execute(() => new Promise(resolve => setTimeout(resolve, 60, 'other')));
      const behind = pool.execute(() => 'behind');
      const reason = new Error('enough');
      controller.abort(reason);
      expect(await failureOf(loop)).to.include({name: 'AbortError', cause: reason});
      expect(await Promise.all([other, behind])).to.eql(['other', 'behind']);
    });

    it('in the queue does not stop later tasks', async () => {
      const busy = [1, 2].map(() => pool.execute(() => new Promise(resolve => setTimeout(resolve, 40))));
      const [first, second] = [pool.execute(() => 1), pool.execute(() => 2)];
      first.cancel('not needed');
      expect((await failureOf(first)).cause).to.equal('not needed');
      expect(await second).to.equal(2);
      await Promise.all(busy);
    });

    it('lets a task that listens end within the grace', async () => {
      const controller = new AbortController();
      const {lostThreads} = pool;
      const run = defer({pool, signal: controller.signal, grace: 60_000}, ((context: {signal: AbortSignal; progress(value: unknown): void}) => {
        context.progress('begun');
        return new Promise(resolve => context.signal.addEventListener('abort', () => resolve(1)));
      }) as never);
      await new Promise<unknown>(resolve => run.onProgress(resolve));
      controller.abort();
      expect(await failureOf(run)).to.have.property('name', 'AbortError');
      await pool.drain();
      expect(pool.lostThreads).to.equal(lostThreads);
    });

    it('by time-out is one of the run, or one of the wait', async () => {
      const late = pool.execute(() => { for (;;); }, {timeout: 40});
      expect(await failureOf(late)).to.include({name: 'TimeoutError', code: 'ERR_TASK_TIMEOUT'});
      const busy = [1, 2].map(() => pool.execute(() => { for (;;); }, {timeout: 100}).catch(() => {}));
      expect(await failureOf(pool.execute(() => 1, {queueTimeout: 20}))).to.have.property('code', 'ERR_TASK_QUEUE_TIMEOUT');
      await Promise.all(busy);
    });

    it('whose signal is aborted starts no thread', async () => {
      const fresh = new WorkerPool({size: 1});
      expect((await failureOf(fresh.execute(() => 1, {signal: AbortSignal.abort('before')}))).cause).to.equal('before');
      expect(fresh.threads).to.equal(0);
    });
  });

  describe('a pool', () => {
    it('copies arguments at the call', async () => {
      const argument = {value: 'then'};
      const runs = Array.from({length: 20}, () => pool.run((x: {value: string}) => x.value, [argument]));
      argument.value = 'later';
      expect(new Set(await Promise.all(runs))).to.eql(new Set(['then']));
    });

    it('runs as many tasks at once as it has threads, when they wait for each other', async () => {
      const shared = new Int32Array(new SharedArrayBuffer(4));
      const meet = (counter: Int32Array): string => {
        Atomics.add(counter, 0, 1);
        while (Atomics.load(counter, 0) < 2);
        return 'met';
      };
      expect(await Promise.all([pool.run(meet, [shared]), pool.run(meet, [shared])])).to.eql(['met', 'met']);
    });

    it('lets no task wait behind a long one while another thread is idle', async () => {
      const long = pool.execute(() => { for (;;); }, {timeout: 3_000}).catch(() => 'ended');
      const short = await Promise.all(Array.from({length: 30}, (_item, index) => pool.run((x: number) => x, [index])));
      expect(short).to.have.length(30);
      expect(pool.activeWorkers).to.equal(1);
      expect(await long).to.equal('ended');
    });

    it('maps in order, and pulls items on demand', async () => {
      let pulled = 0;
      async function* numbers() { for (let n = 0; n < 500; n++) { pulled++; yield n; } }
      expect(await pool.map(numbers(), (x: number) => x * 2)).to.eql(Array.from({length: 500}, (_item, n) => n * 2));
      expect(pulled).to.equal(500);
      const error = await failureOf(pool.map([1, 2, 3, 4], (x: number) => { if (x === 3) throw new Error('three'); }, {chunk: 2}));
      expect(error).to.include({message: 'three', index: 2});
      expect(await pool.map([1, 2], (x: number) => { if (x === 2) throw 'two'; return x; }, {settle: true}))
        .to.eql([{status: 'fulfilled', value: 1}, {status: 'rejected', reason: 'two'}]);
    });

    it('returns the input of map when an item fails, also while its next value is awaited', async () => {
      for (const isStuck of [false, true]) {
        const calls: string[] = [];
        let given = 0;
        const input = {
          [Symbol.asyncIterator]() { return this; },
          async next() {
            if (given === 2 && isStuck) await new Promise(() => {});
            return {value: given++};
          },
          async return() { calls.push('return'); return {done: true as const, value: undefined}; }
        };
        const failed = failureOf(pool.map(input, (x: number) => { if (x === 1) throw new Error('one'); return x; }, {chunk: 1}));
        expect(await failed).to.include({message: 'one', index: 1});
        expect(calls, `stuck: ${isStuck}`).to.eql(['return']);
      }
    });

    it('streams the results of the promises of an array', async () => {
      const values: unknown[] = [];
      for await (const value of pool.stream(() => [Promise.resolve(1), 2], [])) values.push(value);
      expect(values).to.eql([1, 2]);
    });

    it('streams with back-pressure, and ends a generator that is left', async () => {
      const seen: number[] = [];
      for await (const value of pool.stream(function* () { for (let n = 0; ; n++) yield n; }, [])) {
        seen.push(value as number);
        if (seen.length === 40) break;
      }
      expect(seen).to.eql(Array.from({length: 40}, (_item, n) => n));
      await pool.drain();
    });

    it('lets a generator run 16 values ahead, runs its finally when the loop is left, and ends its thread after the grace', async () => {
      const seen = new Int32Array(new SharedArrayBuffer(8));
      const count = function* (shared: Int32Array): Generator<number> {
        try {
          for (let n = 1; ; n++) {
            Atomics.store(shared, 0, n);
            yield n;
          }
        } finally {
          Atomics.store(shared, 1, 1);
        }
      };
      const stream = pool.stream(count, [seen]);
      for (let taken = 0; taken < 3; taken++) {
        while (Atomics.load(seen, 0) < 16 + taken) await turn();
        for (let n = 0; n < 20; n++) await turn();
        expect(Atomics.load(seen, 0)).to.be.at.most(17 + taken);
        expect(await stream.next()).to.include({value: taken + 1});
      }
      expect(Atomics.load(seen, 1)).to.equal(0);
      await stream.return!();
      expect(Atomics.load(seen, 1)).to.equal(1);

      const lost = pool.failedTasks;
      const deaf = async function* (): AsyncGenerator<number> { try { yield 1; yield 2; } finally { await new Promise(() => {}); } };
      for await (const value of pool.stream(deaf, [], {grace: 5})) if (value) break;
      await pool.drain();
      expect(pool.failedTasks).to.equal(lost + 1);
      expect(pool.activeWorkers).to.equal(0);
    });

    it('keeps tasks of one key in one thread', async () => {
      const where = ((_x: number, context: {thread: number}) => context.thread) as unknown as (x: number) => number;
      const found = await Promise.all(Array.from({length: 10}, (_item, n) => pool.run(where, [n])));
      expect(found).to.have.length(10);
      await pool.run(where, [0], {affinity: 'key'});
      const keyed = await Promise.all(Array.from({length: 10}, (_item, n) => pool.run(where, [n], {affinity: 'key'})));
      expect(new Set(keyed)).to.have.property('size', 1);
    });

    it('reports progress before the result, with the last value', async () => {
      const values: unknown[] = [];
      const count = ((context: {progress(value: number): void}) => { for (let n = 1; n <= 1000; n++) context.progress(n); }) as never;
      await pool.execute(count, {onProgress: value => values.push(value)});
      expect(values.at(-1)).to.equal(1000);
      expect(values.length).to.be.below(100);
    });

    it('refuses more than its limit, and after its end', async () => {
      const small = new WorkerPool({size: 1, maxTasks: 1});
      const first = small.execute(() => 1);
      expect(await failureOf(small.execute(() => 2))).to.have.property('code', 'ERR_TASK_QUEUE_FULL');
      expect(await first).to.equal(1);
      const running = small.execute(() => { for (;;); });
      const ended = failureOf(running);
      await small.terminate();
      expect(await ended).to.have.property('code', 'ERR_TASK_TERMINATED');
      expect(await failureOf(small.execute(() => 1))).to.have.property('code', 'ERR_TASK_TERMINATED');
      expect(small.threads).to.equal(0);
      expect(() => new WorkerPool({size: 65})).to.throw(RangeError);
    });
  });

  describe('structured concurrency', () => {
    it('returns all results, or the first error when all have settled', async () => {
      expect(await concurrent([() => 1, async () => 'two', pool.task((x: number) => x, 3)])).to.eql([1, 'two', 3]);
      let isOver = false;
      const slow = (signal: AbortSignal) => new Promise<void>(resolve => signal.addEventListener('abort', () => setTimeout(() => {
        isOver = true;
        resolve();
      }, 10)));
      expect(await failureOf(concurrent([slow, () => { throw new Error('first'); }]))).to.have.property('message', 'first');
      expect(isOver).to.equal(true);
      expect(await concurrent([])).to.eql([]);
    });

    it('ends the losers of a race', async () => {
      expect(await race([pool.task(() => { for (;;); }), () => 'won'])).to.equal('won');
      expect(await race([() => { throw new Error('no'); }, async () => 'yes'], {first: 'fulfilled'})).to.equal('yes');
      expect(await failureOf(race([]))).to.be.instanceOf(RangeError);
      await pool.drain();
      expect(pool.activeWorkers).to.equal(0);
    });

    it('limits the time of a job', async () => {
      expect(await timeout(async () => 1, 1_000)).to.equal(1);
      expect(await failureOf(timeout(pool.task(() => { for (;;); }), 30))).to.have.property('name', 'TimeoutError');
    });

    it('sends items through stages in order, and returns the input when it is left', async () => {
      let returned = 0;
      function* input() { try { for (let n = 1; ; n++) yield n; } finally { returned++; } }
      const seen: unknown[] = [];
      for await (const value of pipeline(input(), [(x: number) => x + 1, {run: (x: number) => x * 2, pool, parallelism: 2}])) {
        seen.push(value);
        if (seen.length === 5) break;
      }
      expect(seen).to.eql([4, 6, 8, 10, 12]);
      expect(returned).to.equal(1);
    });

    it('delivers the items before the one that fails', async () => {
      const seen: unknown[] = [];
      const run = async () => {
        for await (const value of pipeline([1, 2, 3, 4], [(x: number) => { if (x === 3) throw new Error('three'); return x; }], {parallelism: 4})) seen.push(value);
      };
      expect(await failureOf(run())).to.have.property('message', 'three');
      expect(seen).to.eql([1, 2]);
    });
  });
});
