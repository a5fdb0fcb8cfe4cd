import type {Page} from 'puppeteer-core';
import type {Place} from '../page/edits.js';
import type {Figure} from '../report.js';
import type {BenchStage} from '../stage.js';
import {spreadOf} from '../statistics.js';
import {createBodies} from './bodies.js';
import {expectEdits, openPlaces, placeFor} from './places.js';

const warmUp = 30;
const cases = {
  '10 other documents': {documents: 10, tabs: 0},
  '1,000 other documents': {documents: 1000, tabs: 0},
  '2 other tabs': {documents: 0, tabs: 2},
  '20 other tabs': {documents: 0, tabs: 20}
};

/** An edit with more open documents, and with more tabs that do not have its document. */
export async function unconcerned(stage: BenchStage): Promise<Figure[]> {
  const rounds = stage.quick ? 30 : 200;
  const names = Object.keys(cases) as (keyof typeof cases)[];
  const places: Record<string, Place> = {};
  for (const name of names) places[name] = await placeFor(stage, 'tabs', name);
  const [editor, watcher] = [await openPlaces(stage, places), await openPlaces(stage, places)];
  await watcher.evaluate(() => globalThis.bench.watchEdits());
  const others: Page[] = [];
  for (const name of names) {
    const {documents, tabs} = cases[name];
    const {namespace, url} = places[name]!;
    const ids = await createBodies(stage, `beside ${name}`, documents || 10);
    // The watching page also has the other documents; the other tabs are separate pages.
    if (documents) await watcher.evaluate(options => globalThis.bench.subscribeAll(options), {way: 'tabs' as const, namespace, url, ids});
    for (let i = 0; i < tabs; i++) {
      const page = await stage.openPage();
      await page.evaluate(options => globalThis.bench.subscribeAll(options), {way: 'tabs' as const, namespace, url, ids});
      others.push(page);
    }
  }
  const counts = async (name: string) => await editor.evaluate(place => globalThis.bench.storeCounts(place), name);
  const before = Object.fromEntries(await Promise.all(names.map(async name => [name, await counts(name)] as const)));
  const times = await editor.evaluate(options => globalThis.bench.editsToOther(options), {rounds, warmUp, names});
  const all = warmUp + rounds;
  const figures: Figure[] = [];
  for (const [few, many] of [names.slice(0, 2), names.slice(2)] as [keyof typeof cases, keyof typeof cases][]) {
    const [less, more] = [spreadOf(times[few]!), spreadOf(times[many]!)];
    const written = async (name: string): Promise<number> => {
      const {id} = places[name]!;
      return ((await counts(name)).written[id]!.appended - (before[name]!.written[id]?.appended ?? 0)) / all;
    };
    figures.push(
      {what: `tab to tab, ${few}`, measured: less},
      {what: `tab to tab, ${many}`, measured: more, ratios: {[few]: more.p50 / less.p50}, goal: `≤ 1.1 × ${few}`},
      {what: `journal per edit, ${few}`, value: await written(few), unit: 'B'},
      {what: `journal per edit, ${many}`, value: await written(many), unit: 'B'}
    );
  }
  await expectEdits(stage, places, Object.fromEntries(names.map(name => [name, all])), editor, watcher);
  await stage.closePages(...others, editor, watcher);
  return figures;
}
