import type {Page} from 'puppeteer-core';
import type {Place} from '../page/edits.js';
import type {BenchStage} from '../stage.js';

/** A place with an empty document, for tabs or for plain connections. */
export async function placeFor(stage: BenchStage, way: Place['way'], namespace: string): Promise<Place> {
  const id = `${namespace}, ${way}`;
  await stage.create({[id]: {edits: []}});
  return {way, namespace, url: `${stage.server.url}/${way}`, id};
}

export async function openPlaces(stage: BenchStage, places: Record<string, Place>): Promise<Page> {
  const page = await stage.openPage();
  await page.evaluate(where => globalThis.bench.openForEdits(where), places);
  return page;
}

/** Checks that pages and server have this many edits, each once, in order. */
export async function expectEdits(
  stage: BenchStage, places: Record<string, Place>, counts: Record<string, number>, ...pages: Page[]
): Promise<void> {
  const shown = await Promise.all(pages.map(page => page.evaluate(() => globalThis.bench.edits())));
  for (const [name, {id}] of Object.entries(places)) {
    const expected = Array.from({length: counts[name]!}, (_, n) => n).join();
    const found = [(await stage.fetch<{edits: number[]}>(id)).edits, ...shown.map(edits => edits[name]!)];
    found.forEach((edits, i) => {
      if (edits.join() !== expected) throw new Error(`${name}: ${i ? `page ${i}` : 'the server'} has ${edits.length} edits, not ${counts[name]} in order`);
    });
  }
}
