/* Compares pools of threads in Node, in turns. `npx tsx bench/tasks/run.ts [case ...] [--rounds 7]` */
import {availableParallelism} from 'node:os';
import {parseArgs} from 'node:util';
import {type Spread, spreadOf} from '../statistics.js';
import {type Figure, type Scenario, tableOf} from '../report.js';
import {bareSpinners, bareWorker} from './bare.js';
import {type Peer, peers} from './peers.js';
import {runInPlainNode} from './plain-node.js';

const {values: {rounds: given}, positionals} = parseArgs({options: {rounds: {type: 'string', default: '7'}}, allowPositionals: true});
const ROUNDS = Number(given);
const OURS = 'sharedb-tabs';
const SIZE = 2;

interface Case {
  title: string;
  /** One round of one library, in ms; undefined if the library lacks the function. */
  run(peer: Peer): Promise<number> | undefined;
  goal: string;
  unit?: string;
  size?: number;
  rounds?: number;
  /** Bare Workers that do the same. */
  bare?(size: number): Promise<Peer>;
  /** Converts ms to the figure in the table. */
  figure?(ms: number): number;
}

async function timed(act: () => PromiseLike<unknown>): Promise<number> {
  const begun = performance.now();
  await act();
  return performance.now() - begun;
}

const inOrder = async (count: number, act: () => PromiseLike<unknown>): Promise<void> => {
  for (let index = 0; index < count; index++) await act();
};

async function bareMessages(): Promise<Peer> {
  const bare = await bareWorker();
  return {run: () => bare.send(undefined), move: buffer => bare.send(buffer), close: () => bare.close()};
}

async function bareThreads(size: number): Promise<Peer> {
  const {map, close} = await bareSpinners(size);
  return {run: (_name, ms) => map([ms as number]), map, close};
}

const items = Array.from({length: 100_000}, (_item, index) => index);
const cores = availableParallelism();

const cases: Record<string, Case> = {
  alone: {
    title: 'An empty task, one after the other', unit: 'µs', goal: '≤ 1.1 × bare messages', bare: bareMessages, rounds: 8 * ROUNDS,
    run: peer => timed(() => inOrder(100, () => peer.run('empty'))), figure: ms => ms * 10
  },
  many: {
    title: '20,000 empty tasks at once, 2 threads', unit: 'tasks/s', goal: '≥ 1.5 × piscina',
    run: async peer => {
      const count = peer.isSlow ? 500 : 20_000;
      return await timed(() => Promise.all(Array.from({length: count}, () => peer.run('empty')))) * 20_000 / count;
    }, figure: ms => 20_000_000 / ms
  },
  map: {
    title: '100,000 tiny items, 2 threads', unit: 'items/s', goal: '≥ 10 × the best of the others', rounds: 3,
    run: async peer => {
      // Other libraries use a task for each item, so the number of items does not change the cost of one.
      const own = items.slice(0, peer.isSlow ? 500 : peer.map ? items.length : 5_000);
      return await timed(() => peer.map ? peer.map(own, 'increment') : Promise.all(own.map(item => peer.run('increment', item)))) * items.length / own.length;
    }, figure: ms => 100_000_000 / ms
  },
  cores: {
    title: `64 items of 20 ms, ${cores} threads on ${cores} cores`, unit: '× one core', goal: `≥ ${(0.95 * cores).toFixed(1)}`, size: cores, rounds: 3, bare: bareThreads,
    run: peer => timed(() => peer.map
      ? peer.map(new Array(64).fill(20), 'spin')
      : Promise.all(Array.from({length: 64}, () => peer.run('spin', 20)))), figure: ms => 64 * 20 / ms
  },
  buffer: {
    title: '8 MB there and back, moved', goal: '≤ 0.5 ms', bare: bareMessages,
    run: peer => {
      if (!peer.move) return undefined;
      const buffers = Array.from({length: 20}, () => new ArrayBuffer(8 * 2 ** 20));
      return timed(() => inOrder(20, () => peer.move!(buffers.pop()!)));
    }, figure: ms => ms / 20
  }
};

async function measure(name: string): Promise<Scenario> {
  const {title, run, goal, unit = 'ms', size = SIZE, rounds = ROUNDS, bare, figure = ms => ms} = cases[name]!;
  const opened = new Map<string, Peer>();
  for (const [peer, open] of Object.entries(peers)) {
    if (peer.endsWith('source') && name !== 'alone' && name !== 'many') continue;
    opened.set(peer, await open(size));
  }
  if (bare) opened.set('bare Workers', await bare(size));
  const times = new Map<string, number[]>();
  const names = [...opened.keys()];
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const peer = names[(turn + round) % names.length]!;
      const ms = await run(opened.get(peer)!);
      if (ms === undefined) continue;
      // The first round warms up.
      if (round) times.set(peer, [...times.get(peer) ?? [], figure(ms)]);
    }
  }
  for (const peer of opened.values()) await peer.close();
  const spreads = new Map([...times].map(([peer, all]) => [peer, spreadOf(all)] as const));
  const figures = [...spreads].map(([peer, measured]): Figure => ({
    what: peer, measured, unit,
    ...(peer !== OURS && {ratios: {[OURS]: measured.p50 / spreads.get(OURS)!.p50}}), ...(peer === OURS && {goal})
  }));
  return {title, figures};
}

/** Cases that can only be compared with a bare Worker. */
async function starts(): Promise<Scenario> {
  const times = JSON.parse(await runInPlainNode('starts', new URL('./workers/functions.mjs', import.meta.url).href, String(4 * ROUNDS))) as Record<string, number[]>;
  const [bare, source, bareScript, named] = ['bare', 'source', 'bareScript', 'script'].map(name => spreadOf(times[name]!)) as [Spread, Spread, Spread, Spread];
  const over = (spread: Spread, other: Spread): Record<string, number> => ({'bare, p50': spread.p50 / other.p50, 'bare, p10': spread.p10 / other.p10});
  return {
    title: 'Until the first result',
    figures: [
      {what: 'bare Worker, its start and one message there and back', measured: bare},
      {what: 'a new pool, a function as source', measured: source, ratios: over(source, bare), goal: '≤ 1.2 × bare'},
      {what: 'bare Worker that imports a script, and one message there and back', measured: bareScript, ratios: over(bareScript, bare)},
      {what: 'a new pool, an exposed function of that script', measured: named, ratios: over(named, bareScript), goal: '≤ 1.2 × bare'}
    ]
  };
}

/** A function that no pool has seen before. */
function functionOf(round: number): () => number {
  return new Function(`return () => ${round}`)() as () => number;
}

/** Runs each library's act in turns, and reports all of them. The first round warms up. */
async function inTurns(title: string, rounds: number, acts: Record<string, () => Promise<number>>, goal: string, against: string, unit?: string): Promise<Scenario> {
  const times = new Map<string, number[]>();
  const names = Object.keys(acts);
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round) % names.length]!;
      const value = await acts[name]!();
      if (round) times.set(name, [...times.get(name) ?? [], value]);
    }
  }
  const spreads = new Map([...times].map(([name, all]) => [name, spreadOf(all)] as const));
  return {title, figures: [...spreads].map(([what, measured]): Figure => ({
    what, measured, ...(unit && {unit}), ...(what !== against && {ratios: {[against]: measured.p50 / spreads.get(against)!.p50}}), ...(what.startsWith(OURS) && {goal})
  }))};
}

/** Calls of functions that the thread has run once, beside those of a function that the pool's script exposes. */
async function second(): Promise<Scenario> {
  const [named, source, other] = [await peers[OURS]!(1), await peers[`${OURS}, source`]!(1), await peers['workerpool']!(1)];
  let last = 0;
  /** µs of a call; `makeCall` gives one that was not made before. */
  const repeated = async (makeCall: () => () => PromiseLike<unknown>): Promise<number> => {
    let ms = 0;
    for (let n = 0; n < 20; n++) {
      const call = makeCall();
      await call();
      ms += await timed(() => inOrder(10, call));
    }
    return ms * 1000 / 200;
  };
  const ofSource = (peer: Peer) => () => repeated(() => {
    const fn = functionOf(last++);
    return () => peer.source!(fn);
  });
  const exposed = (): Promise<number> => repeated(() => () => named.run('empty'));
  const scenario = await inTurns('Calls 2 to 11 of a function, one after the other', 4 * ROUNDS, {
    'exposed function': exposed, [`${OURS}, source`]: ofSource(source), 'workerpool, source': ofSource(other)
  }, '≤ 1.05 × exposed', 'exposed function', 'µs');
  for (const peer of [named, source, other]) await peer.close();
  return scenario;
}

/** Measures the time from the cancellation of a loop to the next result, from a new thread. threads, poolifier and comlink can't cancel a loop. */
async function cancel(): Promise<Scenario> {
  const afterCancel = async (open: (size: number) => Promise<Peer>): Promise<number> => {
    const peer = await open(1);
    await peer.run('empty');
    const shared = new Int32Array(new SharedArrayBuffer(4));
    const end = peer.loop!(shared);
    while (!Atomics.load(shared, 0)) await new Promise(resolve => setTimeout(resolve, 1));
    const ms = await timed(() => {
      void end();
      return peer.run('empty');
    });
    await peer.close();
    return ms;
  };
  const bare = async (): Promise<number> => {
    const worker = await bareWorker();
    return timed(async () => {
      void worker.close();
      const next = await bareWorker();
      await next.send(undefined);
      void next.close();
    });
  };
  const acts: Record<string, () => Promise<number>> = {'bare Worker, ended and started anew': bare};
  for (const name of [OURS, `${OURS}, source`, 'piscina', 'tinypool', 'workerpool']) acts[name] = () => afterCancel(peers[name]!);
  return inTurns('A loop is cancelled: until the next result of a pool of 1', ROUNDS, acts, '≤ bare + 5 ms', 'bare Worker, ended and started anew');
}

async function memory(): Promise<Scenario> {
  const measured = {ours: [] as number[], bare: [] as number[]};
  for (let round = 0; round < 3; round++) {
    for (const who of ['ours', 'bare'] as const) {
      measured[who].push(Number(await runInPlainNode('memory', who)) / 2 ** 20);
    }
  }
  const [ours, bare] = [spreadOf(measured.ours), spreadOf(measured.bare)];
  return {title: 'An idle thread', figures: [
    {what: 'a bare Worker', measured: bare, unit: 'MB'},
    {what: OURS, measured: ours, unit: 'MB', goal: `≤ ${(bare.p50 + 0.5).toFixed(2)} MB (bare + 0.5)`}
  ]};
}

const others: Record<string, () => Promise<Scenario>> = {starts, second, cancel, memory};
for (const name of positionals.length ? positionals : [...Object.keys(cases), ...Object.keys(others)]) {
  process.stdout.write(`${tableOf([await (others[name]?.() ?? measure(name))])}\n`);
}
process.exit(0);
