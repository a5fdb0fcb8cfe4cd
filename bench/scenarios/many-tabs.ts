import type {Page} from 'puppeteer-core';
import type {Doc} from 'sharedb/lib/client/index.js';
import {settled} from '../../test/waiting/settled.js';
import {until} from '../../test/waiting/until.js';
import type {BenchBrowser} from '../bench-browser.js';
import type {Figure} from '../report.js';
import type {BenchStage} from '../stage.js';
import {type Spread, spreadOf} from '../statistics.js';
import {createBodies} from './bodies.js';

type Way = 'tabs' | 'plain';
const ways = ['tabs', 'plain'] as const;
const quantities = ['browserCpu', 'memory', 'serverCpu', 'sent', 'received', 'sockets'] as const;
type Used = Record<typeof quantities[number], number>;

const opsPerSecond = 50;

/** Tabs that follow 100 documents while others write: the CPU and memory of browser and server. */
export async function manyTabs(stage: BenchStage): Promise<Figure[]> {
  const rounds = stage.quick ? 1 : 3;
  const windowMs = stage.quick ? 2000 : 3000;
  const results: {tabs: number; used: Record<Way, Record<keyof Used, Spread>>}[] = [];
  for (const tabs of stage.quick ? [1, 5] : [1, 5, 10, 20]) {
    const sides = {tabs: await openSide(stage, 'tabs', tabs), plain: await openSide(stage, 'plain', tabs)};
    const windows: Record<Way, Used[]> = {tabs: [], plain: []};
    for (let round = 0; round < rounds; round++) {
      for (const way of round % 2 ? [...ways].reverse() : ways) windows[way].push(await useOf(stage, sides[way], windowMs));
    }
    for (const way of ways) await sides[way].close();
    results.push({tabs, used: {tabs: spreadsOf(windows.tabs), plain: spreadsOf(windows.plain)}});
  }
  const first = results[0]!.used.tabs;
  return [...results.flatMap(({tabs, used}) => figuresOf(tabs, used, first)), ...await bareUse(stage, windowMs)];
}

/** The least that a worker with a journal uses. */
async function bareUse(stage: BenchStage, ms: number): Promise<Figure[]> {
  const browser = await stage.openBrowser();
  const page = await browser.openPage();
  const {memory: before} = await browser.usage();
  await page.evaluate(() => globalThis.bench.startIdleWorker());
  const cpu = async (puts: number): Promise<number> => {
    const start = await browser.cpu();
    await page.evaluate((count, time) => globalThis.bench.putSteadily(count, time), puts, ms);
    return ((await browser.cpu() - start) / ms) * 100;
  };
  // The first writes open the database.
  await cpu(10);
  const {memory} = await browser.usage();
  const [idle, busy] = [await cpu(1), await cpu((opsPerSecond * ms) / 1000)];
  await stage.closeBrowser(browser);
  return [
    {what: 'a bare shared worker: memory of the browser', value: memory - before, unit: 'MB'},
    {what: `${opsPerSecond} bare puts a second in it: CPU of the browser`, value: busy - idle, unit: '%'}
  ];
}

interface Side {
  way: Way;
  browser: BenchBrowser;
  /** Writes `count` ops, one after another, evenly over `ms` milliseconds. */
  write(count: number, ms: number): Promise<void>;
  expectAll(): Promise<void>;
  close(): Promise<void>;
}

/** A browser with `tabs` pages that follow the documents, and a client that writes to them. */
async function openSide(stage: BenchStage, way: Way, tabs: number): Promise<Side> {
  const namespace = `many tabs, ${tabs}, ${way}`;
  const ids = await createBodies(stage, namespace, 100);
  const remote = stage.remote();
  const docs = ids.map(id => remote.get('bench', id) as Doc<{n: number}>);
  await Promise.all(docs.map(doc => settled(done => doc.fetch(done))));
  const browser = await stage.openBrowser();
  const pages: Page[] = [];
  for (let i = 0; i < tabs; i++) {
    const page = await browser.openPage();
    await page.evaluate(options => globalThis.bench.subscribeAll(options), {way, namespace, url: `${stage.server.url}/${way}`, ids});
    pages.push(page);
  }
  let written = 0;
  return {
    way, browser,
    async write(count, ms) {
      const start = performance.now();
      for (let i = 0; i < count; i++) {
        const wait = start + (i * ms) / count - performance.now();
        if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait));
        docs[written++ % docs.length]!.submitOp([{p: ['n'], na: 1}], undefined, () => {});
      }
      const rest = start + ms - performance.now();
      if (rest > 0) await new Promise(resolve => setTimeout(resolve, rest));
    },
    async expectAll() {
      await Promise.all(docs.map(doc => settled(done => doc.whenNothingPending(done))));
      const expected = JSON.stringify(docs.map(({data}) => data));
      for (const page of pages) {
        await until(`a page of ${namespace} shows what the server has`, async () =>
          expected === await page.evaluate(() => JSON.stringify(globalThis.bench.shownDocuments())));
      }
    },
    async close() {
      remote.close();
      await stage.closeBrowser(browser);
    }
  };
}

async function useOf(stage: BenchStage, side: Side, ms: number): Promise<Used> {
  const {browser, way} = side;
  const path = `/${way}`;
  const read = async () => ({browser: await browser.cpu(), server: await stage.server.cpu(), traffic: await stage.server.traffic(path)});
  // The side that has just waited for the other needs a warm-up.
  await side.write(opsPerSecond / 2, 500);
  const before = await read();
  await side.write((opsPerSecond * ms) / 1000, ms);
  const after = await read();
  const {memory} = await browser.usage();
  await side.expectAll();
  return {
    browserCpu: ((after.browser - before.browser) / ms) * 100,
    serverCpu: ((after.server - before.server) / ms) * 100,
    memory,
    sent: (after.traffic.sent - before.traffic.sent) / ms,
    received: (after.traffic.received - before.traffic.received) / ms,
    sockets: after.traffic.open
  };
}

function spreadsOf(windows: readonly Used[]): Record<keyof Used, Spread> {
  return Object.fromEntries(quantities.map(name => [name, spreadOf(windows.map(used => used[name]))])) as Record<keyof Used, Spread>;
}

function figuresOf(count: number, {tabs, plain}: Record<Way, Record<keyof Used, Spread>>, first: Record<keyof Used, Spread>): Figure[] {
  const of = (name: keyof Used): Record<string, number> => ({
    plain: tabs[name].p50 / plain[name].p50, ...(count > 1 && {'1 tab': tabs[name].p50 / first[name].p50})
  });
  if (tabs.sockets.p50 !== 1) throw new Error(`${count} tabs have ${tabs.sockets.p50} WebSockets`);
  const flat = count > 1 ? '≈ 1 × 1 tab' : '';
  const [noMoreCpu, noMoreMemory] = count >= 5 ? ['≤ plain', '≤ 1.05 × plain'] : ['', ''];
  const rows: [what: string, name: keyof Used, unit: string, goal: string][] = [
    ['WebSockets', 'sockets', '', '1'],
    ['sent by the server', 'sent', 'KB/s', flat],
    ['CPU of the server', 'serverCpu', '%', flat],
    ['CPU of the browser', 'browserCpu', '%', noMoreCpu],
    ['memory of the browser', 'memory', 'MB', noMoreMemory]
  ];
  return rows.flatMap(([what, name, unit, goal]): Figure[] => [
    {what: `${count} plain: ${what}`, measured: plain[name], unit},
    {what: `${count} tabs: ${what}`, measured: tabs[name], unit, goal, ratios: of(name)}
  ]);
}
