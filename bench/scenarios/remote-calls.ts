import type {CDPSession, Page} from 'puppeteer-core';
import type {CaseName} from '../page/remote/calls.js';
import type {Figure} from '../report.js';
import {peers} from '../remote/peers.js';
import type {BenchStage} from '../stage.js';
import {type Spread, spreadOf} from '../statistics.js';

const ours = 'sharedb-tabs';
const bare = 'bare messages';

/** The goal of each case: the largest ratio to the fastest of the other libraries. */
const goals: Record<CaseName, number> = {
  'one call after another': 1.1,
  '1,000 calls in one turn': 0.25,
  'calls that call back, one after another': 1.1,
  '500 calls in one turn, each with a new callback': 0.5,
  'three calls, each with the result of the one before': 0.6,
  'an echo of 2 KB': 1.2,
  'an echo of 1 MB': 1.15
};

/** Calls of a worker, with this library and others. */
export async function remoteCalls(stage: BenchStage): Promise<Figure[]> {
  const page = await stage.browser.openPage('remote.html');
  const scripts = Object.fromEntries(peers().map(({name, file}) => [name, `remote-${file}-worker.js`]));
  await page.evaluate(given => globalThis.remoteBench.startWorkers(given), scripts);
  const figures: Figure[] = [];
  for (const title of Object.keys(goals) as CaseName[]) {
    const times = await page.evaluate(options => globalThis.remoteBench.timesOfCalls(options), {title, rounds: stage.quick ? 3 : 25});
    figures.push(...figuresOfCase(title, times));
  }
  const heap = stage.browser.engine === 'chromium' ? await heapOfCallbacks(page) : [];
  await stage.closePages(page);
  return [...figures, ...heap, ...await streams(stage), ...await elements(stage)];
}

function figuresOfCase(title: CaseName, times: Record<string, number[]>): Figure[] {
  const spreads = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, spreadOf(all)]));
  const others = Object.entries(spreads).filter(([name]) => name !== ours && name !== bare);
  const [best, fastest] = others.sort(([, one], [, other]) => one.p50 - other.p50)[0]!;
  return Object.entries(spreads).map(([name, measured]): Figure => ({
    what: `${title}, ${name}`, measured, unit: 'µs',
    ...(name === ours && {
      goal: `≤ ${goals[title]} × the fastest other`,
      ratios: {[best]: measured.p50 / fastest.p50, ...(spreads[bare] && {[bare]: measured.p50 / spreads[bare].p50})}
    })
  }));
}

const KEPT = 10_000;

/** The heap of the page and of the worker for each callback that the worker keeps. Memory outside of V8, as of ports, is not counted. */
async function heapOfCallbacks(page: Page): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const {name, file, callbacks} of peers()) {
    if (!callbacks) continue;
    const worker = page.workers().find(candidate => candidate.url().endsWith(`remote-${file}-worker.js`))!;
    const clients = [await page.createCDPSession(), worker.client];
    const used = async (): Promise<number> => (await Promise.all(clients.map(usedHeap))).reduce((a, b) => a + b, 0);
    await page.evaluate((...args) => globalThis.remoteBench.keepCallbacks(...args), name, 500);
    const before = await used();
    await page.evaluate((...args) => globalThis.remoteBench.keepCallbacks(...args), name, KEPT);
    figures.push({what: `heap of each of 10,000 callbacks, both sides, ${name}`, value: (await used() - before) / KEPT, unit: 'B', ...(name === ours && {goal: '≤ 2 KB'})});
  }
  return figures;
}

async function usedHeap(client: CDPSession): Promise<number> {
  await client.send('HeapProfiler.collectGarbage');
  return (await client.send('Runtime.getHeapUsage')).usedSize;
}

async function streams(stage: BenchStage): Promise<Figure[]> {
  const page = await stage.browser.openPage('remote.html');
  const rates = await page.evaluate((...args) => globalThis.remoteBench.streamRates(...args), 'remote-streams-worker.js', {rounds: stage.quick ? 3 : 15, megabytes: 25});
  await stage.closePages(page);
  const [calls, native] = [spreadOf(rates['calls']!), spreadOf(rates['native']!)];
  return [
    {what: 'a stream of 25 MB in chunks of 64 KB, transferred by the browser', measured: native, unit: 'MB/s'},
    {what: `the same, ${ours}`, measured: calls, unit: 'MB/s', ratios: {transferred: calls.p50 / native.p50}, goal: '≥ 5 × transferred'}
  ];
}

/** The number of turns that a library with a message for each operation makes. */
const FEW_TURNS = 20;

async function elements(stage: BenchStage): Promise<Figure[]> {
  const page = await stage.browser.openPage('remote.html');
  const others = Object.fromEntries(peers().flatMap(({name, file, hasDom}) => hasDom ? [[name, {script: `remote-${file}-dom-worker.js`, turns: FEW_TURNS}]] : []));
  const times = await page.evaluate((...args) => globalThis.remoteBench.domTimes(...args), 'remote-dom-worker.js', {
    rounds: stage.quick ? 2 : 9, turns: stage.quick ? 100 : 1000, others
  });
  await stage.closePages(page);
  const spreads = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, spreadOf(all)])) as Record<string, Spread>;
  const own = spreads['the page itself']!;
  return Object.entries(spreads).map(([name, measured]) => ({
    what: `an operation on an element, ${name}`, measured, unit: 'µs',
    ...(measured !== own && {ratios: {'the page itself': measured.p50 / own.p50}}), ...(name === ours && {goal: '≤ 3 × the page itself'})
  }));
}
