import {createRequire} from 'node:module';
import {performance} from 'node:perf_hooks';
import {pathToFileURL} from 'node:url';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {Connection} from 'sharedb/lib/client/index.js';
import {SharedMap} from '../../lib/collections.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';

/**
 * What a page needs to open 10,000 entries again after 100,000 sets, and what they take of its memory: see the README. The store of both is
 * fake-indexeddb, whose content is not counted. `npx tsx bench/collections/reopen.ts SharedMap` or `Yjs`: each in a process of its own.
 */
const require = createRequire(new URL('./peers/package.json', import.meta.url));
const load = (name: string): Promise<any> => import(pathToFileURL(require.resolve(name)).href);
await load('fake-indexeddb/auto');

const KEYS = 10_000;
const SETS = Number(process.env['SETS'] ?? 100_000);
/** The sets of one turn. */
const TURN = 100;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const turn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve); });

async function heap(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    await turn();
    collect();
  }
  return process.memoryUsage().heapUsed;
}

interface Opened {
  set(key: string, value: number): void;
  /** Groups the sets of a turn. */
  together(act: () => void): void;
  size(): number;
  /** Resolves when everything is stored. */
  stored(): Promise<void>;
  close(): Promise<void>;
}

const peers: Record<string, () => Promise<Opened>> = {
  async SharedMap() {
    const channel = (name: string): any => new BroadcastChannel(name);
    const offline = new Connection({readyState: 0, close() {}, send() {}} as never);
    const host = new Host({connection: offline as never, channel, namespace: 'bench', place: 'shared-worker', store: {}, warn: () => {}});
    const tab = new ProxyConnection({channel, namespace: 'bench', warn: () => {}});
    const map = await SharedMap.open<string, number>(tab, 'm');
    return {
      set: (key, value) => map.set(key, value), together: act => act(), size: () => map.size, stored: () => map.flush(),
      close: async () => {
        tab.close();
        host.close();
        await host.whenClosed;
      }
    };
  },

  async Yjs() {
    const [Y, {IndexeddbPersistence}] = await Promise.all([load('yjs'), load('y-indexeddb')]);
    const doc = new Y.Doc();
    const store = new IndexeddbPersistence('bench', doc);
    await store.whenSynced;
    const map = doc.getMap('m');
    return {
      set: (key, value) => map.set(key, value), together: act => doc.transact(act), size: () => map.size,
      // It has no call that waits for its writes.
      stored: () => new Promise(resolve => { setTimeout(resolve, 5000); }),
      close: () => store.destroy() as Promise<void>
    };
  }
};

const name = process.argv[2] ?? 'SharedMap';
const open = peers[name]!;
const alive = setInterval(() => {}, 1000);
let opened: Opened | undefined = await open();
for (let made = 0; made < SETS; made += TURN) {
  opened.together(() => { for (let i = made; i < made + TURN; i++) opened!.set(`key ${i * 7 % KEYS}`, i); });
  await turn();
  if (made % (100 * TURN) === 0) await opened.stored();
}
await opened.stored();
await opened.close();
opened = undefined;
const before = await heap();
const begin = performance.now();
opened = await open();
const took = performance.now() - begin;
if (opened.size() !== KEYS) throw new Error(`It has ${opened.size()} entries`);
process.stdout.write(`${name}: ${KEYS} entries after ${SETS} sets: ${took.toFixed(0)} ms, ${(((await heap()) - before) / 2 ** 20).toFixed(1)} MB\n`);
clearInterval(alive);
process.exit();
