import {expect} from 'chai';
import {SharedMap, transaction} from '../../lib/collections.js';
import {SharedDoc} from '../../lib/host/doc/shared-doc.js';
import {Transactions} from '../../lib/host/collections/transactions.js';
import {Random} from '../karma/random.js';
import {until} from '../waiting/until.js';
import {problemsOf, type Done} from './serialisable.js';
import {Stage, turn} from './stage.js';

const SEED = Number(process.env['SEED'] ?? 1);
const MAPS = ['a', 'b', 'c'];
const KEYS = ['x', 'y', 'z'];
type Lists = SharedMap<string, string[]>;

/** Tabs that add their ids to lists, read other lists, and read which keys exist. */
async function walk(seed: number, {tabs = 5, each = 40, kills = false} = {}): Promise<string[]> {
  const random = new Random(seed);
  const stage = new Stage();
  const done: Done[] = [];
  const problems: string[] = [];
  let isOver = false;
  try {
    const all = await Promise.all(Array.from({length: tabs}, () => stage.openTab()).map(tab => Promise.all(MAPS.map(name => SharedMap.open<string, string[]>(tab, name)))));
    const killing = kills ? keepKilling(stage, random, () => isOver) : undefined;
    const work = all.map(async (maps, t) => {
      for (let n = 0; n < each; n++) {
        const id = `${t}.${n}`;
        const isAsync = random.below(4) === 0;
        const plan = Array.from({length: 1 + random.below(4)}, () => ({
          map: random.below(3), key: random.pick(KEYS) + (random.below(4) ? '' : random.below(3)), what: random.pick(['read', 'append', 'append', 'keys'])
        }));
        const isAppending = plan.some(({what}) => what === 'append');
        await transaction(async tx => {
          const one: Done = {id, reads: new Map(), appends: new Set(), structures: new Map()};
          for (const {map: m, key, what} of plan) {
            if (isAsync && random.below(2)) await turn();
            const map = tx.in(maps[m]!) as unknown as Lists;
            const name = `${MAPS[m]}/${key}`;
            if (what === 'keys') {
              // It sees its own keys, too.
              one.structures.set(MAPS[m]!, [...map.keys()].map(known => `${MAPS[m]}/${known}`));
              continue;
            }
            const list = map.get(key) ?? [];
            if (!one.appends.has(name)) one.reads.set(name, [...list]);
            if (what !== 'append' || one.appends.has(name)) continue;
            one.appends.add(name);
            map.set(key, [...list, id]);
          }
          return one;
        }, {maxRetries: 1000, timeout: 60_000}).then(one => {
          // A transaction that only reads may see an earlier state, but only one.
          if (isAppending || one.reads.size) done.push(one);
        });
      }
    });
    await Promise.all(work);
    isOver = true;
    await killing;
    const shown = (maps: Lists[]): string => JSON.stringify(maps.map(map => Object.fromEntries([...map].sort())));
    await until('all tabs show the same', () => new Set(all.map(shown)).size === 1, 30_000);
    const final = new Map(all[0]!.flatMap((map, m) => [...map].map(([key, list]) => [`${MAPS[m]}/${key}`, list] as const)));
    problems.push(...problemsOf(done, final), ...stage.errors.map(String));
  } finally {
    isOver = true;
    stage.close();
  }
  return problems;
}

async function keepKilling(stage: Stage, random: Random, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    for (let turns = 20 + random.below(200); turns && !isOver(); turns--) await turn();
    if (!isOver()) stage.replaceHost();
  }
}

describe('transactions of several tabs', function () {
  this.timeout(120_000);

  it('are as if made one after the other', async () => {
    for (let seed = SEED; seed < SEED + 5; seed++) expect(await walk(seed), `SEED=${seed}`).to.eql([]);
  });

  it('are so while hosts die in the middle of them: each is made once', async () => {
    for (let seed = SEED; seed < SEED + 5; seed++) expect(await walk(seed, {each: 15, kills: true}), `SEED=${seed}`).to.eql([]);
  });

  describe('of a host with a planted fault are not, and it is seen', () => {
    const planted = async (plant: () => () => void): Promise<void> => {
      const heal = plant();
      try {
        for (let seed = SEED; seed < SEED + 10; seed++) {
          const problems = await walk(seed, {each: 15}).catch((error: unknown) => [String(error)]);
          if (problems.length) return;
        }
      } finally {
        heal();
      }
      throw new Error('the fault was not found');
    };

    const withReads = (change: (reads: string[]) => string[]) => () => {
      const {answer} = Transactions.prototype;
      Transactions.prototype.answer = function (tab, name, args): any {
        const parts = (args as {parts?: {reads: string[]}[]}).parts ?? [];
        for (const part of parts) part.reads = change(part.reads);
        return answer.call(this, tab, name, args);
      };
      return () => { Transactions.prototype.answer = answer; };
    };

    it('no validation', () => planted(withReads(() => [])));

    it('no validation of which keys there are', () => planted(withReads(reads => reads.filter(read => read !== '#' && read !== '*'))));

    it('one document placed a turn later', () => planted(() => {
      const {place} = SharedDoc.prototype;
      SharedDoc.prototype.place = function (...args): void {
        if (this.id === 'map:b') setImmediate(() => { try { place.apply(this, args); } catch { /* It is not to be applied any more. */ } });
        else place.apply(this, args);
      };
      return () => { SharedDoc.prototype.place = place; };
    }));
  });
});

describe('sums over two collections', function () {
  this.timeout(60_000);

  it('are right in every state that any tab shows, through deaths of hosts', async () => {
    const random = new Random(SEED);
    const stage = new Stage();
    const torn: unknown[] = [];
    let isOver = false;
    try {
      const tabs = await Promise.all(Array.from({length: 4}, () => stage.openTab()).map(async tab => ({
        left: await SharedMap.open<string, number>(tab, 'left'), right: await SharedMap.open<string, number>(tab, 'right')
      })));
      await transaction(() => {
        tabs[0]!.left.set('n', 100);
        tabs[0]!.right.set('n', 100);
      });
      await until('all have it', () => tabs.every(({left, right}) => left.get('n') === 100 && right.get('n') === 100));
      for (const {left, right} of tabs) {
        const look = (): void => {
          const sum = left.get('n')! + right.get('n')!;
          if (sum !== 200) torn.push(sum);
        };
        left.on(look);
        right.on(look);
      }
      const looking = (async () => {
        while (!isOver) {
          await turn();
          for (const {left, right} of tabs) {
            const sum = left.get('n')! + right.get('n')!;
            if (sum !== 200) torn.push(`between turns: ${sum}`);
          }
        }
      })();
      const killing = keepKilling(stage, random, () => isOver);
      let made = 0;
      await Promise.all(tabs.map(async ({left, right}) => {
        for (let n = 0; n < 25; n++) {
          const amount = 1 + random.below(5);
          await transaction(() => {
            left.set('n', left.get('n')! - amount);
            right.set('n', right.get('n')! + amount);
          }, {maxRetries: 1000, timeout: 60_000});
          made++;
        }
      }));
      isOver = true;
      await Promise.all([looking, killing]);
      await until('all show the same', () => new Set(tabs.map(({left}) => left.get('n'))).size === 1, 30_000);
      expect([made, torn, stage.errors]).to.eql([100, [], []]);
    } finally {
      isOver = true;
      stage.close();
    }
  });
});
