import type {KeyInput, Page} from 'puppeteer-core';
import type {EditorPlace} from '../page/keystrokes/editors.js';
import type {Figure} from '../report.js';
import type {BenchStage} from '../stage.js';
import {type Spread, spreadOf} from '../statistics.js';
import {far} from './edits.js';

const warmUp = 20;
const keys = [...'abcdefghijklmnopqrstuvwxyz'] as KeyInput[];
const ways = ['bare', 'yjs', 'plain', 'tabs'] as const;
type Name = typeof ways[number];

/** A key in one window until the other window has painted its character, with Quill. */
export async function keystroke(stage: BenchStage): Promise<Figure[]> {
  const places = Object.fromEntries(ways.map(way =>
    [way, {way, url: `${stage.server.url}/${way}`, id: `keystroke, ${way}`} satisfies EditorPlace])) as Record<Name, EditorPlace>;
  for (const way of ['plain', 'tabs'] as const) await stage.create({[places[way].id]: [{insert: '\n'}]}, 'rich-text');
  const [typist, watcher] = [await openWindow(stage, places), await openWindow(stage, places)];
  await watcher.evaluate(() => globalThis.keystrokes.watch());
  let expected = '';
  const run = async (rounds: number): Promise<Record<Name, Spread>> => {
    const times: Record<Name, number[]> = {bare: [], yjs: [], plain: [], tabs: []};
    for (let round = 0; round < warmUp + rounds; round++) {
      const key = keys[round % keys.length]!;
      for (let i = 0; i < ways.length; i++) {
        const name = ways[(i + round) % ways.length]!;
        await typist.evaluate(which => globalThis.keystrokes.ready(which), name);
        await typist.keyboard.press(key);
        const ms = await typist.evaluate(which => globalThis.keystrokes.measured(which), name);
        if (round >= warmUp) times[name].push(ms);
      }
      expected += key;
    }
    return Object.fromEntries(ways.map(name => [name, spreadOf(times[name])])) as Record<Name, Spread>;
  };
  const near = await run(stage.quick ? 20 : 150);
  await stage.server.delay(far);
  const away = await run(stage.quick ? 10 : 60);
  await stage.server.delay(0);
  await expectTexts(stage, places, expected, typist, watcher);
  await stage.closePages(typist, watcher);

  const titles: Record<Name, string> = {
    bare: 'a bare message and an element', yjs: 'Yjs, by BroadcastChannel', plain: 'plain ShareDB, by way of the server', tabs: 'tab to tab'
  };
  const figures = (where: string, measured: Record<Name, Spread>): Figure[] => ways.map(name => ({
    what: `${titles[name]}, ${where}`, measured: measured[name],
    ...(name === 'tabs' && {ratios: {
      plain: measured.tabs.p50 / measured.plain.p50, Yjs: measured.tabs.p50 / measured.yjs.p50, bare: measured.tabs.p50 / measured.bare.p50
    }})
  }));
  return [...figures('0 ms', near), ...figures(`${far} ms`, away)];
}

/** In a window of its own, because a tab behind another one paints nothing. */
async function openWindow(stage: BenchStage, places: Record<Name, EditorPlace>): Promise<Page> {
  const page = await stage.browser.openPage('keystrokes.html', 'window');
  await page.evaluate(where => globalThis.keystrokes.open(where), places);
  const visibility = await page.evaluate(() => globalThis.keystrokes.visibility());
  if (visibility !== 'visible') throw new Error(`the window is ${visibility}: it paints nothing`);
  return page;
}

async function expectTexts(stage: BenchStage, places: Record<Name, EditorPlace>, expected: string, ...pages: Page[]): Promise<void> {
  const shown = await Promise.all(pages.map(page => page.evaluate(() => globalThis.keystrokes.texts())));
  for (const name of ways) {
    const texts = shown.map(texts => texts[name]!);
    if (name === 'plain' || name === 'tabs') {
      const {ops} = await stage.fetch<{ops: {insert: string}[]}>(places[name].id);
      texts.push(ops.map(({insert}) => insert).join('').trimEnd());
    }
    for (const text of texts) {
      if (text !== expected) throw new Error(`${name}: the text has ${text.length} characters, not the ${expected.length} that were typed in order`);
    }
  }
}
