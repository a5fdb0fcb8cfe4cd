import {performance} from 'node:perf_hooks';
import {SharedMap, SharedQueue} from '../../lib/collections.js';
import {CollectionsStage} from '../../test/collections/stage.js';
import {until} from '../../test/waiting/until.js';

/**
 * Measures what has no peer to compare with, with host and tabs in one process: `npx tsx bench/collections/goals.ts`. Compare ratios, not
 * milliseconds.
 */
const report = (what: string, result: string): void => { process.stdout.write(`${what.padEnd(60)} ${result}\n`); };
/** The tenth of the way from the shortest to the longest: other load of the machine only makes a time longer. */
const typical = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 10)]!;
/** Longer than a tab holds back an op that follows another one closely. */
const pause = (): Promise<void> => new Promise(resolve => { setTimeout(resolve, 20); });
const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const UPDATES = Number(process.env['UPDATES'] ?? 1000);
const CHANGES = Number(process.env['CHANGES'] ?? 1_000_000);

async function timed(act: () => unknown): Promise<number> {
  const begin = performance.now();
  await act();
  return performance.now() - begin;
}

/** Five tabs update one key. A tab must not wait much longer than another. */
async function hotKey(stage: CollectionsStage): Promise<void> {
  const maps = await Promise.all(Array.from({length: 5}, () => SharedMap.open<string, number>(stage.openTab(), 'hot')));
  let runs = 0;
  const ends: number[] = [];
  const took = await timed(() => Promise.all(maps.map(async map => {
    const begin = performance.now();
    for (let i = 0; i < UPDATES; i++) await map.update('n', (n = 0) => {
      runs++;
      return n + 1;
    }, {maxRetries: 1000, timeout: 600_000});
    ends.push(performance.now() - begin);
  })));
  const sum = maps[0]!.get('n');
  report(`5 tabs, one hot key, ${UPDATES} updates each`, `${ms(took)}, ${(runs / 5 / UPDATES).toFixed(2)} runs each, ${sum} counted, ` +
    `slowest tab ${(Math.max(...ends) / Math.min(...ends)).toFixed(2)} times the fastest`);
}

async function fromTabToTab(stage: CollectionsStage): Promise<void> {
  const [one, other] = [stage.openTab(), stage.openTab()];
  const [mine, theirs] = await Promise.all([one, other].map(tab => SharedMap.open<string, number>(tab, 'pair')));
  const docs = [one, other].map(tab => tab.get<{n: number}>('local:plain', 'pair'));
  for (const doc of docs) await doc.subscribe();
  await docs[0]!.create({n: 0});
  await until('it is there', () => docs[1]!.data !== undefined);
  const [sets, submits]: [number[], number[]] = [[], []];
  const shown = (event: (call: () => void) => void, act: () => void): Promise<number> => timed(() => new Promise<void>(resolve => {
    event(resolve);
    act();
  }));
  for (let i = 1; i <= 200; i++) {
    await pause();
    submits.push(await shown(call => docs[1]!.once('op', () => call()), () => docs[0]!.submitOp([{p: ['n'], na: 1}])));
    await pause();
    sets.push(await shown(call => { const stop = theirs!.on(() => { stop(); call(); }); }, () => mine!.set('n', i)));
  }
  report('submitOp, until another tab shows it', ms(typical(submits)));
  report('set, until another tab shows it', `${ms(typical(sets))}, ${(typical(sets) / typical(submits)).toFixed(2)} times that`);
}

/** A tab adds items, and another one that waits takes them. The bare round trip is a call that the host answers at once. */
async function handOver(stage: CollectionsStage): Promise<void> {
  const [one, other] = [stage.openTab(), stage.openTab()];
  const [mine, theirs] = await Promise.all([one, other].map(tab => SharedQueue.open<number>(tab, 'work')));
  const [trips, waits, takes, returns]: number[][] = [[], [], [], []];
  for (let i = 0; i < 200; i++) {
    trips!.push(await timed(() => one.callHost('host.ping')));
    const waiting = theirs!.dequeue();
    await theirs!.tryDequeue();
    await pause();
    waits!.push(await timed(() => {
      mine!.enqueue(i);
      return waiting;
    }));
    mine!.enqueue(i);
    await mine!.flush();
    takes!.push(await timed(() => theirs!.dequeue()));
  }
  const trip = typical(trips!);
  report('a call that the host answers at once', ms(trip));
  report('enqueue, until a tab that waits has the item', `${ms(typical(waits!))}, ${(typical(waits!) / trip).toFixed(1)} times that`);
  report('dequeue of an item that waits', `${ms(typical(takes!))}, ${(typical(takes!) / trip).toFixed(1)} times that`);
  for (let i = 0; i < 20; i++) {
    const tab = stage.openTab();
    const queue = await SharedQueue.open<number>(tab, 'work', {maxAttempts: 1000});
    mine!.enqueue(i);
    await queue.take();
    const waiting = theirs!.dequeue();
    returns!.push(await timed(() => {
      stage.killTab(tab);
      return waiting;
    }));
  }
  report('death of a tab, until another has its item', `${ms(typical(returns!))}, at most ${ms(Math.max(...returns!))}`);
}

/** A watcher that nobody reads while others change 100 keys. */
async function sleepingWatcher(stage: CollectionsStage): Promise<void> {
  const [mine, theirs] = await Promise.all([stage.openTab(), stage.openTab()].map(tab => SharedMap.open<string, number>(tab, 'watched')));
  const watcher = mine!.watchAll();
  for (let made = 0; made < CHANGES;) {
    for (let batch = 0; batch < 100; batch++) {
      theirs!.setMany(Array.from({length: 100}, (_, i) => [`key ${i}`, made + i]));
      made += 100;
    }
    await until('it is here', () => mine!.get('key 99') === made - 1);
  }
  await mine!.close();
  let events = 0;
  for await (const _ of watcher) events++;
  report(`a watcher that sleeps through ${CHANGES} changes of 100 keys`, `${events} events`);
}

const alive = setInterval(() => {}, 1000);
const only = process.argv[2];
for (const measure of [fromTabToTab, handOver, hotKey, sleepingWatcher]) {
  if (only && measure.name !== only) continue;
  const stage = new CollectionsStage({hasLocks: true});
  await measure(stage);
  stage.close();
}
clearInterval(alive);
