import {createConnection} from 'sharedb-tabs';
import {SharedMap, SharedQueue, transaction} from 'sharedb-tabs/collections';
import {MAPS, appendMany, listsOf, type Lists} from '../../../collections/list-appends.js';
import type {Done} from '../../../collections/serialisable.js';
import {Random} from '../../../support/random.js';

/** A transaction of `list-appends.ts`, as JSON. */
export interface DoneAsJson {
  id: string;
  reads: [string, readonly string[]][];
  appends: string[];
  structures: [string, readonly string[]][];
}

/** What a page says of an item of its queue. */
export interface Report {
  what: 'took' | 'done';
  item: number;
  attempts: number;
}

const query = new URLSearchParams(location.search);
const connection = createConnection({
  url: '/sharedb',
  sharedWorker: () => new SharedWorker(new URL('./sharedb.worker.ts', import.meta.url), {type: 'module', name: 'collections'}),
  mode: query.get('mode') as 'shared-worker' | 'elected-tab'
});
let queue: Promise<SharedQueue<number>> | undefined;
const scope = query.get('scope') === 'synced' ? 'synced' : 'local';
/** A short lease of a synced queue, as the items of a killed browser come back only after its end and the tolerance for clocks. */
const leaseTimeout = scope === 'synced' ? 2000 : undefined;
const openQueue = (): Promise<SharedQueue<number>> => (queue ??= SharedQueue.open(connection, 'work', {scope, leaseTimeout, maxAttempts: 1000}));
/** The next task. Browsers delay the timers of hidden pages by up to a second. */
const turn = (): Promise<void> => new Promise(resolve => {
  const {port1, port2} = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(null);
});
let maps: Lists[] = [];

const page = {
  async openMaps(): Promise<void> {
    maps = await Promise.all(MAPS.map(name => SharedMap.open<string, string[]>(connection, name)));
  },

  async append(tab: number, start: number, count: number): Promise<DoneAsJson[]> {
    const done: Done[] = await appendMany({maps, transaction}, tab, new Random(1000 * tab + start + 1), count, turn, start);
    return done.map(({id, reads, appends, structures}) => ({id, reads: [...reads], appends: [...appends], structures: [...structures]}));
  },

  lists: (): [string, readonly string[]][] => listsOf(maps),

  async enqueue(count: number): Promise<void> {
    const work = await openQueue();
    work.enqueueMany(Array.from({length: count}, (_, item) => item));
    await work.flush({at: scope === 'synced' ? 'server' : 'host'});
  },

  /** Takes items and does them until the browser ends. The work is to wait for the ledger's answer. */
  async work(ledger: string): Promise<void> {
    const report = (said: Report): Promise<unknown> => fetch(ledger, {method: 'POST', mode: 'no-cors', body: JSON.stringify(said)});
    const work = await openQueue();
    void (async () => {
      for await (const lease of work.leases()) {
        const said = {item: lease.value, attempts: lease.attempts};
        await report({what: 'took', ...said});
        await lease.done();
        await report({what: 'done', ...said});
      }
    })();
  },

  async left(): Promise<{size: number; inFlight: number; dead: number}> {
    const {size, inFlight, dead} = await openQueue();
    return {size, inFlight, dead: dead.length};
  }
};

export type CollectionsPage = typeof page;

declare global {
  /** Set when the script has run. */
  var collectionsPage: CollectionsPage | undefined;
}
globalThis.collectionsPage = page;
