import {expect} from 'chai';
import {SharedMap, transaction} from '../../lib/collections.js';
import {SharedDoc} from '../../lib/host/doc/shared-doc.js';
import {Transactions} from '../../lib/host/collections/transactions.js';
import {Random} from '../support/random.js';
import {until} from '../waiting/until.js';
import {turn} from '../waiting/node-turn.js';
import {MAPS, appendToLists} from './list-appends.js';
import {CollectionsStage} from './stage.js';

const SEED = Number(process.env['SEED'] ?? 1);
/** How many transactions each of five tabs makes. */
const EACH = Number(process.env['TRANSACTIONS'] ?? 40);

async function walk(seed: number, {tabs = 5, each = EACH, kills = false} = {}): Promise<string[]> {
  const random = new Random(seed);
  const stage = new CollectionsStage();
  let isOver = false;
  try {
    const all = await Promise.all(Array.from({length: tabs}, () => stage.openTab()).map(async tab => ({
      transaction, maps: await Promise.all(MAPS.map(name => SharedMap.open<string, string[]>(tab, name)))
    })));
    const killing = kills ? keepKilling(stage, random, () => isOver) : undefined;
    const problems = await appendToLists(all, random, each, turn);
    isOver = true;
    await killing;
    return [...problems, ...stage.errors.map(String)];
  } finally {
    isOver = true;
    stage.close();
  }
}

async function keepKilling(stage: CollectionsStage, random: Random, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    for (let turns = 20 + random.below(200); turns && !isOver(); turns--) await turn();
    if (!isOver()) stage.replaceHost();
  }
}

describe('transactions of several tabs', function () {
  this.timeout(120_000 + EACH * 500);

  it('are serializable', async () => {
    for (let seed = SEED; seed < SEED + 5; seed++) expect(await walk(seed), `SEED=${seed}`).to.eql([]);
  });

  it('are serializable while hosts die during them: each is made once', async () => {
    for (let seed = SEED; seed < SEED + 5; seed++) expect(await walk(seed, {each: 15, kills: true}), `SEED=${seed}`).to.eql([]);
  });

  describe('of a host with a planted fault are not serializable, which the test detects', () => {
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
  this.timeout(120_000);

  it('are right in every state that any tab shows, through deaths of hosts', async () => {
    const random = new Random(SEED);
    const stage = new CollectionsStage();
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
      await until('all show the same', () => new Set(tabs.map(({left}) => left.get('n'))).size === 1);
      expect([made, torn, stage.errors]).to.eql([100, [], []]);
    } finally {
      isOver = true;
      stage.close();
    }
  });
});
