import {expect} from 'chai';
import {SharedQueue} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {Random} from '../support/random.js';
import {CollectionsStage} from './stage.js';
import {VirtualTime} from './virtual-time.js';

const SEED = Number(process.env['SEED'] ?? 1);
/** The number of histories of each kind. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 3);
const ITEMS = 30;
const DEATHS = 3;

interface Report {
  what: 'took' | 'done';
  item: number;
  attempts: number;
}

describe('a queue whose browser dies, with all tabs and the host at once', function () {
  this.timeout(120_000 + HISTORIES * 2_000);

  for (const scope of ['local', 'synced'] as const) {
    it(`has each item done once for each attempt, ${scope}`, async () => {
      for (let seed = SEED; seed < SEED + HISTORIES; seed++) await VirtualTime.run(time => history(scope, seed, time));
    });
  }

  async function history(scope: 'local' | 'synced', seed: number, time: VirtualTime): Promise<void> {
    const random = new Random(seed);
    const stage = new CollectionsStage({online: scope === 'synced'});
    const said: Report[] = [];
    const errors: unknown[] = [];
    const doneItems = (): number => said.filter(({what}) => what === 'done').length;
    // After the death of a browser, another host waits for the end of its leases and for 30 s more, as clocks differ.
    const open = (tab: ProxyConnection): Promise<SharedQueue<number>> =>
      SharedQueue.open(tab, 'work', {scope, maxAttempts: 1000, leaseTimeout: scope === 'synced' ? 2000 : undefined});
    const work = async (tab: ProxyConnection): Promise<void> => {
      const queue = await open(tab);
      for await (const lease of queue.leases()) {
        const report = (what: Report['what']): void => {
          // What a dead page does is not done.
          if (stage.tabs.includes(tab)) said.push({what, item: lease.value, attempts: lease.attempts});
        };
        report('took');
        await new Promise(resolve => { setTimeout(resolve, random.below(20)); });
        await lease.done();
        report('done');
      }
    };
    try {
      const producer = await time.settled(open(stage.openTab()));
      producer.enqueueMany(Array.from({length: ITEMS}, (_, item) => item));
      await time.settled(producer.flush({at: scope === 'synced' ? 'server' : 'host'}));
      for (let life = 0; life <= DEATHS; life++) {
        const tabs = [stage.openTab(), stage.openTab(), stage.openTab()];
        for (const tab of tabs) work(tab).catch((error: unknown) => { if (stage.tabs.includes(tab)) errors.push(error); });
        const enough = life < DEATHS ? (life + 1) * ITEMS / (DEATHS + 1) : ITEMS;
        if (life < DEATHS) {
          await time.until(`${enough} items are done, SEED=${seed}`, () => doneItems() >= enough);
          for (let turns = random.below(6); turns; turns--) await time.turn();
          for (const tab of [...stage.tabs]) stage.killTab(tab);
          stage.replaceHost();
        } else {
          const queue = await time.settled(open(tabs[0]!));
          await time.until(`nothing is left, SEED=${seed}`, () => !queue.size && !queue.inFlight);
          await time.turn();
          expect(queue.dead, `SEED=${seed}`).to.eql([]);
        }
      }
      expect([...errors, ...stage.errors, ...faultsOf(said)], `SEED=${seed}`).to.eql([]);
    } finally {
      stage.close();
    }
  }
});

function faultsOf(said: readonly Report[]): string[] {
  const faults: string[] = [];
  for (let item = 0; item < ITEMS; item++) {
    const all = said.filter(one => one.item === item);
    const [taken, done] = [all.filter(({what}) => what === 'took'), all.filter(({what}) => what === 'done')];
    if (!taken.length) faults.push(`nobody had ${item}`);
    if (new Set(taken.map(({attempts}) => attempts)).size < taken.length) faults.push(`${item} was given out twice for one attempt: ${JSON.stringify(all)}`);
    if (done.length > 1 || (done.length && all.at(-1)!.what !== 'done')) faults.push(`${item} was given out after it was done: ${JSON.stringify(all)}`);
  }
  return faults;
}
