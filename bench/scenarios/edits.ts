import {until} from '../../test/waiting/until.js';
import type {Figure} from '../report.js';
import type {BenchStage} from '../stage.js';
import {spreadOf} from '../statistics.js';
import {expectEdits, openPlaces, placeFor} from './places.js';

const warmUp = 30;
/** The delay in each direction, in ms. */
export const far = 25;

/** An edit from one page to another, with a server near and far, and without one. */
export async function tabToTab(stage: BenchStage): Promise<Figure[]> {
  const places = {
    tabs: await placeFor(stage, 'tabs', 'tab to tab'),
    // The worker depends on the end of the name.
    written: await placeFor(stage, 'tabs', 'tab to tab, written'),
    plain: await placeFor(stage, 'plain', 'tab to tab')
  };
  const [editor, watcher] = [await openPlaces(stage, places), await openPlaces(stage, places)];
  await watcher.evaluate(() => globalThis.bench.watchEdits());
  const counts = {tabs: 0, written: 0, plain: 0};
  const run = async (names: (keyof typeof counts | 'message' | 'relay')[], rounds: number) => {
    for (const name of names) if (name !== 'message' && name !== 'relay') counts[name] += warmUp + rounds;
    const times = await editor.evaluate(options => globalThis.bench.editsToOther(options), {rounds, warmUp, names});
    return Object.fromEntries(names.map(name => [name, spreadOf(times[name]!)])) as Record<typeof names[number], ReturnType<typeof spreadOf>>;
  };
  const near = await run(['tabs', 'written', 'plain', 'message', 'relay'], stage.quick ? 50 : 300);
  await stage.server.delay(far);
  const away = await run(['tabs', 'written', 'plain', 'message', 'relay'], stage.quick ? 20 : 80);
  await stage.server.delay(0);
  await stage.server.stop();
  await until('the host knows that the server is away', async () => !(await editor.evaluate(() => globalThis.bench.serverIsThere('tabs'))));
  const offline = await run(['tabs', 'written', 'message', 'relay'], stage.quick ? 50 : 300);
  await stage.server.start();
  await editor.evaluate(() => globalThis.bench.editsSent());
  await expectEdits(stage, places, counts, editor, watcher);
  await stage.closePages(editor, watcher);

  const goal = 'p50 ≤ 1 ms';
  const figures = (where: string, {tabs, written, plain, message, relay}: typeof near): Figure[] => [
    {what: `bare BroadcastChannel message, ${where}`, measured: message},
    {what: `two bare port messages and a put, ${where}`, measured: relay},
    ...(plain ? [{what: `plain ShareDB, by way of the server, ${where}`, measured: plain}] : []),
    ...[{what: 'tab to tab', measured: tabs}, {what: "tab to tab, durability: 'written'", measured: written}].map(({what, measured}) => ({
      what: `${what}, ${where}`, measured, goal,
      ratios: {...(plain && {plain: measured.p50 / plain.p50}), 'messages and put': measured.p50 / relay.p50}
    }))
  ];
  return [...figures('0 ms', near), ...figures(`${far} ms`, away), ...figures('server away', offline)];
}

/** An edit until the server has acknowledged it; one tab. */
export async function acknowledged(stage: BenchStage): Promise<Figure[]> {
  const places = {tabs: await placeFor(stage, 'tabs', 'acknowledged'), plain: await placeFor(stage, 'plain', 'acknowledged')};
  const page = await openPlaces(stage, places);
  const commits = async (): Promise<number[]> => (await page.evaluate(() => globalThis.bench.storeCounts('tabs'))).commits;
  let all = 0;
  const run = async (rounds: number) => {
    const before = (await commits()).length;
    const times = await page.evaluate(options => globalThis.bench.editsToServer(options), {rounds, warmUp});
    all += warmUp + rounds;
    const during = (await commits()).slice(before);
    return {tabs: spreadOf(times['tabs']!), plain: spreadOf(times['plain']!), commits: spreadOf(during), perEdit: during.length / (warmUp + rounds)};
  };
  const near = await run(stage.quick ? 50 : 300);
  await stage.server.delay(far);
  const away = await run(stage.quick ? 20 : 80);
  await stage.server.delay(0);
  await expectEdits(stage, places, {tabs: all, plain: all}, page);
  await stage.closePages(page);
  const figures = (where: string, {tabs, plain, commits, perEdit}: typeof near, goal: string): Figure[] => [
    {what: `plain ShareDB, ${where}`, measured: plain},
    {what: `one tab, ${where}`, measured: tabs, goal, ratios: {plain: tabs.p50 / plain.p50}},
    {what: `more than plain, ${where}`, value: tabs.p50 - plain.p50, unit: 'ms'},
    {what: `of that: each commit in the host, ${where}`, measured: commits},
    {what: `commits per edit, ${where}`, value: perEdit}
  ];
  return [...figures('0 ms', near, '≤ plain + 1 ms'), ...figures(`${far} ms`, away, '≤ 1.03 × plain')];
}

/** The time that the synchronous call takes in the page. */
export async function submitCall(stage: BenchStage): Promise<Figure[]> {
  const places = {tabs: await placeFor(stage, 'tabs', 'submit call'), plain: await placeFor(stage, 'plain', 'submit call')};
  const page = await openPlaces(stage, places);
  const kinds = [
    {what: 'submitOp with a callback', callback: true, perTurn: 1, rounds: stage.quick ? 50 : 500},
    {what: 'submitOp without a callback', callback: false, perTurn: 1, rounds: stage.quick ? 50 : 500},
    {what: '20 in one turn, each', callback: true, perTurn: 20, rounds: stage.quick ? 10 : 60}
  ];
  const figures: Figure[] = [];
  let all = 0;
  for (const {what, ...kind} of kinds) {
    const times = await page.evaluate(options => globalThis.bench.submitCalls(options), {...kind, warmUp});
    all += (warmUp + kind.rounds) * kind.perTurn;
    const [tabs, plain] = [spreadOf(times['tabs']!), spreadOf(times['plain']!)];
    figures.push(
      {what: `${what}, plain`, measured: plain},
      {what: `${what}, in a tab`, measured: tabs, ratios: {plain: tabs.p50 / plain.p50}, goal: '≤ 1.1 × plain'}
    );
  }
  await expectEdits(stage, places, {tabs: all, plain: all}, page);
  await stage.closePages(page);
  return figures;
}
