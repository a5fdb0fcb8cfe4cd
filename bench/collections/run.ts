import {performance} from 'node:perf_hooks';
import {SharedArray, SharedMap, transaction} from '../../lib/collections.js';
import {CollectionsStage} from '../../test/collections/stage.js';
import {until} from '../../test/waiting/until.js';

/**
 * Measures collections, with host and tabs in one process: `npx tsx bench/collections/run.ts`. Compare ratios, not milliseconds:
 * they depend on the machine and its load.
 */
const report = (what: string, result: string): void => { process.stdout.write(`${what.padEnd(60)} ${result}
`); };
const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;

async function timed(act: () => unknown): Promise<number> {
  const begin = performance.now();
  await act();
  return performance.now() - begin;
}

async function main(): Promise<void> {
  const stage = new CollectionsStage();
  // The library's timers do not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  const [one, other] = [stage.openTab(), stage.openTab()];
  const quiet = (): Promise<void> => until('all is quiet', () => !one.hasPending() && !other.hasPending(), 120_000);

  for (const size of [1000, 20_000, 100_000]) {
    const map = await SharedMap.open<string, number>(one, `map of ${size}`);
    map.setMany(Array.from({length: size}, (_, i) => [`key ${i}`, i]));
    await quiet();
    for (let i = 0; i < 500; i++) map.set(`key ${i}`, i);
    await quiet();
    const took = await timed(() => { for (let i = 0; i < 500; i++) map.set(`key ${i * 7 % size}`, -i); });
    report(`set, map of ${size}`, `${(took * 2).toFixed(1)} µs`);
    await quiet();
    await map.close();
  }

  const [mine, theirs] = [await SharedMap.open<string, number>(one, 'pair'), await SharedMap.open<string, number>(other, 'pair')];
  report('1,000 set in one turn, until the other tab shows them', ms(await timed(async () => {
    for (let i = 0; i < 1000; i++) mine.set(`one ${i}`, i);
    await until('they are here', () => theirs.size === 1000);
  })));
  await quiet();
  report('setMany(1,000) in two tabs at once, until both have all', ms(await timed(async () => {
    mine.setMany(Array.from({length: 1000}, (_, i) => [`left ${i}`, i]));
    theirs.setMany(Array.from({length: 1000}, (_, i) => [`right ${i}`, i]));
    await until('both have all', () => mine.size === 3000 && theirs.size === 3000);
  })));
  await quiet();

  const log = await SharedArray.open<number>(one, 'log');
  const submits: number[] = [];
  const commits: number[] = [];
  for (let i = 0; i < 200; i++) {
    const doc = one.get('local:plain', 'one');
    if (!doc.type) {
      await doc.subscribe();
      await doc.create({n: 0});
    }
    submits.push(await timed(() => doc.submitOp([{p: ['n'], na: 1}])));
    commits.push(await timed(() => transaction(() => {
      mine.set('n', i);
      log.push(i);
    })));
  }
  report('submitOp on a local document, until acknowledged', ms(median(submits)));
  report('transaction of two documents, no conflict', `${ms(median(commits))}, ${(median(commits) / median(submits)).toFixed(2)} times that`);

  const tabs = await Promise.all(Array.from({length: 5}, () => stage.openTab()).map(tab => SharedMap.open<string, number>(tab, 'hot')));
  let runs = 0;
  const took = await timed(() => Promise.all(tabs.map(async map => {
    for (let i = 0; i < 100; i++) await map.update('n', (n = 0) => {
      runs++;
      return n + 1;
    }, {maxRetries: 1000, timeout: 120_000});
  })));
  report('5 tabs, one hot key, 100 updates each', `${ms(took)}, ${(runs / 500).toFixed(2)} runs each`);
  clearInterval(alive);
  stage.close();
}

void main();
