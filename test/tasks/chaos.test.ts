import {expect} from 'chai';
import {getEventListeners} from 'node:events';
import {turn} from '../waiting/turn.js';
import {WorkerPool} from '../../lib/tasks-node.js';

/** `CHAOS=10000` runs the complete test, which takes half a minute. */
const COUNT = Number(process.env.CHAOS ?? 1_000);
const timers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;

describe(`a pool of 4 threads with ${COUNT} tasks, some of which go wrong`, function () {
  this.timeout(600_000);

  it('settles each once and rightly, and is usable afterwards', async () => {
    const pool = new WorkerPool({size: 4});
    // Mocha sets its own timer in the next turn.
    await turn();
    const timersBefore = timers();
    const signals: AbortSignal[] = [];
    const wrong: string[] = [];
    let settled = 0;
    const expectCode = (code: string, promise: PromiseLike<unknown>) => promise.then(
      value => { settled++; wrong.push(`${code}: ${String(value)}`); },
      (error: {code?: unknown; name?: string}) => { settled++; if (error.code !== code && error.name !== code) wrong.push(`${code}: ${String(error)}`); }
    );
    const runs = Array.from({length: COUNT}, (_item, index) => {
      const kind = index * 7919 % 100;
      if (kind < 2) return expectCode('ERR_TASK_THREAD_LOST', pool.execute(() => process.exit(1)));
      if (kind < 4) return expectCode('ERR_TASK_TIMEOUT', pool.execute(() => { for (;;); }, {timeout: 20}));
      if (kind < 5) return expectCode('ERR_TASK_NOT_CLONEABLE', pool.execute(() => () => 1));
      if (kind < 10) {
        const controller = new AbortController();
        signals.push(controller.signal);
        const run = expectCode('AbortError', pool.execute(() => { for (;;); }, {signal: controller.signal}));
        setTimeout(() => controller.abort(), index % 50);
        return run;
      }
      return pool.run((x: number) => {
        for (let n = 0; n < x % 1000 * 100; n++);
        return x;
      }, [index]).then(value => { settled++; if (value !== index) wrong.push(`${index}: ${value}`); }, (error: unknown) => { settled++; wrong.push(`${index}: ${String(error)}`); });
    });
    await Promise.all(runs);
    await pool.drain();
    expect(wrong).to.eql([]);
    expect(settled).to.equal(COUNT);
    expect(pool.activeWorkers).to.equal(0);
    expect(pool.queuedTasks).to.equal(0);
    const threads = await Promise.all(Array.from({length: 4}, () => pool.execute(() => new Promise(resolve => setTimeout(resolve, 20, 'usable')))));
    expect(threads).to.eql(['usable', 'usable', 'usable', 'usable']);
    await pool.terminate();
    expect(pool.threads).to.equal(0);
    expect(signals.flatMap(signal => getEventListeners(signal, 'abort'))).to.eql([]);
    expect(timers()).to.be.at.most(timersBefore);
  });
});
