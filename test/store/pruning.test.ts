import {expect} from 'chai';
import {DurableStore} from '../../lib/store/durable-store.js';
import type {PruningLimits} from '../../lib/store/pruning.js';
import type {DocKey, Storage} from '../../lib/store/storage.js';
import {FakeClock, calm, eventually} from './clock.js';
import {indexedDbDisk, memoryDisk, withIndexedDb, type Disk} from './disks.js';

const DAY = 24 * 60 * 60 * 1000;
const A: DocKey = ['notes', 'a'];
const B: DocKey = ['notes', 'b'];

function describePruning(name: string, makeDisk: () => Disk): void {
  describe(`Pruning, ${name}`, () => {
    let disk: Disk;
    let storage: Storage;
    let clock: FakeClock;
    let now: number;
    let hosts: number;
    let limits: PruningLimits;

    beforeEach(() => {
      limits = {};
      disk = makeDisk();
      now = Date.UTC(2026, 0, 1);
      hosts = 0;
    });

    /** Opens the store of the next host. */
    async function start(): Promise<DurableStore> {
      clock = new FakeClock();
      storage = disk.storage();
      const store = new DurableStore({
        storage, namespace: 'default', epoch: `epoch ${++hosts}`, limits: {maxAge: 90 * DAY, ...limits}, now: () => now, onStatus: () => {}, onFenced: () => {}
      }, clock.after);
      await store.whenReady();
      await calm();
      return store;
    }

    async function settle(store: DurableStore): Promise<void> {
      clock.pass(300);
      await new Promise<void>(resolve => store.whenAllCommittedOrFailed(resolve));
      await calm();
    }

    async function end(store: DurableStore): Promise<void> {
      await settle(store);
      store.close();
      await calm();
    }

    async function prune(store: DurableStore, isInUse: (key: DocKey) => boolean = () => false): Promise<string[]> {
      await store.prune(isInUse);
      await settle(store);
      return (await storage.inventory()).map(({key}) => key.join('/')).sort();
    }

    async function pruneAtStart(): Promise<string[]> {
      const store = await start();
      const left = await prune(store);
      await end(store);
      return left;
    }

    async function storeBoth(): Promise<void> {
      const store = await start();
      for (const key of [A, B]) store.checkpoint(key, 0, 'text', false);
      await end(store);
    }

    async function open(key: DocKey): Promise<void> {
      const store = await start();
      await store.load(key);
      await end(store);
    }

    it('deletes documents that nobody has opened for this time, and keeps those that were only read', async () => {
      await storeBoth();
      now += 60 * DAY;
      await open(B);
      now += 32 * DAY;
      const store = await start();
      expect(await prune(store)).to.eql(['notes/b']);
      expect(store.has(A), 'a').to.equal(false);
      expect(store.has(B), 'b').to.equal(true);
      await end(store);
    });

    it('deletes nothing a day earlier, nor at the start', async () => {
      await storeBoth();
      now += 90 * DAY;
      const early = await start();
      expect(await prune(early)).to.eql(['notes/a', 'notes/b']);
      await end(early);
      now += 100 * DAY;
      const late = await start();
      await settle(late);
      expect((await storage.inventory()).length).to.equal(2);
      await end(late);
    });

    it('keeps documents with unsent ops, and open documents', async () => {
      const first = await start();
      first.checkpoint(A, 0, 'text', false);
      first.append(A, 1, 'unsent');
      first.checkpoint(B, 0, 'text', false);
      await end(first);
      now += 1000 * DAY;
      const store = await start();
      expect(await prune(store, ([, id]) => id === 'b')).to.eql(['notes/a', 'notes/b']);
      await end(store);
    });

    describe('by size', () => {
      const C: DocKey = ['notes', 'c'];
      const text = 'x'.repeat(1000);

      /** Stores three documents, about a day apart. */
      async function storeThree(): Promise<void> {
        for (const key of [B, A, C]) {
          const store = await start();
          store.checkpoint(key, 0, text, false);
          await end(store);
          now += 2 * DAY;
        }
      }

      it('deletes the least recently opened documents, until the rest fits', async () => {
        limits = {maxSize: 2500};
        await storeThree();
        expect(await pruneAtStart()).to.eql(['notes/a', 'notes/c']);
        expect(await pruneAtStart()).to.eql(['notes/a', 'notes/c']);
        limits = {maxSize: 1};
        await open(A);
        expect(await pruneAtStart()).to.eql([]);
      });

      it('treats documents that were only read as opened', async () => {
        limits = {maxSize: 2500};
        await storeThree();
        await open(B);
        expect(await pruneAtStart()).to.eql(['notes/b', 'notes/c']);
      });

      it('never deletes documents with unsent ops, or open documents', async () => {
        limits = {maxSize: 10};
        await storeThree();
        const first = await start();
        first.append(B, 1, 'unsent');
        await end(first);
        const store = await start();
        expect(await prune(store, ([, id]) => id === 'a')).to.eql(['notes/a', 'notes/b']);
        await end(store);
      });

      it('measures documents that were stored before there was a limit, once', async () => {
        await storeThree();
        limits = {maxSize: 2500};
        const store = await start();
        const reads: DocKey[] = [];
        const read = storage.read.bind(storage);
        storage.read = keys => {
          reads.push(...keys);
          return read(keys);
        };
        expect(await prune(store)).to.eql(['notes/a', 'notes/c']);
        expect(reads.length).to.equal(3);
        await prune(store);
        expect(reads.length).to.equal(3);
        await end(store);
      });

      it('keeps documents that could not be read, and deletes others', async () => {
        await storeThree();
        limits = {maxSize: 1500};
        const store = await start();
        const read = storage.read.bind(storage);
        storage.read = keys => keys.some(([, id]) => id === 'b') ? Promise.reject(new Error('a bad sector')) : read(keys);
        expect(await prune(store)).to.eql(['notes/b', 'notes/c']);
        await end(store);
      });

      it('counts two bytes for characters that need them, and counts records', async () => {
        limits = {maxSize: 2500};
        const first = await start();
        first.checkpoint(A, 0, '\u4e00'.repeat(1000), false);
        first.checkpoint(B, 0, 'x', false);
        await end(first);
        expect(await pruneAtStart(), '2001 bytes').to.eql(['notes/a', 'notes/b']);
        now += 2 * DAY;
        const second = await start();
        await second.load(B);
        second.append(B, 1, text);
        second.checkpoint(B, 1, text, false);
        await end(second);
        expect(await pruneAtStart(), '3000 bytes').to.eql(['notes/b']);
      });
    });

    it('begins to count now for documents that were stored without a time', async () => {
      const old = new DurableStore({
        storage: disk.storage(), namespace: 'default', epoch: 'old', onStatus: () => {}, onFenced: () => {}
      }, new FakeClock().after);
      await old.whenReady();
      old.checkpoint(A, 0, 'text', false);
      await new Promise<void>(resolve => old.whenAllCommittedOrFailed(resolve));
      old.close();
      expect(await pruneAtStart(), 'at once').to.eql(['notes/a']);
      now += 90 * DAY;
      expect(await pruneAtStart(), 'after 90 days').to.eql(['notes/a']);
      now += 2 * DAY;
      expect(await pruneAtStart(), 'after 92 days').to.eql([]);
    });

    it('begins to count now for documents with a time in the future', async () => {
      now += 1000 * DAY;
      await storeBoth();
      now -= 1000 * DAY;
      expect(await pruneAtStart(), 'at once').to.eql(['notes/a', 'notes/b']);
      now += 92 * DAY;
      expect(await pruneAtStart(), 'after 92 days').to.eql([]);
    });

    it('leaves no data of deleted documents', async () => {
      await storeBoth();
      now += 92 * DAY;
      const store = await start();
      expect(await prune(store)).to.eql([]);
      await prune(store);
      await end(store);
      const reader = disk.storage();
      await reader.open('default');
      expect(Object.keys(await reader.claim('reader')).filter(key => key.includes('notes'))).to.eql([]);
      reader.close();
    });

    it('writes a time once a day, together with other changes', async () => {
      const store = await start();
      const writes: number[] = [];
      const write = storage.write.bind(storage);
      storage.write = (changes, epoch) => {
        writes.push(changes.filter(change => change.type === 'meta' && change.name.startsWith('opened: ')).length);
        return write(changes, epoch);
      };
      const append = async (n: number): Promise<void> => {
        store.append(A, n, 'op');
        await new Promise<void>(resolve => store.whenAllCommittedOrFailed(resolve));
      };
      await append(1);
      now += DAY / 2;
      await append(2);
      now += DAY;
      await append(3);
      await eventually('all is written', () => !store.isWriting);
      expect(writes).to.eql([1, 0, 1]);
      await end(store);
    });
  });
}

describePruning('in memory', memoryDisk);

describe('on IndexedDB', () => {
  withIndexedDb();
  describePruning('IndexedDbStorage', indexedDbDisk);
});
