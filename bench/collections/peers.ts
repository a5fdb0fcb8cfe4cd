import {createRequire} from 'node:module';
import {performance} from 'node:perf_hooks';
import {pathToFileURL} from 'node:url';
import Backend from 'sharedb';
import {SharedMap, transaction} from '../../lib/collections.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';

/**
 * Compares a shared map with other libraries, in one process and one run: see the README. Each peer has two replicas that are connected by
 * BroadcastChannel, and most have a store in IndexedDB (fake-indexeddb, so the store's own costs are not a browser's).
 */
const require = createRequire(new URL('./peers/package.json', import.meta.url));
// The peers are not dependencies of this repository, so they have no types here.
const load = (name: string): Promise<any> => import(pathToFileURL(require.resolve(name)).href);
await load('fake-indexeddb/auto');

interface Replica {
  set(key: string, value: number): unknown;
  /** Sets all entries as one change. */
  setMany(entries: [string, number][]): unknown;
  size(): number | Promise<number>;
  get(key: string): number | undefined | Promise<number | undefined>;
}

interface Peer {
  name: string;
  open(id: string): Promise<{replicas: [Replica, Replica]; transact?: Transact; close(): unknown}>;
}

/** Increments a number in two maps or tables, in one transaction that is isolated from others and durable when it resolves. */
type Transact = () => Promise<unknown>;

const turn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve); });
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

async function timed(act: () => unknown): Promise<number> {
  const begin = performance.now();
  await act();
  return performance.now() - begin;
}

async function until(isThere: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
  for (const end = performance.now() + ms; !await isThere();) {
    if (performance.now() > end) throw new Error(`It did not come within ${ms} ms`);
    await turn();
  }
}

const ours: Peer = {
  name: 'SharedMap',
  async open(id) {
    const channel = (name: string): any => new BroadcastChannel(`${id} ${name}`);
    const backend = new Backend();
    const host = new Host({connection: backend.connect() as never, channel, namespace: id, place: 'shared-worker', store: {}, warn: () => {}});
    const tabs = [1, 2].map(() => new ProxyConnection({channel, namespace: id, warn: () => {}}));
    const maps = await Promise.all(tabs.map(tab => SharedMap.open<string, number>(tab, 'm')));
    const replicas = maps.map((map): Replica => ({
      set: (key, value) => map.set(key, value), setMany: entries => map.setMany(entries), size: () => map.size, get: key => map.get(key)
    })) as [Replica, Replica];
    const [one, other] = await Promise.all(['one', 'other'].map(name => SharedMap.open<string, number>(tabs[0]!, name)));
    const transact: Transact = () => transaction(() => { for (const map of [one!, other!]) map.set('n', (map.get('n') ?? 0) + 1); });
    return {replicas, transact, close: () => [...tabs, host, backend].forEach(one => one.close())};
  }
};

async function yjs(id: string): Promise<{docs: any[]; transact(i: number, act: () => void): void; close(): void}> {
  const [Y, {IndexeddbPersistence}] = await Promise.all([load('yjs'), load('y-indexeddb')]);
  const docs = [new Y.Doc(), new Y.Doc()];
  const channels = docs.map(doc => {
    const channel = new BroadcastChannel(id);
    channel.onmessage = ({data}: any) => Y.applyUpdate(doc, data, channel);
    doc.on('update', (update: Uint8Array, origin: unknown) => { if (origin !== channel) channel.postMessage(update); });
    return channel;
  });
  const store = new IndexeddbPersistence(id, docs[0]);
  await store.whenSynced;
  return {docs, transact: (i, act) => docs[i].transact(act), close: () => {
    for (const channel of channels) channel.close();
    void store.destroy();
  }};
}

const peers: Peer[] = [
  ours,
  {
    name: 'Yjs, y-indexeddb, BroadcastChannel',
    async open(id) {
      const {docs, transact, close} = await yjs(id);
      const replicas = docs.map((doc, i): Replica => {
        const map = doc.getMap('m');
        return {set: (key, value) => map.set(key, value), setMany: entries => transact(i, () => { for (const [key, value] of entries) map.set(key, value); }), size: () => map.size, get: key => map.get(key)};
      }) as [Replica, Replica];
      return {replicas, close};
    }
  },
  {
    name: 'SyncedStore',
    async open(id) {
      const {syncedStore} = await load('@syncedstore/core');
      const {docs, transact, close} = await yjs(id);
      const replicas = docs.map((doc, i): Replica => {
        const {m} = syncedStore({m: {}}, doc);
        return {set: (key, value) => { m[key] = value; }, setMany: entries => transact(i, () => { for (const [key, value] of entries) m[key] = value; }), size: () => Object.keys(m).length, get: key => m[key]};
      }) as [Replica, Replica];
      return {replicas, close};
    }
  },
  {
    name: 'TinyBase, mergeable, without a store',
    async open(id) {
      const [{createMergeableStore}, {createBroadcastChannelSynchronizer}] =
        await Promise.all(['tinybase', 'tinybase/synchronizers/synchronizer-broadcast-channel'].map(load));
      const stores = [createMergeableStore('1'), createMergeableStore('2')];
      const synchronizers = await Promise.all(stores.map(store => createBroadcastChannelSynchronizer(store, id)));
      await Promise.all(synchronizers.map(one => one.startSync()));
      const replicas = stores.map((store): Replica => ({
        set: (key, value) => store.setValue(key, value),
        setMany: entries => store.transaction(() => { for (const [key, value] of entries) store.setValue(key, value); }),
        size: () => store.getValueIds().length, get: key => store.getValue(key)
      })) as [Replica, Replica];
      return {replicas, close: () => Promise.all(synchronizers.map(one => one.destroy()))};
    }
  },
  {
    name: 'Dexie (asynchronous)',
    async open(id) {
      const {default: Dexie} = await load('dexie');
      const dbs = [1, 2].map(() => {
        const db = new Dexie(id);
        db.version(1).stores({m: 'key', one: 'key', other: 'key'});
        return db;
      });
      const replicas = dbs.map((db): Replica => ({
        set: (key, value) => db.m.put({key, value}),
        setMany: entries => db.m.bulkPut(entries.map(([key, value]) => ({key, value}))),
        size: () => db.m.count(), get: async key => (await db.m.get(key))?.value
      })) as [Replica, Replica];
      const [db] = dbs;
      const transact: Transact = () => db.transaction('rw', db.one, db.other, async () => {
        for (const table of [db.one, db.other]) await table.put({key: 'n', value: ((await table.get('n'))?.value ?? 0) + 1});
      });
      return {replicas, transact, close: () => dbs.forEach(one => one.close())};
    }
  },
  {
    name: 'bare BroadcastChannel',
    open(id) {
      const maps = [new Map<string, number>(), new Map<string, number>()];
      const channels = maps.map(map => {
        const channel = new BroadcastChannel(id);
        channel.onmessage = ({data}: any) => { for (const [key, value] of data) map.set(key, value); };
        return channel;
      });
      const replicas = maps.map((map, i): Replica => {
        const setMany = (entries: [string, number][]): void => {
          for (const [key, value] of entries) map.set(key, value);
          channels[i]!.postMessage(entries);
        };
        return {set: (key, value) => setMany([[key, value]]), setMany, size: () => map.size, get: key => map.get(key)};
      }) as [Replica, Replica];
      return Promise.resolve({replicas, close: () => channels.forEach(channel => channel.close())});
    }
  }
];

const entries = (prefix: string, count = 1000): [string, number][] => Array.from({length: count}, (_, i) => [`${prefix} ${i}`, i]);

/**
 * @returns the time of each scenario, in ms unless its name has another unit. Single sets that did not arrive are left out: TinyBase drops one if an
 *   answer is late
 */
async function measure(peer: Peer, round: number): Promise<Record<string, number>> {
  const {replicas: [one, other], transact, close} = await peer.open(`${peer.name} ${round} ${process.pid}`);
  const result: Record<string, number> = {};
  await one.setMany(entries('key'));
  await until(async () => await other.size() === 1000);
  let value = 0;
  result['a set call, map of 1,000 (µs)'] = 5 * await timed(async () => { for (let i = 0; i < 200; i++) await one.set(`key ${i}`, --value); });
  await until(async () => await other.get('key 199') === value);
  result['one set, until the other shows it'] = median(await series(20, async () => {
    await one.set('key 0', --value);
    await until(async () => await other.get('key 0') === value, 1500);
  }));
  result['1,000 sets of a turn, until the other shows them'] = await timed(async () => {
    const all = entries('turn').map(([key, each]) => one.set(key, each));
    await Promise.all(all);
    await until(async () => await other.size() === 2000);
  });
  result['setMany(1,000) in both at once, until both have all'] = await timed(async () => {
    await Promise.all([one.setMany(entries('left')), other.setMany(entries('right'))]);
    await until(async () => await one.size() === 4000 && await other.size() === 4000);
  });
  if (transact) result['a transaction over two maps or tables'] = median(await series(50, async () => { await transact(); }));
  await close();
  return result;
}

async function series(count: number, act: () => Promise<void>): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) {
    try {
      all.push(await timed(act));
    } catch {
      // The next set also replaces the value that did not arrive.
    }
  }
  return all;
}

const ROUNDS = Number(process.env['ROUNDS'] ?? 8);
const alive = setInterval(() => {}, 1000);
const all = new Map(peers.map(({name}) => [name, [] as Record<string, number>[]]));
for (let round = 0; round <= ROUNDS; round++) {
  for (let i = 0; i < peers.length; i++) {
    const peer = peers[(i + round) % peers.length]!;
    const result = await measure(peer, round).catch((error: Error) => { throw new Error(`${peer.name}: ${error.message}`); });
    // The first round is a warm-up.
    if (round) all.get(peer.name)!.push(result);
  }
}
for (const scenario of Object.keys(all.get(ours.name)![0]!)) {
  // The best round, because other load of the machine only makes a round longer.
  const of = (name: string): number => Math.min(...all.get(name)!.map(result => result[scenario]!));
  process.stdout.write(`\n${scenario}\n`);
  for (const {name} of peers) if (all.get(name)![0]![scenario] !== undefined) process.stdout.write(`  ${name.padEnd(40)} ${of(name).toFixed(2).padStart(9)}   SharedMap takes ${(of(ours.name) / of(name)).toFixed(2)} times as long\n`);
}
clearInterval(alive);
process.exit();
