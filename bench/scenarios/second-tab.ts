import type {Page} from 'puppeteer-core';
import {until} from '../../test/waiting/until.js';
import type {Way} from '../page/connect.js';
import type {Figure} from '../report.js';
import type {BenchStage} from '../stage.js';
import {spreadOf} from '../statistics.js';
import {far} from './edits.js';
import {bodiesOf, createBodies} from './bodies.js';

const namespace = 'second tab';
const ways = ['plain', 'tabs', 'answered'] as const;
const goals: Record<number, string> = {0: '≤ 0.7 × plain', [far]: '≤ 0.45 × plain'};

/** 1,000 documents of 2 KB in a new tab, while another tab has them already. */
export async function secondTab(stage: BenchStage): Promise<Figure[]> {
  const rounds = stage.quick ? 2 : 8;
  const ids = await createBodies(stage, namespace, 1000);
  const expected = JSON.stringify(bodiesOf(ids));
  const documents = (way: Way) => ({way, namespace, url: `${stage.server.url}/${way}`, ids});
  const open = async (way: Way): Promise<{ms: number; page: Page}> => {
    const page = await stage.openPage();
    const ms = await page.evaluate(options => globalThis.bench.subscribeAll(options), documents(way));
    const shown = await page.evaluate(() => JSON.stringify(globalThis.bench.shownDocuments()));
    if (shown !== expected) throw new Error(`${way}: a page does not show what the server has`);
    return {ms, page};
  };
  const firsts = [(await open('tabs')).page, (await open('plain')).page];
  await until('the documents are stored', async () => {
    const {records} = await firsts[0]!.evaluate(name => globalThis.bench.copyToBareStore(name), namespace);
    return records === ids.length;
  });
  firsts.push((await open('answered')).page);
  const figures: Figure[] = [];
  for (const ms of [0, far]) {
    await stage.server.delay(ms);
    const times = {tabs: [] as number[], plain: [] as number[], answered: [] as number[]};
    const bytes = {tabs: 0, plain: 0, answered: 0};
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < ways.length; i++) {
        const way = ways[(i + round) % ways.length]!;
        const before = (await stage.server.traffic(`/${way}`)).sent;
        const second = await open(way);
        bytes[way] += ((await stage.server.traffic(`/${way}`)).sent - before) / rounds;
        times[way].push(second.ms);
        await stage.closePages(second.page);
      }
    }
    if (bytes.tabs > 1000) throw new Error(`the server sent ${bytes.tabs} bytes for a second tab`);
    const [tabs, plain, answered] = [spreadOf(times.tabs), spreadOf(times.plain), spreadOf(times.answered)];
    figures.push(
      {what: `plain ShareDB, ${ms} ms`, measured: plain},
      {what: `ShareDB's client, answered by a worker, ${ms} ms`, measured: answered, ratios: {plain: answered.p50 / plain.p50}},
      {what: `second tab, ${ms} ms`, measured: tabs, goal: goals[ms]!,
        ratios: {plain: tabs.p50 / plain.p50, answered: tabs.p50 / answered.p50}},
      {what: `from the server, plain, ${ms} ms`, value: bytes.plain / 1000, unit: 'KB'},
      {what: `from the server, second tab, ${ms} ms`, value: bytes.tabs / 1000, unit: 'KB', goal: 'no documents'}
    );
  }
  await stage.server.delay(0);
  await stage.closePages(...firsts);
  return figures;
}
