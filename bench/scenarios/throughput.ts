import type {Page} from 'puppeteer-core';
import type {Figure} from '../report.js';
import type {BenchStage} from '../stage.js';
import {spreadOf} from '../statistics.js';

type Way = 'tabs' | 'plain';

interface Kind {
  what: string;
  tabs: number;
  /** Per tab. */
  ops: number;
  compose: boolean;
  goal?: string;
  /** Measures the calls alone, with nothing sent meanwhile. This is the upper limit. */
  paused?: boolean;
}

/** Characters typed as fast as the pages can, until the server and all pages have them. */
export async function throughput(stage: BenchStage): Promise<Figure[]> {
  const kinds: Kind[] = [
    {what: '10,000 ops, composing', tabs: 1, ops: 10_000, compose: true, goal: '≥ plain'},
    {what: '1,000 ops, not composing', tabs: 1, ops: 1000, compose: false, goal: '≥ plain'},
    {what: '5 tabs, 2,000 ops each, composing', tabs: 5, ops: 2000, compose: true, goal: '≥ 3 × plain'},
    {what: '5 tabs, 2,000 ops each, the calls alone', tabs: 5, ops: 2000, compose: true, paused: true},
    {what: '5 tabs, 200 ops each, not composing', tabs: 5, ops: 200, compose: false, goal: '≥ 3 × plain'}
  ];
  const [warmUp, rounds] = stage.quick ? [0, 1] : [3, 9];
  const pages = {tabs: [] as Page[], plain: [] as Page[]};
  for (const way of ['tabs', 'plain'] as const) for (let i = 0; i < 5; i++) pages[way].push(await stage.openPage());
  const figures: Figure[] = [];
  for (const kind of kinds) {
    const rates = {tabs: [] as number[], plain: [] as number[]};
    for (let round = 0; round < warmUp + rounds; round++) {
      for (const way of round % 2 ? ['plain', 'tabs'] as const : ['tabs', 'plain'] as const) {
        const rate = await rateOf(stage, kind, way, round, pages[way].slice(0, kind.tabs));
        if (round >= warmUp) rates[way].push(rate);
      }
    }
    const plain = spreadOf(rates.plain);
    figures.push({what: `${kind.what}, plain`, measured: plain, unit: 'ops/s'});
    const tabs = spreadOf(rates.tabs);
    figures.push({
      what: `${kind.what}, in tabs`, measured: tabs, unit: 'ops/s', ratios: {plain: tabs.p50 / plain.p50}, ...(kind.goal && {goal: kind.goal})
    });
  }
  await stage.closePages(...pages.tabs, ...pages.plain);
  return figures;
}

/** Ops per second, of all tabs together. */
async function rateOf(stage: BenchStage, {what, tabs, ops, compose, paused = false}: Kind, way: Way, round: number, pages: Page[]): Promise<number> {
  const id = `${what}, ${way}, ${round}`;
  await stage.create({[id]: {text: ''}});
  const place = {way, namespace: 'throughput', url: `${stage.server.url}/${way}`, id};
  for (const page of pages) await page.evaluate(where => globalThis.bench.openForTyping(where), place);
  const spans = await Promise.all(pages.map((page, i) => page.evaluate(
    options => globalThis.bench.type(options), {character: 'abcde'[i]!, count: ops, compose, whole: tabs * ops, paused}
  )));
  const {text} = await stage.fetch<{text: string}>(id);
  const counted = [...'abcde'].map(character => text.split(character).length - 1);
  if (counted.some((count, i) => count !== (i < tabs ? ops : 0))) throw new Error(`${id}: the server has ${counted.join(', ')} characters`);
  for (const page of pages) {
    if ((await page.evaluate(() => globalThis.bench.typed())) !== text) throw new Error(`${id}: a page does not show what the server has`);
  }
  const ms = Math.max(...spans.map(({called, to}) => (paused ? called : to))) - Math.min(...spans.map(({from}) => from));
  return (tabs * ops) / (ms / 1000);
}
