import {expect} from 'chai';
import {once} from 'node:events';
import {MessageChannel} from 'node:worker_threads';
import {defer, isInThread, type PoolOptions, task, type TaskContext, WorkerPool} from '../../lib/tasks-node.js';
import {until} from '../waiting/until.js';
import {failureOf} from './failure.js';

const script = new URL('./script.mjs', import.meta.url);
const threadOf = ((context: TaskContext) => context.thread) as unknown as () => number;

/** A task that runs until the test releases it. */
function gate(): {shared: Int32Array; wait(shared: Int32Array): void; open(): void} {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  return {
    shared,
    wait: shared => { Atomics.wait(shared, 0, 0); },
    open: () => {
      Atomics.store(shared, 0, 1);
      Atomics.notify(shared, 0);
    }
  };
}

describe('the options of tasks and pools', function () {
  this.timeout(120_000);
  const pools: WorkerPool[] = [];
  const poolOf = (first: URL | PoolOptions, second?: PoolOptions): WorkerPool => {
    const pool = first instanceof URL ? new WorkerPool(first, second) : new WorkerPool(first);
    pools.push(pool);
    return pool;
  };
  const occupy = async (pool: WorkerPool): Promise<{open(): void; done: PromiseLike<void>}> => {
    const {shared, wait, open} = gate();
    const done = pool.run(wait, [shared]);
    await until('the task runs', () => done.state === 'running');
    return {open, done};
  };
  afterEach('end the threads', () => Promise.all(pools.splice(0).map(pool => pool.terminate())));

  describe('of a task', () => {
    it('transfer: moves arguments, from the moment that they are sent', async () => {
      const pool = poolOf({size: 1});
      await pool.warmUp();
      const buffer = new ArrayBuffer(16);
      expect(await pool.run((given: ArrayBuffer) => given.byteLength, [buffer], {transfer: [buffer]})).to.equal(16);
      expect(buffer.byteLength).to.equal(0);
    });

    it('transfer: leaves objects usable that were never sent', async () => {
      const pool = poolOf({size: 1});
      const {open, done} = await occupy(pool);
      const buffer = new ArrayBuffer(16);
      const waiting = pool.run((given: ArrayBuffer) => given.byteLength, [buffer], {transfer: [buffer]});
      waiting.cancel();
      expect(await failureOf(waiting)).to.have.property('name', 'AbortError');
      expect(buffer.byteLength).to.equal(16);
      open();
      await done;
    });

    it('transferResult: transfers the transferables of a result; without it, the thread keeps a copy', async () => {
      const pool = poolOf({size: 1});
      const make = () => {
        const holder = globalThis as unknown as {made: Uint8Array};
        holder.made = new Uint8Array(32);
        return {rows: [holder.made]};
      };
      const left = () => (globalThis as unknown as {made: Uint8Array}).made.byteLength;
      expect((await pool.execute(make)).rows[0]!.byteLength).to.equal(32);
      expect(await pool.execute(left)).to.equal(32);
      expect((await pool.execute(make, {transferResult: true})).rows[0]!.byteLength).to.equal(32);
      expect(await pool.execute(left)).to.equal(0);
    });

    it('priority: higher ones run first, equal ones in order', async () => {
      const pool = poolOf({size: 1});
      const {open} = await occupy(pool);
      const order: number[] = [];
      const note = (value: number): void => void order.push(value);
      // These are more tasks than the pool sends to a thread ahead of time.
      const runs = Array.from({length: 12}, (_item, index) => pool.run((x: number) => x, [index], {priority: 5}).then(note));
      for (const [value, priority] of [[100, -1], [101, 0], [102, 1], [103, 1], [104, 9]] as const) runs.push(pool.run((x: number) => x, [value], {priority}).then(note));
      open();
      await Promise.all(runs);
      expect(order.filter(value => value < 100)).to.eql(Array.from({length: 12}, (_item, index) => index));
      expect(order.filter(value => value >= 100)).to.eql([104, 102, 103, 101, 100]);
    });

    it('affinity: one key, one thread, also while others are idle; when it dies, another', async () => {
      const pool = poolOf({size: 2});
      await pool.warmUp();
      const first = await pool.execute(threadOf, {affinity: 'a'});
      const {open, done} = await (async () => {
        const {shared, wait, open} = gate();
        return {open, done: pool.run(wait, [shared], {affinity: 'a'})};
      })();
      const behind = Array.from({length: 3}, () => pool.execute(threadOf, {affinity: 'a'}));
      const other = await pool.execute(threadOf);
      expect(other).not.to.equal(first);
      open();
      await done;
      expect(await Promise.all(behind)).to.eql([first, first, first]);
      await failureOf(pool.execute(() => process.exit(), {affinity: 'a'}));
      expect(await pool.execute(threadOf, {affinity: 'a'})).not.to.equal(first);
    });

    it('retry: after lost threads only, so many times, and never with transfer', async () => {
      const pool = poolOf({size: 1});
      const failing = ((context: TaskContext) => { if (context.attempt < 2) process.exit(1); return context.attempt; }) as unknown as () => number;
      expect(await failureOf(pool.execute(failing, {retry: 1}))).to.have.property('code', 'ERR_TASK_THREAD_LOST');
      expect(await pool.execute(failing, {retry: 2})).to.equal(2);
      const counter = new Int32Array(new SharedArrayBuffer(4));
      const throwing = (count: Int32Array) => { Atomics.add(count, 0, 1); throw new Error('no'); };
      await failureOf(pool.run(throwing, [counter], {retry: 5}));
      expect(counter[0]).to.equal(1);
      const buffer = new ArrayBuffer(1);
      expect(() => pool.run((x: ArrayBuffer) => x, [buffer], {retry: 1, transfer: [buffer]})).to.throw(RangeError);
    });

    it('onProgress: reports the last value of each 16 ms, and the very last value before the result', async () => {
      const pool = poolOf({size: 1});
      const heard: number[] = [];
      const run = pool.execute(((context: TaskContext) => { for (let n = 1; n <= 1_000; n++) context.progress(n); return 'done'; }) as unknown as () => string, {
        onProgress: value => heard.push(value)
      });
      let atResult: number[] = [];
      await run.then(() => { atResult = [...heard]; });
      expect(atResult.at(-1)).to.equal(1_000);
      expect(atResult.length).to.be.below(200);
    });

    it('check: false runs a function with free variables, which are ReferenceErrors in the thread', async () => {
      const pool = poolOf({size: 1});
      const outer = 1;
      expect(await failureOf(pool.execute(() => outer, {check: false}))).to.be.instanceOf(ReferenceError);
    });

    it('name: appears in messages and stacks', async () => {
      const pool = poolOf({size: 1});
      const error = await failureOf(pool.execute(() => { throw new Error('no'); }, {name: 'import of rows'}));
      expect(error.stack).to.match(/at import of rows \(thread \d+\)$/);
      expect((await failureOf(pool.execute(() => () => 1, {name: 'x1'}))).message).to.contain('"x1"');
    });

    it('of the wrong type or out of range are refused at once', () => {
      const pool = poolOf({size: 1});
      for (const name of ['timeout', 'queueTimeout', 'grace', 'retry']) {
        expect(() => pool.execute(() => 1, {[name]: -1}), name).to.throw(RangeError, name);
        expect(() => pool.execute(() => 1, {[name]: NaN}), name).to.throw(TypeError, name);
      }
      expect(() => pool.execute(() => 1, {priority: 'high' as never})).to.throw(TypeError, 'priority');
      for (const size of [0, 65, 1.5]) expect(() => new WorkerPool({size})).to.throw(RangeError, 'size');
      for (const name of ['minSize', 'maxTasks', 'idleTimeout', 'timeout', 'grace']) expect(() => new WorkerPool({[name]: -1}), name).to.throw(RangeError, name);
    });

    it('of a pool, of the wrong type or out of range, are refused at once', () => {
      expect(() => new WorkerPool({whenFull: 'drop' as never})).to.throw(TypeError, "whenFull: 'reject' or 'wait', not drop");
      expect(() => new WorkerPool({recycleAfter: 5 as never})).to.throw(TypeError, 'recycleAfter: options are an object, not 5');
      expect(() => new WorkerPool(4 as never)).to.throw(TypeError, 'WorkerPool: options are an object, not 4');
      expect(() => poolOf({size: 1}).execute(() => 1, 100 as never)).to.throw(TypeError, 'a task: options are an object, not 100');
      expect(() => new WorkerPool({resourceLimits: {maxOldGenerationSizeMB: 16} as never})).to.throw(TypeError, 'Did you mean maxOldGenerationSizeMb?');
      expect(() => new WorkerPool({resourceLimits: {stackSizeMb: NaN}})).to.throw(TypeError, 'stackSizeMb');
      for (const name of ['minSize', 'maxTasks', 'idleTimeout', 'timeout', 'grace']) {
        for (const value of [NaN, '1', null]) expect(() => new WorkerPool({[name]: value as never}), name).to.throw(TypeError, name);
      }
      for (const size of [NaN, '2', null]) expect(() => new WorkerPool({size: size as never})).to.throw(RangeError, 'size');
      const none = Object.fromEntries(['size', 'minSize', 'maxTasks', 'whenFull', 'idleTimeout', 'recycleAfter', 'timeout', 'grace', 'resourceLimits', 'data'].map(name => [name, undefined]));
      expect(new WorkerPool(none).size).to.equal(new WorkerPool().size);
    });

    it('that do not exist are refused, with the name that was meant', async () => {
      expect(() => new WorkerPool({sizes: 3} as never)).to.throw(TypeError, 'WorkerPool: there is no option sizes. Did you mean size?');
      expect(() => new WorkerPool(undefined, {sizes: 3} as never)).to.throw(TypeError, 'Did you mean size?');
      const pool = poolOf({size: 1});
      const says = 'there is no option timeOut. Did you mean timeout?';
      expect(() => pool.run(() => 1, [], {timeOut: 1} as never)).to.throw(TypeError, says);
      expect(() => pool.execute(() => 1, {timeOut: 1} as never)).to.throw(TypeError, says);
      expect(() => pool.stream(() => [1], [], {timeOut: 1} as never)).to.throw(TypeError, says);
      expect(() => defer({pool, timeOut: 1} as never, () => 1)).to.throw(TypeError, says);
      expect((await failureOf(pool.map([1], (x: number) => x, {timeOut: 1} as never))).message).to.contain(says);
    });

    it('pool, of defer: selects the pool', async () => {
      const pool = poolOf({size: 1});
      expect(await defer({pool, name: 'x'}, (a: number) => a + 1, 1)).to.equal(2);
      expect(pool.completedTasks).to.equal(1);
    });
  });

  describe('of a pool', () => {
    it('size, and resize: more threads at once, fewer as they become idle', async () => {
      const pool = poolOf({size: 1});
      const two = () => 2;
      // The pool sends a known function to the busy thread ahead of time.
      await pool.execute(two);
      const first = await occupy(pool);
      const second = pool.execute(two);
      await pool.resize(2);
      expect(await second).to.equal(2);
      expect(pool).to.include({size: 2, threads: 2, activeWorkers: 1});
      await pool.resize(1);
      expect(pool.threads).to.be.at.most(2);
      first.open();
      await first.done;
      await until('one thread is left', () => pool.threads === 1);
      expect(await pool.execute(() => 3)).to.equal(3);
      expect((await failureOf(pool.resize(0)))).to.be.instanceOf(RangeError);
    });

    it('idleTimeout and minSize: idle threads end, down to the minimum', async () => {
      const pool = poolOf({size: 3, minSize: 1, idleTimeout: 1});
      await Promise.all(Array.from({length: 3}, () => pool.execute(() => 1)));
      await until('one thread is left', () => pool.threads === 1);
      const none = poolOf({size: 2, idleTimeout: 1});
      await none.execute(() => 1);
      await until('no thread is left', () => none.threads === 0);
      expect(await none.execute(() => 2)).to.equal(2);
      const never = poolOf({size: 1, idleTimeout: Infinity});
      await never.execute(() => 1);
      expect(never.threads).to.equal(1);
    });

    it('maxTasks: one more is refused', async () => {
      const pool = poolOf({size: 1, maxTasks: 2});
      const {open, done} = await occupy(pool);
      const second = pool.execute(() => 2);
      const error = await failureOf(pool.execute(() => 3));
      expect(error).to.include({code: 'ERR_TASK_QUEUE_FULL', name: 'TaskError'});
      open();
      await done;
      expect(await second).to.equal(2);
      expect(await pool.execute(() => 4)).to.equal(4);
    });

    it("whenFull: 'wait' keeps tasks outside of the queue until there is room, with the arguments of the call", async () => {
      const pool = poolOf({size: 1, maxTasks: 1, whenFull: 'wait'});
      const {open, done} = await occupy(pool);
      const argument = {value: 1};
      const waiting = [1, 2, 3].map(() => pool.run((x: {value: number}) => x.value, [argument]));
      const late = failureOf(pool.execute(() => 1, {queueTimeout: 10}));
      const left = pool.execute(() => 1);
      const leftFailure = failureOf(left);
      argument.value = 2;
      left.cancel();
      expect(pool.queuedTasks).to.equal(4);
      expect(await late).to.have.property('code', 'ERR_TASK_QUEUE_TIMEOUT');
      expect(await leftFailure).to.have.property('name', 'AbortError');
      open();
      await done;
      expect(await Promise.all(waiting)).to.eql([1, 1, 1]);
      await pool.drain();
      expect(pool.queuedTasks).to.equal(0);
    });

    it("whenFull: 'wait' delays map: it pulls no items while the pool is full", async () => {
      const pool = poolOf({size: 2, maxTasks: 2, whenFull: 'wait'});
      const gates = [await occupy(pool), await occupy(pool)];
      let pulled = 0;
      function* items() { for (; pulled < 20;) yield pulled++; }
      const mapped = pool.map(items(), (x: number) => x, {chunk: 1});
      const turns = new MessageChannel();
      for (let turn = 0; turn < 20; turn++) {
        turns.port1.postMessage(0);
        await once(turns.port2, 'message');
      }
      turns.port1.close();
      expect(pulled).to.equal(0);
      for (const {open} of gates) open();
      expect(await mapped).to.have.length(20);
    });

    it('recycleAfter.tasks: a thread is replaced after so many tasks', async () => {
      const pool = poolOf({size: 1, recycleAfter: {tasks: 3}});
      const threads = [];
      for (let n = 0; n < 7; n++) threads.push(await pool.execute(threadOf));
      const [a, , , b, , , c] = threads;
      expect(threads).to.eql([a, a, a, b, b, b, c]);
      expect(new Set(threads).size).to.equal(3);
      expect(pool.lostThreads).to.equal(0);
    });

    it('recycleAfter.heapMB: a thread that keeps too much is replaced after its task', async () => {
      const pool = poolOf({size: 1, recycleAfter: {heapMB: 60}});
      const keep = ((count: number, context: TaskContext) => {
        (globalThis as {kept?: unknown}).kept = Array.from({length: count}, () => ({}));
        return context.thread;
      }) as unknown as (count: number) => number;
      const first = await pool.run(keep, [1]);
      expect(await pool.run(keep, [1])).to.equal(first);
      expect(await pool.run(keep, [3_000_000])).to.equal(first);
      expect(await pool.run(keep, [1])).not.to.equal(first);
    });

    it('timeout and grace: apply to all tasks without options of their own', async () => {
      const pool = poolOf({size: 1, timeout: 30, grace: 5_000});
      const listening = ((context: TaskContext) => new Promise(resolve => context.signal.addEventListener('abort', () => resolve(1)))) as unknown as () => number;
      expect(await failureOf(pool.execute(listening))).to.have.property('code', 'ERR_TASK_TIMEOUT');
      const thread = await pool.execute(threadOf, {timeout: 10_000});
      expect(await failureOf(pool.execute(listening))).to.have.property('code', 'ERR_TASK_TIMEOUT');
      expect(await pool.execute(threadOf, {timeout: 10_000})).to.equal(thread);
    });

    it('data: is threadData in each thread; the script exposes functions and can detect that it is in a thread', async () => {
      const pool = poolOf(script, {size: 1, data: {city: 'Ulm'}});
      expect(await pool.run(task<[], unknown>('data'), [])).to.eql({city: 'Ulm'});
      expect(await pool.run(task<[], boolean>('isInThread'), [])).to.equal(true);
      expect(isInThread()).to.equal(false);
    });

    it('transfer(), in a thread, transfers the marked parts of a result', async () => {
      const pool = poolOf(script, {size: 1});
      expect((await pool.run(task<[], {buffer: ArrayBuffer}>('marked'), [])).buffer.byteLength).to.equal(8);
      expect(await pool.run(task<[], number>('keptBytes'), [])).to.equal(0);
    });

    it('onEnd() is called before a thread ends in peace', async () => {
      const pool = poolOf(script, {size: 1});
      const {port1, port2} = new MessageChannel();
      const heard = once(port1, 'message');
      await pool.run(task<[unknown], void>('tellEnd'), [port2], {transfer: [port2 as never]});
      await pool.close();
      expect((await heard)[0]).to.equal('ended');
      port1.close();
    });

    it('warmUp: starts threads before they are needed', async () => {
      const pool = poolOf({size: 2});
      await pool.warmUp(1);
      expect(pool.threads).to.equal(1);
      await pool.warmUp();
      expect(pool.threads).to.equal(2);
    });
  });

  describe('the end of a pool', () => {
    it('by drain: running and waiting tasks end, and new tasks are accepted', async () => {
      const pool = poolOf({size: 2});
      let done = 0;
      for (let n = 0; n < 20; n++) void pool.run((x: number) => x, [n]).then(() => done++);
      await pool.drain();
      expect(done).to.equal(20);
      expect(pool).to.include({activeWorkers: 0, queuedTasks: 0, completedTasks: 20, failedTasks: 0});
      expect(await pool.execute(() => 1)).to.equal(1);
    });

    it('by close: no new tasks, those that were taken run, the threads end', async () => {
      const pool = poolOf({size: 2});
      const runs = Array.from({length: 10}, (_item, n) => pool.run((x: number) => x, [n]));
      const closed = pool.close();
      expect(await failureOf(pool.execute(() => 1))).to.have.property('code', 'ERR_TASK_TERMINATED');
      expect(await Promise.all(runs)).to.have.length(10);
      await closed;
      expect(pool.threads).to.equal(0);
      expect(pool.failedTasks).to.equal(1);
    });

    it('by terminate: all reject within the turn, also those that wait for room', async () => {
      const pool = poolOf({size: 1, maxTasks: 2, whenFull: 'wait'});
      await pool.warmUp();
      const runs = [1, 2, 3].map(() => pool.execute(() => { for (;;); }));
      const ended = pool.terminate();
      expect(runs.map(({state}) => state)).to.eql(['rejected', 'rejected', 'rejected']);
      for (const run of runs) expect(await failureOf(run)).to.have.property('code', 'ERR_TASK_TERMINATED');
      await ended;
      expect(pool.threads).to.equal(0);
    });

    it('by await using, which closes it', async () => {
      let kept: WorkerPool;
      {
        await using pool = new WorkerPool({size: 1});
        kept = pool;
        await pool.execute(() => 1);
      }
      expect(kept.threads).to.equal(0);
      expect(await failureOf(kept.execute(() => 1))).to.have.property('code', 'ERR_TASK_TERMINATED');
    });
  });
});
