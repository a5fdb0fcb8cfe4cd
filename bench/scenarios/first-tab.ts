import {until} from '../../test/waiting/until.js';
import type {Way} from '../page/connect.js';
import type {Figure} from '../report.js';
import type {BenchStage} from '../stage.js';
import {spreadOf} from '../statistics.js';
import {bodiesOf, createBodies} from './bodies.js';
import {far} from './edits.js';

type Visit = 'plain' | 'relayed' | 'fresh' | 'early' | 'return' | 'stored';

const ways: Record<Visit, Way> = {plain: 'plain', relayed: 'relayed', fresh: 'tabs', early: 'tabs', return: 'tabs', stored: 'stored'};
/** How long before it connects a page starts its worker, in ms, as from the head of a page whose scripts are loading. */
const EARLY_MS = 200;
const visits = Object.keys(ways) as Visit[];

/** Documents of 2 KB in the first tab of a browser: every worker is new, and the browser has stored nothing, or all of them. */
export async function firstTab(stage: BenchStage): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const count of [1, 100]) {
    const ids = await createBodies(stage, `first tab of ${count}`, count);
    const stored = `return visit, ${count}`;
    await storeAll(stage, stored, ids);
    for (const ms of [0, far]) {
      await stage.server.delay(ms);
      figures.push(...await measure(stage, ids, ms, stored));
    }
    await stage.server.delay(0);
  }
  return figures;
}

async function storeAll(stage: BenchStage, namespace: string, ids: string[]): Promise<void> {
  const page = await stage.openPage();
  await page.evaluate(from => globalThis.bench.storeDocuments(from), {namespace, url: `${stage.server.url}/stored`, ids});
  await until('the documents are stored', async () => {
    const {records} = await page.evaluate(name => globalThis.bench.copyToBareStore(name), namespace);
    return records === ids.length;
  });
  await stage.closePages(page);
}

async function measure(stage: BenchStage, ids: string[], ms: number, stored: string): Promise<Figure[]> {
  const rounds = stage.quick ? 2 : 10;
  const expected = JSON.stringify(bodiesOf(ids));
  const times: Record<Visit, number[]> = {plain: [], relayed: [], fresh: [], early: [], return: [], stored: []};
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < visits.length; i++) {
      const visit = visits[(i + round) % visits.length]!;
      const isNew = visit === 'fresh' || visit === 'early';
      const namespace = isNew ? `${visit}, ${ids.length}, ${ms}, ${round}` : stored;
      const page = await stage.openPage();
      times[visit].push(await page.evaluate(options => globalThis.bench.subscribeAll(options), {
        way: ways[visit], namespace, url: `${stage.server.url}/${visit}`, ids, ...(visit === 'early' && {early: EARLY_MS})
      }));
      const shown = await page.evaluate(() => JSON.stringify(globalThis.bench.shownDocuments()));
      if (shown !== expected) throw new Error(`${visit}: a page does not show what the server has`);
      // The shared worker ends with its only page.
      await stage.closePages(page);
    }
  }
  const where = `${ids.length === 1 ? '1 document' : `${ids.length} documents`}, ${ms} ms`;
  const [plain, relayed] = [spreadOf(times.plain), spreadOf(times.relayed)];
  const figure = (what: string, visit: Visit, goal?: string): Figure => {
    const measured = spreadOf(times[visit]);
    return {
      what: `${what}, ${where}`, measured, ratios: {plain: measured.p50 / plain.p50, relayed: measured.p50 / relayed.p50}, ...(goal && {goal})
    };
  };
  return [
    {what: `plain ShareDB, ${where}`, measured: plain},
    {what: `ShareDB's client, relayed by a new worker, ${where}`, measured: relayed, ratios: {plain: relayed.p50 / plain.p50}},
    figure('first tab, nothing stored', 'fresh', '≤ 1.15 × relayed'),
    figure(`the same, worker started ${EARLY_MS} ms before`, 'early'),
    figure('first tab of a return visit', 'return', ms ? '≤ 0.5 × plain' : undefined),
    figure('return visit, storedFirst', 'stored', '≤ 70 ms')
  ];
}
