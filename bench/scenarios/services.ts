import type {Page} from 'puppeteer-core';
import {until} from '../../test/waiting/until.js';
import type {CountedPlace} from '../page/services/main.js';
import type {Figure} from '../report.js';
import type {BenchStage} from '../stage.js';
import {type Spread, spreadOf} from '../statistics.js';
import {far} from './edits.js';

const warmUp = 30;

/** Calls of a service in the host, beside an edit and a bare message, with a server near and far, and without one. */
export async function services(stage: BenchStage): Promise<Figure[]> {
  const place = (hasServices: boolean, namespace: string): CountedPlace => ({hasServices, namespace, url: `${stage.server.url}/tabs`, id: namespace});
  const places = {'with services': place(true, 'services'), 'without services': place(false, 'no services')};
  await stage.create({services: {n: 0}, 'no services': {n: 0}});
  const openPage = async (): Promise<Page> => {
    const page = await stage.browser.openPage('services.html');
    await page.evaluate(given => globalThis.servicesBench.open(given), places);
    return page;
  };
  const [caller, watcher] = [await openPage(), await openPage()];
  await watcher.evaluate(() => globalThis.servicesBench.watch());
  const counts = {'with services': 0, 'without services': 0};
  const run = async (where: string, rounds: number): Promise<Figure[]> => {
    const times = await caller.evaluate(given => globalThis.servicesBench.measure(given), {rounds, warmUp});
    counts['with services'] += 2 * (warmUp + rounds);
    counts['without services'] += warmUp + rounds;
    return figuresOf(where, times);
  };
  const near = await run('0 ms', stage.quick ? 40 : 300);
  await stage.server.delay(far);
  const away = await run(`${far} ms`, stage.quick ? 20 : 80);
  await stage.server.delay(0);
  await stage.server.stop();
  await until('the hosts know that the server is away', async () => !(await caller.evaluate(() => globalThis.servicesBench.isOnline())));
  const offline = await run('server away', stage.quick ? 40 : 300);
  await stage.server.start();
  for (const page of [caller, watcher]) {
    const numbers = await page.evaluate(() => globalThis.servicesBench.numbers());
    for (const [name, count] of Object.entries(counts)) if (numbers[name] !== count) throw new Error(`${name}: ${numbers[name]}, not ${count}`);
  }
  await stage.closePages(caller, watcher);
  return [...near, ...away, ...offline];
}

function figuresOf(where: string, times: Record<string, number[]>): Figure[] {
  const [message, call, edit, bareEdit, withOp] = ['message', 'call', 'edit', 'edit without services', 'call with an op'].map(name => spreadOf(times[name]!)) as
    [Spread, Spread, Spread, Spread, Spread];
  return [
    {what: `a bare round trip on a port, ${where}`, measured: message},
    {what: `a call without ops, ${where}`, measured: call, ratios: {message: call.p50 / message.p50}, goal: '≤ 2.5 × message'},
    {what: `an edit to another tab, host without services, ${where}`, measured: bareEdit},
    {what: `an edit to another tab, host with services, ${where}`, measured: edit, ratios: {without: edit.p50 / bareEdit.p50}, goal: '≤ 1.03 × without'},
    {what: `a call with an op, shown here, ${where}`, measured: withOp, ratios: {edit: withOp.p50 / edit.p50}, goal: '≤ 1.3 × edit; ≤ 5 ms'}
  ];
}
