import {expect} from 'chai';
import {execFile} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {Deferred, task, WorkerPool} from '../../lib/tasks-node.js';
import {failureOf} from './failure.js';

const dataScript = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;

describe('threads that misbehave', function () {
  this.timeout(120_000);
  let pool: WorkerPool;
  beforeEach(() => { pool = new WorkerPool({size: 1}); });
  afterEach(() => pool.terminate());

  it('post any messages without effect on tasks', async () => {
    const run = pool.execute(() => {
      const {parentPort} = require('node:worker_threads') as {parentPort: {postMessage(value: unknown): void}};
      for (const $ of ['ready', 'done', 'fail', 'progress', 'next', 'error', 'failed', 'ended', 'other', 1]) {
        for (const more of [{}, {id: 1}, {id: 1, values: 5, ms: 0}, {id: -1, values: [], ms: 1}, {id: 1, error: 'x', index: 0}, {id: 1, values: [1, 2], ms: 0}, {globals: 1}]) {
          if ($ !== 'ended') parentPort.postMessage({$, ...more});
        }
      }
      for (const value of [null, undefined, 1, 'x', [], {}, {$: null}]) parentPort.postMessage(value);
      return 'right';
    });
    expect(await run).to.equal('right');
    expect(await pool.execute(() => 'usable')).to.equal('usable');
  });

  it('end before they are ready, repeatedly: the pool gives up with an error', async () => {
    const broken = new WorkerPool(dataScript('process.exit(1)'), {size: 2});
    const runs = await Promise.all([1, 2, 3].map(() => failureOf(broken.execute(() => 1))));
    for (const error of runs) expect(error).to.have.property('code', 'ERR_TASK_NO_THREADS');
    expect(broken.threads).to.equal(0);
    await broken.terminate();
  });

  it('throw when they start: the error has the cause', async () => {
    const broken = new WorkerPool(dataScript('throw new RangeError("at the start")'), {size: 1});
    const error = await failureOf(broken.execute(() => 1));
    expect(error).to.have.property('code', 'ERR_TASK_NO_THREADS');
    expect(error.cause).to.be.instanceOf(RangeError).with.property('message', 'at the start');
    await broken.terminate();
  });

  it('leave an unhandled rejection: it is reported, and affects no other task', async () => {
    const heard = new Promise<unknown>(resolve => { pool.onerror = resolve; });
    await pool.execute(() => { void Promise.reject(new Error('left behind')); });
    const others = await Promise.all(Array.from({length: 5}, (_item, n) => pool.run((x: number) => x, [n])));
    expect(others).to.eql([0, 1, 2, 3, 4]);
    expect(await heard).to.have.property('message', 'left behind');
  });

  it('exit while tasks wait in them: these run in other threads', async () => {
    const lost = failureOf(pool.execute(() => process.exit(7)));
    const waiting = Array.from({length: 10}, (_item, n) => pool.run((x: number) => x, [n]));
    expect(await lost).to.include({code: 'ERR_TASK_THREAD_LOST', exitCode: 7});
    expect(await Promise.all(waiting)).to.eql([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(pool.lostThreads).to.equal(1);
  });

  it('keep a function that was used, by its text, and the 201st replaces the oldest', async () => {
    const functions = Array.from({length: 250}, (_item, n) => new Function(`return () => ${n}`)() as () => number);
    for (let round = 0; round < 2; round++) {
      const values = [];
      for (const fn of functions) values.push(await pool.execute(fn));
      expect(values).to.eql(functions.map((_fn, n) => n));
    }
  });

  it('run functions of this realm only: the same text is the same function, a closure is refused each time', async () => {
    const outside = 5;
    const fn = () => outside;
    for (let n = 0; n < 2; n++) expect(await failureOf(pool.execute(fn))).to.include({code: 'ERR_TASK_CLOSURE'});
  });

  it('report helpers that build tools put into functions', async () => {
    // The helpers that TypeScript and Babel insert when they compile async functions for old targets, and the counters of istanbul.
    for (const helper of ['__awaiter', '_asyncToGenerator', 'cov_1a2b', '__vi_import_0__', 'math_js__WEBPACK_IMPORTED_MODULE_0__']) {
      const error = await failureOf(pool.execute(new Function(`return () => ${helper}()`)() as () => unknown));
      expect(error, helper).to.include({code: 'ERR_TASK_CLOSURE'});
      expect(error.message).to.contain('made by your build');
    }
    // Threads have the helper of esbuild's `keepNames`.
    expect(await pool.execute(new Function('return () => __name(() => 1, "x").name')() as () => string)).to.equal('x');
  });

  it('do not keep a script of Node running that closes no pool', async () => {
    const {stdout} = await promisify(execFile)(process.execPath, [fileURLToPath(new URL('idle-script.mjs', import.meta.url))], {timeout: 50_000});
    expect(stdout.trim()).to.equal('2 2,4,6');
  });

  it('list the exports of a module when one is missing', async () => {
    const error = await failureOf(pool.execute(task<any>(dataScript('export const a = () => 1, b = 2'), 'c') as never));
    expect(error).to.include({code: 'ERR_TASK_MODULE'});
    expect(error.message).to.match(/no function "c"\. There are: a, b$/);
  });

  it('get no request for values that are not functions: limits of the text', () => {
    const long = new Function(`return () => "${'x'.repeat(2 ** 20)}"`)() as () => string;
    expect(() => new Deferred(long)).to.throw(RangeError, '1048576');
  });
});
