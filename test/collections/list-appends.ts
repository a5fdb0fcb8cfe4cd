import type {SharedMap, transaction} from '../../lib/collections.js';
import type {Random} from '../support/random.js';
import {until} from '../waiting/until.js';
import {problemsOf, type Done} from './serialisable.js';

export const MAPS = ['a', 'b', 'c'];
const KEYS = ['x', 'y', 'z'];
export type Lists = SharedMap<string, string[]>;

/** A tab with the maps of {@link MAPS}, opened in its own page. */
export interface AppendingTab {
  maps: Lists[];
  transaction: typeof transaction;
}

/**
 * Tabs that add their ids to lists, read other lists, and read which keys exist, in transactions.
 * @param each the number of transactions of each tab
 * @param pause waits for a turn
 * @returns what shows that they were not as if made one after the other
 */
export async function appendToLists(tabs: readonly AppendingTab[], random: Random, each: number, pause: () => Promise<void>): Promise<string[]> {
  const done = await Promise.all(tabs.map((tab, t) => appendMany(tab, t, random, each, pause)));
  const shown = ({maps}: AppendingTab): string => JSON.stringify(listsOf(maps));
  await until('all tabs show the same', () => new Set(tabs.map(shown)).size === 1);
  return problemsOf(done.flat(), new Map(listsOf(tabs[0]!.maps)));
}

/** The transactions of one tab. */
export async function appendMany(tab: AppendingTab, number: number, random: Random, count: number, pause: () => Promise<void>, start = 0): Promise<Done[]> {
  const done: Done[] = [];
  for (let n = start; n < start + count; n++) await appendOnce(tab, `${number}.${n}`, random, pause, done);
  return done;
}

/** The lists that a tab shows, in the order of their names. */
export const listsOf = (maps: readonly Lists[]): [name: string, list: readonly string[]][] =>
  maps.flatMap((map, m) => [...map].map(([key, list]): [string, readonly string[]] => [`${MAPS[m]}/${key}`, list])).sort(([a], [b]) => (a < b ? -1 : 1));

async function appendOnce({maps, transaction: run}: AppendingTab, id: string, random: Random, pause: () => Promise<void>, done: Done[]): Promise<void> {
  const isAsync = random.below(4) === 0;
  const plan = Array.from({length: 1 + random.below(4)}, () => ({
    map: random.below(3), key: random.pick(KEYS) + (random.below(4) ? '' : random.below(3)), what: random.pick(['read', 'append', 'append', 'keys'])
  }));
  const isAppending = plan.some(({what}) => what === 'append');
  const one = await run(async tx => {
    const seen: Done = {id, reads: new Map(), appends: new Set(), structures: new Map()};
    for (const {map: m, key, what} of plan) {
      if (isAsync && random.below(2)) await pause();
      const map = tx.in(maps[m]!) as unknown as Lists;
      const name = `${MAPS[m]}/${key}`;
      if (what === 'keys') {
        // It sees its own keys, too.
        seen.structures.set(MAPS[m]!, [...map.keys()].map(known => `${MAPS[m]}/${known}`));
        continue;
      }
      const list = map.get(key) ?? [];
      if (!seen.appends.has(name)) seen.reads.set(name, [...list]);
      if (what !== 'append' || seen.appends.has(name)) continue;
      seen.appends.add(name);
      map.set(key, [...list, id]);
    }
    return seen;
  }, {maxRetries: 1000, timeout: 60_000});
  // A transaction that only reads may see an earlier state, but only one.
  if (isAppending || one.reads.size) done.push(one);
}
