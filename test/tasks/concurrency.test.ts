import {expect} from 'chai';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {concurrent, type Job, pipeline, race, timeout, WorkerPool} from '../../lib/tasks-node.js';
import {turn} from '../waiting/turn.js';
import {failureOf} from './failure.js';

interface Gate {
  promise: Promise<void>;
  open(): void;
}

function gate(): Gate {
  let open!: () => void;
  const promise = new Promise<void>(resolve => { open = resolve; });
  return {promise, open};
}

const untilAborted = (signal: AbortSignal): Promise<unknown> => new Promise(resolve => signal.addEventListener('abort', () => resolve(signal.reason)));

/** What is written to `console.warn` while `act` runs. */
async function warningsOf(act: () => Promise<unknown>): Promise<string[]> {
  const {warn} = console;
  const warnings: string[] = [];
  console.warn = (message: string) => void warnings.push(message);
  try {
    await act();
  } finally {
    console.warn = warn;
  }
  return warnings;
}

describe('structured concurrency', function () {
  this.timeout(120_000);

  it('aborts the others at the first error, and settles when all have', async () => {
    const slow = gate();
    const seen: string[] = [];
    let isSettled = false;
    const whole = failureOf(concurrent([
      async () => { throw new Error('first'); },
      async signal => {
        const reason = await untilAborted(signal) as Error;
        seen.push(reason.message);
        await slow.promise;
        seen.push('ended');
        throw new Error('nobody hears of it');
      }
    ])).then(error => { isSettled = true; return error; });
    await turn();
    await turn();
    expect(seen).to.eql(['first']);
    expect(isSettled).to.equal(false);
    slow.open();
    expect(await whole).to.have.property('message', 'first');
    expect(seen).to.eql(['first', 'ended']);
  });

  it('runs at most `limit` jobs at once, and begins none after an error', async () => {
    let running = 0;
    let most = 0;
    const job: Job<number> = async () => {
      most = Math.max(most, ++running);
      await turn();
      return running--;
    };
    await concurrent([job, job, job, job, job], {limit: 2});
    expect(most).to.equal(2);
    let begun = 0;
    await failureOf(concurrent([async () => { begun++; throw new Error('no'); }, async () => { begun++; }], {limit: 1}));
    expect(begun).to.equal(1);
    expect(await failureOf(concurrent([job], {limit: 0}))).to.be.instanceOf(RangeError);
  });

  it('follows a signal from outside: all are aborted with its reason and awaited', async () => {
    const controller = new AbortController();
    const reasons: unknown[] = [];
    const whole = failureOf(concurrent([async signal => reasons.push(await untilAborted(signal))], {signal: controller.signal}));
    controller.abort('enough');
    expect(await whole).to.equal('enough');
    expect(reasons).to.eql(['enough']);
    expect(await failureOf(concurrent([() => 1], {signal: AbortSignal.abort('before')}))).to.equal('before');
  });

  it('warns of jobs that do not end within the grace, by name', async () => {
    const deaf = (): Promise<never> => new Promise(() => {});
    const warnings = await warningsOf(() => failureOf(concurrent([deaf, async () => { throw new Error('no'); }], {grace: 5})));
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.contain('deaf');
  });

  it('races: the first to settle wins, or the first to succeed; losers are awaited', async () => {
    let isOver = false;
    const loser: Job<string> = async signal => {
      await untilAborted(signal);
      await turn();
      isOver = true;
      return 'lost';
    };
    expect(await race<string>([loser, async () => 'won'])).to.equal('won');
    expect(isOver).to.equal(true);
    expect(await failureOf(race<unknown>([loser, async () => { throw new Error('first'); }]))).to.have.property('message', 'first');
    const all = await failureOf(race([async () => { throw new Error('a'); }, async () => { throw new Error('b'); }], {first: 'fulfilled'}));
    expect(all).to.be.instanceOf(AggregateError);
    expect(all.errors.map((error: Error) => error.message)).to.eql(['a', 'b']);
  });

  it('times out: the job is aborted and awaited, and a result in time counts', async () => {
    let isOver = false;
    const error = await failureOf(timeout(async signal => {
      await untilAborted(signal);
      isOver = true;
    }, 5));
    expect(error).to.have.property('name', 'TimeoutError');
    expect(isOver).to.equal(true);
    expect(await timeout(() => 'at once', 0)).to.equal('at once');
    expect(await failureOf(timeout(() => { throw new Error('own'); }, 1_000))).to.have.property('message', 'own');
  });
});

describe('options of concurrent, race, timeout and pipeline', () => {
  const signal = new AbortController().signal;

  it('that do not exist are refused before a job starts, with the names that there are', async () => {
    let started = 0;
    const job = (): void => void started++;
    const firstOf = (stages: never, options: object): Promise<unknown> => pipeline([1], stages, options).next();
    const cases: [failed: PromiseLike<unknown>, says: string][] = [
      [concurrent([job], {limmit: 1} as never), 'concurrent: there is no option limmit, only signal, limit, grace'],
      [concurrent([job], {first: 'fulfilled'} as never), 'concurrent: there is no option first'],
      [race([job], {frist: 'fulfilled'} as never), 'race: there is no option frist, only signal, limit, grace, first'],
      [timeout(job, 1_000, {gracce: 1} as never), 'timeout: there is no option gracce'],
      [firstOf([job] as never, {paralellism: 2}), 'pipeline: there is no option paralellism, only parallelism, ordered, buffer, signal, grace'],
      [firstOf([{run: job, paralellism: 2}] as never, {}), 'pipeline stage: there is no option paralellism, only run, pool, parallelism, ordered']
    ];
    for (const [failed, says] of cases) expect(await failureOf(failed)).to.be.instanceOf(TypeError).with.property('message').that.contains(says);
    expect(started).to.equal(0);
  });

  it('that exist are taken, each of them; a function with properties is a stage', async () => {
    const all = {signal, limit: 1, grace: 1};
    expect(await concurrent([() => 1], all)).to.eql([1]);
    expect(await race([() => 1], {...all, first: 'fulfilled'})).to.equal(1);
    expect(await timeout(() => 1, 1_000, all)).to.equal(1);
    const counted = Object.assign((x: number) => x, {calls: 0});
    const run = pipeline([1], [counted, {run: (x: number) => x, parallelism: 2, ordered: false}], {parallelism: 1, ordered: true, buffer: 1, signal, grace: 1});
    expect((await run.next()).value).to.equal(1);
    await run.return!();
  });

  it('with a wrong value are refused before a job starts', async () => {
    let started = 0;
    const job = (): void => void started++;
    const first = (stages: unknown[], options: object = {}): Promise<unknown> => pipeline([1], stages as never, options).next();
    for (const value of [NaN, -1, 'x', '2', [2], null, {}] as never[]) {
      const cases: [name: string, failed: PromiseLike<unknown>][] = [
        ['limit', concurrent([job], {limit: value})], ['limit', race([job], {limit: value})], ['ms', timeout(job, value)], ['grace', timeout(job, 1, {grace: value})],
        ['grace', concurrent([job], {grace: value})], ['grace', race([job], {grace: value})], ['grace', first([job], {grace: value})],
        ['parallelism', first([job], {parallelism: value})], ['buffer', first([job], {buffer: value})]
      ];
      for (const [name, failed] of cases) expect(await failureOf(failed), name).to.be.instanceOf(RangeError).with.property('message').that.contains(`${name}: at least`);
    }
    for (const parallelism of [NaN, 0, 'x', '2'] as never[]) expect(await failureOf(first([{run: job, parallelism}]))).to.be.instanceOf(RangeError);
    expect(await failureOf(concurrent([job], {limit: '2' as never}))).to.have.property('message', 'limit: at least 1, not string 2');
    expect(await failureOf(timeout(job, undefined as never))).to.be.instanceOf(RangeError);
    expect(await failureOf(race([job], {first: 'fullfilled' as never}))).to.be.instanceOf(TypeError).with.property('message', 'first: there is no option fullfilled, only settled, fulfilled');
    expect(started).to.equal(0);
  });

  it('that are undefined have their default, those of a stage too', async () => {
    const none = {signal: undefined, limit: undefined, grace: undefined} as never;
    expect(await concurrent([() => 1], none)).to.eql([1]);
    expect(await race([() => 1], {...(none as object), first: undefined} as never)).to.equal(1);
    expect(await timeout(() => 1, Infinity, none)).to.equal(1);
    let running = 0, most = 0;
    const slowest: Job<unknown> = async () => {
      most = Math.max(most, ++running);
      for (let turns = 0; turns < 2; turns++) await turn();
      running--;
    };
    for (const options of [{parallelism: 2}, {parallelism: 2.5, ordered: undefined, buffer: undefined, grace: undefined, signal: undefined}] as object[]) {
      const seen: unknown[] = [];
      const run = async (x: number): Promise<number> => { await slowest(new AbortController().signal); if (x === 1) await turn(); return x; };
      for await (const value of pipeline([1, 2, 3], [{run, ordered: undefined, parallelism: undefined} as never], options)) seen.push(value);
      expect(seen).to.eql([1, 2, 3]);
      expect(most).to.equal(2);
    }
  });

  it('signal: one that is aborted starts no job', async () => {
    let started = 0;
    const aborted = {signal: AbortSignal.abort('before')};
    const job = (): void => void started++;
    for (const failed of [concurrent([job], aborted), race([job], aborted), timeout(job, 1_000, aborted), pipeline([1], [job], aborted).next()]) {
      expect(await failureOf(failed)).to.equal('before');
    }
    expect(started).to.equal(0);
  });
});

describe('jobs that wait for their turn', () => {
  it('do not start when the call is over, not even in the same turn', async () => {
    const started: string[] = [];
    const fails = async (): Promise<never> => { throw new Error('no'); };
    const succeeds = async (): Promise<string> => 'yes';
    const late = (name: string) => (): void => void started.push(name);
    await failureOf(concurrent([fails, succeeds, late('concurrent')], {limit: 2}));
    await failureOf(race([fails, late('race')], {limit: 1}));
    expect(await race<unknown>([succeeds, late('race, won')], {limit: 1})).to.equal('yes');
    expect(started).to.eql([]);
  });
});

describe('a pipeline', function () {
  this.timeout(120_000);

  it('pulls input only when the first stage has a free slot', async () => {
    let pulled = 0;
    function* input() { for (;;) yield pulled++; }
    const gates: Gate[] = [];
    const run = pipeline<number, number>(input(), [async (x: number) => {
      gates.push(gate());
      await gates.at(-1)!.promise;
      return x;
    }], {parallelism: 2, buffer: 1});
    const first = run.next();
    for (let n = 0; n < 5; n++) await turn();
    expect(pulled).to.equal(2);
    gates[0]!.open();
    expect((await first).value).to.equal(0);
    for (let n = 0; n < 5; n++) await turn();
    // One result is taken, and two tasks run. Finished results wait only in the buffer.
    expect(pulled).to.equal(3);
    for (const {open} of gates) open();
    for (let n = 0; n < 20; n++) {
      await turn();
      for (const {open} of gates) open();
    }
    expect(pulled).to.be.at.most(1 + 2 + 1);
    for (const {open} of gates) open();
    await run.return!();
  });

  it('keeps the order of the input, or yields results as they arrive', async () => {
    for (const ordered of [true, false]) {
      const gates = [gate(), gate(), gate()];
      const run = pipeline<number, number>([0, 1, 2], [async (x: number) => { await gates[x]!.promise; return x; }], {parallelism: 3, ordered});
      const values: number[] = [];
      const whole = (async () => { for await (const value of run) values.push(value); })();
      for (const index of [2, 0, 1]) {
        gates[index]!.open();
        for (let n = 0; n < 3; n++) await turn();
      }
      await whole;
      expect(values).to.eql(ordered ? [0, 1, 2] : [2, 0, 1]);
    }
  });

  it('aborts and awaits running stages when one fails, and returns the input once', async () => {
    let returned = 0;
    let aborted = 0;
    const both = gate();
    function* input() { try { for (let n = 0; ; n++) yield n; } finally { returned++; } }
    const run = pipeline(input(), [async (x: number, signal: AbortSignal) => {
      if (x === 0) {
        await both.promise;
        throw new Error('zero');
      }
      if (x === 2) both.open();
      await untilAborted(signal);
      aborted++;
    }], {parallelism: 3});
    expect(await failureOf(run.next())).to.have.property('message', 'zero');
    expect(returned).to.equal(1);
    expect(aborted).to.equal(2);
    expect((await run.next()).done).to.equal(true);
  });

  it('starts no stage for an item when another has failed, or the loop is left', async () => {
    for (const isLeft of [false, true]) {
      const slow = gate();
      const started: unknown[] = [];
      const run = pipeline<number, number>([0, 1], [async (x: number) => {
        if (x) await slow.promise;
        else if (!isLeft) throw new Error('zero');
        return x;
      }, (x: number) => { started.push(x); return x; }], {parallelism: 2, ordered: false});
      const first = isLeft ? run.next().then(() => run.return!()) : failureOf(run.next());
      await turn();
      slow.open();
      await first;
      await turn();
      expect(started).to.eql(isLeft ? [0] : []);
    }
  });

  it('ends with the reason of a signal', async () => {
    const controller = new AbortController();
    const run = pipeline([1], [(_x: number, signal: AbortSignal) => untilAborted(signal)], {signal: controller.signal});
    const next = failureOf(run.next());
    await turn();
    controller.abort('enough');
    expect(await next).to.equal('enough');
  });

  it('fails with the error of its input, after the results before it', async () => {
    function* input() { yield 1; throw new Error('input'); }
    const seen: unknown[] = [];
    expect(await failureOf((async () => { for await (const value of pipeline(input(), [(x: number) => x])) seen.push(value); })())).to.have.property('message', 'input');
    expect(seen).to.eql([1]);
  });

  it('iterates over the characters of a text, and over any iterable', async () => {
    const letters: unknown[] = [];
    for await (const letter of pipeline('abc', [(x: string) => x.toUpperCase()])) letters.push(letter);
    expect(letters).to.eql(['A', 'B', 'C']);
  });

  it('awaits promises among its items, as `for await` does, and fails with the error of one', async () => {
    const seen: unknown[] = [];
    const late = turn().then(() => 1);
    for await (const value of pipeline([late, 2, Promise.resolve(3)], [(x: unknown) => [x]], {parallelism: 3})) seen.push(value);
    expect(seen).to.eql([[1], [2], [3]]);
    let returned = 0;
    function* input() { try { yield Promise.resolve('a'); yield Promise.reject(new Error('no item')); yield 'c'; } finally { returned++; } }
    const before: unknown[] = [];
    expect(await failureOf((async () => { for await (const value of pipeline(input(), [(x: unknown) => x], {parallelism: 2})) before.push(value); })()))
      .to.have.property('message', 'no item');
    expect([before, returned]).to.eql([['a'], 1]);
  });

  it('refuses a stage with a task and without a pool, and parallelism below 1', async () => {
    expect(await failureOf(pipeline([1], [{run: {export: 'x'}}]).next())).to.be.instanceOf(TypeError);
    expect(await failureOf(pipeline([1], [(x: number) => x], {parallelism: 0}).next())).to.be.instanceOf(RangeError);
  });

  it('keeps no item that it has delivered', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const delivered: WeakRef<object>[] = [];
    function* input() { for (let n = 0; ; n++) yield {n}; }
    const run = pipeline<object, object>(input(), [(item: object) => item, (item: object) => ({...item})], {signal: new AbortController().signal});
    for (let n = 0; n < 200; n++) delivered.push(new WeakRef((await run.next()).value as object));
    // A WeakRef keeps its target to the end of the turn.
    await turn();
    collect();
    expect(delivered.filter(item => item.deref()).length).to.be.at.most(5);
    await run.return!();
  });

  it('ends at a signal while it waits, also after many items', async () => {
    const controller = new AbortController();
    async function* input() { yield 1; yield 2; await new Promise(() => {}); }
    const run = pipeline<number, number>(input(), [(x: number) => x], {signal: controller.signal, grace: 0});
    expect(await run.next()).to.include({value: 1});
    expect(await run.next()).to.include({value: 2});
    const warnings = await warningsOf(async () => {
      const next = failureOf(run.next());
      await turn();
      controller.abort('enough');
      expect(await next).to.equal('enough');
    });
    expect(warnings[0]).to.contain('input');
  });

  it('awaits a stage that ignores its signal, and an input that does not return, for the grace alone', async () => {
    const deaf = (x: number): unknown => x || new Promise(() => {});
    const warnings = await warningsOf(async () => {
      for await (const value of pipeline([1, 0], [deaf], {parallelism: 2, grace: 5})) {
        expect(value).to.equal(1);
        break;
      }
    });
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.contain('still running 5 ms after their signal has aborted: deaf');
    const stuck = {[Symbol.asyncIterator]: () => ({next: async () => ({value: 1}), return: () => new Promise<never>(() => {})})};
    const [warning] = await warningsOf(async () => {
      for await (const value of pipeline(stuck, [(x: number) => x], {grace: 5})) if (value) break;
    });
    expect(warning).to.contain('input');
  });

  it('has the grace of the other calls, 5 s, when none is given', async () => {
    const {setTimeout} = globalThis;
    const delays: number[] = [];
    globalThis.setTimeout = ((callback: () => void, ms: number) => { delays.push(ms); return setTimeout(callback, 0); }) as never;
    try {
      await warningsOf(async () => {
        for await (const value of pipeline([1, 0], [(x: number) => x || new Promise(() => {})], {parallelism: 2})) if (value) break;
      });
    } finally {
      globalThis.setTimeout = setTimeout;
    }
    expect(delays).to.eql([5_000]);
  });

  it('passes on the error of the input that is returned', async () => {
    function* input() { try { for (;;) yield 1; } finally { throw new Error('cleaning'); } }
    const error = await failureOf((async () => { for await (const value of pipeline(input(), [(x: number) => x])) if (value) break; })());
    expect(error).to.have.property('message', 'cleaning');
  });

  it('runs stages in threads, and ends those that it leaves', async () => {
    const pool = new WorkerPool({size: 2});
    const run = pipeline<number, number>([1, 2, 3], [{run: (x: number) => { if (x > 1) for (;;); return x; }, pool, parallelism: 2}]);
    expect((await run.next()).value).to.equal(1);
    await run.return!();
    await pool.drain();
    expect(pool.activeWorkers).to.equal(0);
    await pool.terminate();
  });
});
