import {expect} from 'chai';
import {setImmediate} from 'node:timers/promises';
import {WAITS} from '../../lib/tasks/messages.js';
import {PendingChecks} from '../../lib/tasks/pending-checks.js';
import {sourceOf} from '../../lib/tasks/source.js';
import {outerNames} from '../../lib/tasks/source-check.js';
import {Submission} from '../../lib/tasks/submission.js';
import {until} from '../waiting/until.js';
import {fakeScheduler, realThreads} from './fake-threads.js';

const unchecked = {check: false};
/** These are more tasks than the pool sends to a thread ahead of time. */
const many = Array.from({length: 12}, (_item, index) => index);

describe('the order of tasks', () => {
  afterEach('give the other tests their threads', realThreads);

  it('of one function is that of their submission, also while its check ends', async () => {
    const {threads, submit} = fakeScheduler(1);
    const fn = (x: number) => Math.abs(x);
    await outerNames(sourceOf(fn));
    let count = 0;
    const next = (): void => void submit(count++, {}, fn);
    next();
    next();
    threads[0]!.ready(['Math']);
    // Acts in every microtask, and so also between the end of the check and what follows from it.
    for (let turn = 0; turn < 12; turn++) {
      next();
      await null;
    }
    expect(threads[0]!.runAll()).to.eql(Array.from({length: count}, (_item, index) => index));
  });

  it('stays when the text of their function is checked: once, and they leave together', async () => {
    const released: number[][] = [];
    const checks = new PendingChecks({release: tasks => released.push([...tasks].map(({id}) => id)), threadWanted() {}});
    const source = sourceOf((x: number) => x - 0.5);
    const tasks = many.map(() => new Submission([[1]], {options: {}, name: 'f', source}, {settled() {}, withdraw() {}}));
    expect(tasks.map(task => checks.admits(task))).to.eql(many.map(() => false));
    await until('they are checked', () => released.length > 0);
    expect(released).to.eql([tasks.map(({id}) => id)]);
    expect(checks.admits(tasks[0]!)).to.equal(true);
  });

  it('is that of their submission when a check takes longer than others', async () => {
    const {threads, submit} = fakeScheduler(1);
    submit(0, unchecked);
    threads[0]!.ready();
    threads[0]!.begin();
    const slow = (x: number) => x - 1.5;
    submit(1, {}, slow);
    for (const value of many) submit(value + 2, unchecked);
    await outerNames(sourceOf(slow));
    await setImmediate();
    threads[0]!.finish();
    expect(threads[0]!.runAll()).to.eql(many.concat([12]).map(value => value + 1));
  });

  it('follows the priority until a thread begins them', () => {
    const {threads, submit} = fakeScheduler(1);
    submit('first', unchecked);
    threads[0]!.ready();
    threads[0]!.begin();
    for (const value of many) submit(value, unchecked);
    submit('low', {...unchecked, priority: -1});
    submit('high', {...unchecked, priority: 1});
    submit('highest', {...unchecked, priority: 2});
    threads[0]!.finish();
    expect(threads[0]!.runAll()).to.eql(['highest', 'high', ...many, 'low']);
  });

  it('stays when tasks are taken back while the thread begins them', () => {
    const {threads, submit, scheduler} = fakeScheduler(1);
    submit('first', unchecked);
    const thread = threads[0]!;
    thread.ready();
    thread.begin();
    for (const value of many) submit(value, unchecked);
    // Each time the pool has taken one task back, the thread begins one more.
    const {compareExchange} = Atomics;
    const begun: unknown[] = [];
    let isThread = false;
    Atomics.compareExchange = ((...args: [Int32Array, number, number, number]) => {
      const found = compareExchange(...args);
      if (!isThread && found === WAITS && begun.length < 3) {
        isThread = true;
        begun.push(thread.begin());
        isThread = false;
      }
      return found;
    }) as typeof compareExchange;
    try {
      void scheduler.resize(2);
    } finally {
      Atomics.compareExchange = compareExchange;
    }
    expect(begun).to.eql([0, 1, 2]);
  });

  it('stays when a thread is lost: tasks that waited there come first', () => {
    const {threads, submit} = fakeScheduler(1);
    const first = submit('first', {...unchecked, retry: 1});
    threads[0]!.ready();
    threads[0]!.begin();
    for (const value of many) submit(value, unchecked);
    threads[0]!.exit();
    threads[1]!.ready();
    expect(threads[1]!.runAll()).to.eql(['first', ...many]);
    expect(first.attempt).to.equal(1);
  });

  it('of a task that was cancelled before its thread began it leaves no gap', () => {
    const {threads, submit} = fakeScheduler(1);
    const first = submit('first', unchecked);
    const buffer = new ArrayBuffer(8);
    threads[0]!.ready();
    // A task with transferred values is not sent ahead of time.
    const second = submit(buffer, {...unchecked, transfer: [buffer]});
    first.cancel();
    expect(second.state).to.equal('running');
    expect(threads[0]!.runAll()).to.eql([buffer]);
  });

  it('counts a task as running when the one before it was cancelled, so that its time-out runs', async () => {
    const {threads, submit} = fakeScheduler(1);
    const first = submit('first', unchecked);
    threads[0]!.ready();
    const second = submit('second', {...unchecked, timeout: 1});
    first.cancel();
    expect(second.state).to.equal('running');
    expect(await second.promise.catch((error: unknown) => error)).to.have.property('code', 'ERR_TASK_TIMEOUT');
  });
});

describe('the start of threads', () => {
  afterEach('give the other tests their threads', realThreads);

  it('may take half a minute; a pool whose first thread needs longer gives up', async () => {
    const {threads, submit} = fakeScheduler(1);
    const {setTimeout} = globalThis;
    const timers: {ms: number; callback(): void}[] = [];
    globalThis.setTimeout = ((callback: () => void, ms: number) => timers.push({ms, callback})) as never;
    const task = submit(1, unchecked);
    globalThis.setTimeout = setTimeout;
    expect(timers.map(({ms}) => ms)).to.eql([30_000]);
    timers[0]!.callback();
    expect(await task.promise.catch((error: unknown) => error)).to.have.property('code', 'ERR_TASK_NO_THREADS');
    expect(threads).to.have.length(1);
  });
});

describe('the affinity of tasks', () => {
  afterEach('give the other tests their threads', realThreads);

  it('applies to the first tasks of a key, which were submitted before any thread was ready', () => {
    const {threads, submit} = fakeScheduler(2);
    for (const value of [1, 2, 3]) submit(value, {...unchecked, affinity: 'a'});
    for (const thread of threads) thread.ready();
    expect(threads).to.have.length(2);
    expect(threads[0]!.runAll()).to.eql([1, 2, 3]);
    expect(threads[1]!.runAll()).to.eql([]);
  });

  it('does not change the order of priorities', () => {
    const {threads, submit} = fakeScheduler(1);
    submit('first', {...unchecked, affinity: 'a'});
    threads[0]!.ready();
    threads[0]!.begin();
    submit('own', {...unchecked, affinity: 'a'});
    submit('high', {...unchecked, priority: 1});
    submit('own, high', {...unchecked, affinity: 'a', priority: 1});
    submit('last', unchecked);
    threads[0]!.finish();
    expect(threads[0]!.runAll()).to.eql(['high', 'own, high', 'own', 'last']);
  });

  it('ends after `stealAfter`, when another thread is idle; the key stays with its thread', async () => {
    const {threads, submit} = fakeScheduler(2);
    submit('first', {...unchecked, affinity: 'a'});
    submit('other', unchecked);
    for (const thread of threads) thread.ready();
    expect(threads.map(thread => thread.begin())).to.eql(['first', 'other']);
    threads[1]!.finish();
    const patient = submit('patient', {...unchecked, affinity: 'a'});
    const hasty = submit('hasty', {...unchecked, affinity: 'a', stealAfter: 1});
    expect(hasty.state).to.equal('queued');
    await until('it is taken', () => hasty.state === 'running');
    expect(threads[1]!.runAll()).to.eql(['hasty']);
    expect(patient.state).to.equal('queued');
    submit('next', {...unchecked, affinity: 'a'});
    threads[0]!.finish();
    expect(threads[0]!.runAll()).to.eql(['patient', 'next']);
  });

  it('leaves no timer behind when its task is cancelled, or runs in the thread of its key', () => {
    const {threads, submit} = fakeScheduler(1);
    submit('first', {...unchecked, affinity: 'a'});
    threads[0]!.ready();
    threads[0]!.begin();
    const before = process.getActiveResourcesInfo().length;
    const cancelled = submit('cancelled', {...unchecked, affinity: 'a', stealAfter: 60_000});
    submit('ran', {...unchecked, affinity: 'a', stealAfter: 60_000});
    expect(process.getActiveResourcesInfo().length).to.equal(before + 2);
    cancelled.cancel();
    threads[0]!.finish();
    expect(threads[0]!.runAll()).to.eql(['ran']);
    expect(process.getActiveResourcesInfo().length).to.equal(before);
  });
});
