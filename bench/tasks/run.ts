/* Pools of threads in Node: ours beside others, in turns. `npx tsx bench/tasks/run.ts [case ...] [--rounds 7]` */
import {availableParallelism} from 'node:os';
import {parseArgs} from 'node:util';
import {spreadOf} from '../statistics.js';
import {type Figure, type Scenario, tableOf} from '../report.js';
import {bareWorker, type Peer, peers} from './peers.js';

const {values: {rounds: given}, positionals} = parseArgs({options: {rounds: {type: 'string', default: '7'}}, allowPositionals: true});
const ROUNDS = Number(given);
const OURS = 'sharedb-tabs';
const SIZE = 2;

interface Case {
  title: string;
  /** One round of one peer, in ms; undefined where the library has no such thing. */
  run(peer: Peer): Promise<number> | undefined;
  goal: string;
  unit?: string;
  size?: number;
  rounds?: number;
  isBare?: boolean;
  /** From ms to what the table says. */
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

const items = Array.from({length: 100_000}, (_item, index) => index);
const cores = availableParallelism();

const cases: Record<string, Case> = {
  alone: {
    title: 'An empty task, one after the other', unit: 'µs', goal: '≤ 1.1 × bare messages', isBare: true,
    run: peer => timed(() => inOrder(2_000, () => peer.run('empty'))), figure: ms => ms / 2
  },
  many: {
    title: '20,000 empty tasks at once, 2 threads', unit: 'tasks/s', goal: '≥ 1.5 × piscina',
    run: peer => timed(() => Promise.all(Array.from({length: 20_000}, () => peer.run('empty')))), figure: ms => 20_000_000 / ms
  },
  map: {
    title: '100,000 tiny items, 2 threads', unit: 'items/s', goal: '≥ 10 × the best of the others', rounds: 3,
    run: peer => timed(() => peer.map ? peer.map(items, 'increment') : Promise.all(items.map(item => peer.run('increment', item)))), figure: ms => 100_000_000 / ms
  },
  cores: {
    title: `64 items of 20 ms, ${cores} threads on ${cores} cores`, unit: '× one core', goal: `≥ ${(0.95 * cores).toFixed(1)}`, size: cores, rounds: 3,
    run: peer => timed(() => peer.map
      ? peer.map(new Array(64).fill(20), 'spin')
      : Promise.all(Array.from({length: 64}, () => peer.run('spin', 20)))), figure: ms => 64 * 20 / ms
  },
  buffer: {
    title: '8 MB there and back, moved', goal: '≤ 0.5 ms', isBare: true,
    run: peer => peer.move && timed(() => inOrder(20, () => peer.move!(new ArrayBuffer(8 * 2 ** 20)))), figure: ms => ms / 20
  }
};

async function measure(name: string): Promise<Scenario> {
  const {title, run, goal, unit = 'ms', size = SIZE, rounds = ROUNDS, isBare = false, figure = ms => ms} = cases[name]!;
  const opened = new Map<string, Peer>();
  for (const [peer, open] of Object.entries(peers)) {
    if (peer.endsWith('source') && name !== 'alone' && name !== 'many') continue;
    opened.set(peer, await open(size));
  }
  if (isBare) {
    const bare = await bareWorker();
    opened.set('bare messages', {run: () => bare.send(undefined), move: buffer => bare.send(buffer), close: () => bare.close()});
  }
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

for (const name of positionals.length ? positionals : Object.keys(cases)) process.stdout.write(`${tableOf([await measure(name)])}\n`);
process.exit(0);
