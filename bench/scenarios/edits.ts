import type {Page} from 'puppeteer-core';
import {until} from '../../test/waiting/until.js';
import type {Place, Way} from '../page/edits.js';
import type {Figure} from '../report.js';
import type {Stage} from '../stage.js';
import {spreadOf} from '../statistics.js';

const rounds = 300;
const warmUp = 50;

/** An edit from one page to another, with the server and without it. */
export async function tabToTab(stage: Stage): Promise<Figure[]> {
  const place = await placeFor(stage, 'tab to tab');
  const [editor, watcher] = [await openPage(stage, place), await openPage(stage, place)];
  await watcher.evaluate(() => globalThis.bench.watchEdits());
  const run = (ways: Way[]) => editor.evaluate(options => globalThis.bench.editsToOther(options), {rounds, warmUp, ways});
  const online = await run(['tabs', 'plain', 'message']);
  await stage.server.stop();
  await until('the host knows that the server is away', async () => !(await editor.evaluate(() => globalThis.bench.serverIsThere())));
  const offline = await run(['tabs', 'message']);
  await stage.server.start();
  await editor.evaluate(() => globalThis.bench.editsSent());
  const all = warmUp + rounds;
  await expectEdits(stage, place, {tabs: 2 * all, plain: all}, editor, watcher);
  await stage.closePages(editor, watcher);

  const [tabs, plain, message] = [spreadOf(online.tabs), spreadOf(online.plain), spreadOf(online.message)];
  const [tabsOffline, messageOffline] = [spreadOf(offline.tabs), spreadOf(offline.message)];
  return [
    {what: 'bare BroadcastChannel message', measured: message},
    {what: 'plain ShareDB, by way of the server', measured: plain},
    {what: 'tab to tab', measured: tabs, goal: 'p50 ≤ 1 ms', ratios: {plain: tabs.p50 / plain.p50, message: tabs.p50 / message.p50}},
    {what: 'bare message, server away', measured: messageOffline},
    {what: 'tab to tab, server away', measured: tabsOffline, goal: 'p50 ≤ 1 ms', ratios: {message: tabsOffline.p50 / messageOffline.p50}}
  ];
}

/** An edit until the server has acknowledged it; one tab. */
export async function acknowledged(stage: Stage): Promise<Figure[]> {
  const place = await placeFor(stage, 'acknowledged');
  const page = await openPage(stage, place);
  const times = await page.evaluate(options => globalThis.bench.editsToServer(options), {namespace: place.namespace, rounds, warmUp});
  const all = warmUp + rounds;
  await expectEdits(stage, place, {tabs: all, plain: all}, page);
  await stage.closePages(page);
  const [tabs, plain] = [spreadOf(times.tabs), spreadOf(times.plain)];
  return [
    {what: 'plain ShareDB', measured: plain},
    {what: 'one tab', measured: tabs, goal: '≤ plain + 1 ms', ratios: {plain: tabs.p50 / plain.p50}},
    {what: 'of that: each commit in the host', measured: spreadOf(times.commits)},
    {what: 'commits per edit', value: times.commits.length / rounds}
  ];
}

async function placeFor(stage: Stage, namespace: string): Promise<Place> {
  const ids = {tabs: `${namespace}, tabs`, plain: `${namespace}, plain`};
  await stage.create({[ids.tabs]: {edits: []}, [ids.plain]: {edits: []}});
  return {namespace, tabsUrl: `${stage.server.url}/tabs`, plainUrl: `${stage.server.url}/plain`, ids};
}

async function openPage(stage: Stage, place: Place): Promise<Page> {
  const page = await stage.openPage();
  const mode = await page.evaluate(where => globalThis.bench.openForEdits(where), place);
  if (mode !== 'shared-worker') throw new Error(`the page connects by ${mode}`);
  return page;
}

/** Pages and server have every edit once, in order. Of plain connections only what came while the server was there. */
async function expectEdits(stage: Stage, {ids}: Place, counts: {tabs: number; plain: number}, ...pages: Page[]): Promise<void> {
  for (const way of ['tabs', 'plain'] as const) {
    const expected = Array.from({length: counts[way]}, (_, n) => n).join();
    const places = [
      (await stage.fetch<{edits: number[]}>(ids[way])).edits,
      ...await Promise.all(pages.map(async page => (await page.evaluate(() => globalThis.bench.edits()))[way]))
    ];
    places.forEach((edits, i) => {
      if (edits.join() !== expected) throw new Error(`${way}: ${i ? `page ${i}` : 'the server'} has ${edits.length} edits, not ${counts[way]} in order`);
    });
  }
}
