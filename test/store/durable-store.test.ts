import {expect} from 'chai';
import {DurableStore, type DurableStoreOptions} from '../../lib/store/durable-store.js';
import type {Cipher} from '../../lib/store/encryption.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import type {DocKey, StoredDoc} from '../../lib/store/storage.js';
import {FakeClock, calm} from './clock.js';
import {TroubledStorage, quotaExceeded} from './troubled-storage.js';

const ONE: DocKey = ['notes', 'one'];
const TWO: DocKey = ['notes', 'two'];
const RETRY_MS = 2000;
const WRITE_MS = 10_000;

interface StoreStage {
  store: DurableStore;
  storage: TroubledStorage;
  clock: FakeClock;
  /** The store's messages to its owner, in order. */
  told: string[];
}

/** A store that is opening, on a disk that other stores may have used. */
function opening(own: Partial<DurableStoreOptions> = {}, storage = new TroubledStorage()): StoreStage {
  const clock = new FakeClock();
  const told: string[] = [];
  const store: DurableStore = new DurableStore({
    storage, namespace: 'default', epoch: 'epoch',
    onStatus: () => told.push(store.isDurable ? 'durable' : `not durable: ${store.lastError?.code}`),
    onFenced: () => told.push('fenced'),
    onErased: () => told.push('erased'),
    onFound: () => told.push('found'),
    onQuarantined: ([c, d], {code}) => told.push(`quarantined ${c}/${d}: ${code}`),
    ...own
  }, clock.after);
  return {store, storage, clock, told};
}

async function opened(own?: Partial<DurableStoreOptions>, storage?: TroubledStorage): Promise<StoreStage> {
  const stage = opening(own, storage);
  await stage.store.whenReady();
  await calm();
  stage.storage.writes.length = 0;
  return stage;
}

/** The disk's records of a document, whatever the store has in memory. */
async function onDisk({storage}: StoreStage, key: DocKey): Promise<string> {
  const [{checkpoint, journal}] = await storage.disk.read([key]) as [StoredDoc];
  return [checkpoint ?? '-', ...journal.map(({record}) => record)].join(' ');
}

const durable = (store: DurableStore): Promise<void> => new Promise(resolve => store.whenAllCommittedOrFailed(resolve));

describe('DurableStore', () => {
  const rejections: unknown[] = [];
  const note = (reason: unknown): void => { rejections.push(reason); };
  before(() => { process.on('unhandledRejection', note); });
  after(() => { process.off('unhandledRejection', note); });
  afterEach(async () => {
    await calm(5);
    expect(rejections.splice(0), 'unhandled rejections').to.eql([]);
  });

  describe('commits', () => {
    it('all changes of one turn in one write', async () => {
      const {store, storage} = await opened();
      for (let n = 1; n <= 100; n++) store.append(ONE, n, `op ${n}`);
      store.checkpoint(TWO, 0, 'text', false);
      await durable(store);
      expect(storage.writes.map(changes => changes.length)).to.eql([101]);
    });

    it('all changes made during a write in the next one', async () => {
      const {store, storage} = await opened();
      storage.hold();
      store.append(ONE, 1, 'a');
      await calm();
      for (let n = 2; n <= 50; n++) {
        store.append(ONE, n, 'b');
        await Promise.resolve();
      }
      storage.release();
      await durable(store);
      expect(storage.writes.map(changes => changes.length)).to.eql([1, 49]);
    });

    it('nothing if there is nothing to write', async () => {
      const {store, storage} = await opened();
      await durable(store);
      await calm();
      expect(storage.writes).to.eql([]);
    });
  });

  describe('calls waiting callbacks', () => {
    it('in their order, each when all before it is committed', async () => {
      const {store, storage} = await opened();
      const called: string[] = [];
      storage.hold();
      store.append(ONE, 1, 'a');
      store.whenAllCommittedOrFailed(() => called.push('after a'));
      store.whenAllCommittedOrFailed(() => called.push('also after a'));
      await calm();
      store.whenAllCommittedOrFailed(() => called.push('while a is written'));
      store.append(ONE, 2, 'b');
      store.whenAllCommittedOrFailed(() => called.push('after b'));
      await calm();
      expect(called).to.eql([]);
      storage.release();
      storage.hold();
      await calm();
      expect(called).to.eql(['after a', 'also after a', 'while a is written']);
      storage.release();
      await durable(store);
      expect(called.slice(3)).to.eql(['after b']);
    });

    it('at once if nothing waits to be written', async () => {
      const {store} = await opened();
      let called = false;
      store.whenAllCommittedOrFailed(() => { called = true; });
      expect(called).to.equal(true);
    });

    it('also if one of them throws', async () => {
      const {store} = await opened();
      const thrown: unknown[] = [];
      const listeners = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', error => thrown.push(error.message));
      store.append(ONE, 1, 'a');
      store.whenAllCommittedOrFailed(() => { throw new Error('the caller\'s fault'); });
      await durable(store);
      store.append(ONE, 2, 'b');
      await durable(store);
      await calm(5);
      for (const listener of listeners) process.on('uncaughtException', listener);
      expect(thrown).to.eql(['the caller\'s fault']);
    });

    it('and writes what they append', async () => {
      const stage = await opened();
      const {store} = stage;
      store.append(ONE, 1, 'a');
      await new Promise<void>(resolve => {
        store.whenAllCommittedOrFailed(() => {
          store.append(ONE, 2, 'b');
          store.whenAllCommittedOrFailed(resolve);
        });
      });
      expect(await onDisk(stage, ONE)).to.equal('- a b');
    });
  });

  describe('while writing fails', () => {
    it('lets all documents continue, gives the reason, and writes all changes in order later', async () => {
      const stage = await opened();
      const {store, storage, clock, told} = stage;
      storage.fail('write', quotaExceeded());
      store.append(ONE, 1, 'a');
      await durable(store);
      expect([store.isDurable, store.lastError]).to.eql([
        false, {code: 'QuotaExceededError', message: 'The quota has been exceeded.'}
      ]);
      store.append(ONE, 2, 'b');
      await durable(store);
      clock.pass(RETRY_MS);
      await calm();
      store.append(ONE, 3, 'c');
      expect([await onDisk(stage, ONE), store.queueSize]).to.eql(['-', 3]);
      storage.fail('write');
      clock.pass(RETRY_MS);
      await calm();
      expect([await onDisk(stage, ONE), store.queueSize, store.isDurable, store.lastError]).to.eql(['- a b c', 0, true, undefined]);
      expect(told.at(-1)).to.equal('durable');
    });

    it('retries after a pause, and not with each edit', async () => {
      const {store, storage, clock} = await opened();
      storage.fail('write', quotaExceeded());
      for (let n = 1; n <= 20; n++) {
        store.append(ONE, n, 'op');
        await calm(3);
      }
      expect(storage.writes).to.have.length(1);
      clock.pass(RETRY_MS - 1);
      await calm();
      expect(storage.writes).to.have.length(1);
      clock.pass(1);
      await calm();
      expect(storage.writes).to.have.length(2);
    });

    it('waits again as soon as a write has succeeded', async () => {
      const {store, storage, clock} = await opened();
      storage.fail('write', quotaExceeded());
      store.append(ONE, 1, 'a');
      await calm();
      storage.fail('write');
      clock.pass(RETRY_MS);
      await calm();
      storage.hold();
      store.append(ONE, 2, 'b');
      let called = false;
      store.whenAllCommittedOrFailed(() => { called = true; });
      await calm();
      expect(called).to.equal(false);
      storage.release();
      await calm();
      expect(called).to.equal(true);
    });

    it('keeps only the documents\' last checkpoints and later records', async () => {
      const stage = await opened();
      const {store, storage, clock} = stage;
      storage.fail('write', quotaExceeded());
      let n = 0;
      for (let round = 0; round < 50; round++) {
        for (let i = 0; i < 40; i++) store.append(ONE, ++n, `op ${n}`);
        store.checkpoint(ONE, n, `checkpoint ${n}`, true);
        await calm(1);
      }
      store.append(ONE, ++n, `op ${n}`);
      expect(store.queueSize).to.be.below(600);
      storage.fail('write');
      clock.pass(RETRY_MS);
      await calm();
      expect(await onDisk(stage, ONE)).to.equal('checkpoint 2000 op 2001');
    });

    it('continues without a storage that does not answer, and uses it again when it does', async () => {
      const stage = await opened();
      const {store, storage, clock} = stage;
      storage.hold();
      store.append(ONE, 1, 'a');
      let called = false;
      store.whenAllCommittedOrFailed(() => { called = true; });
      await calm();
      expect(called).to.equal(false);
      clock.pass(5000);
      expect(called).to.equal(false);
      clock.pass(5000);
      expect([called, store.isDurable, store.lastError?.code]).to.eql([true, false, 'ERR_TABS_STORAGE_TIMEOUT']);
      storage.release();
      await calm();
      expect([store.isDurable, await onDisk(stage, ONE)]).to.eql([true, '- a']);
    });
  });

  describe('one value that can\'t be written', () => {
    it('prevents no other document from being written, and is written later', async () => {
      const stage = await opened();
      const {store, storage, clock} = stage;
      const write = storage.disk.write.bind(storage.disk);
      storage.disk.write = async (changes, epoch) => {
        if (changes.some(change => change.type === 'append' && change.record === 'bad')) throw new DOMException('Too large', 'DataError');
        return write(changes, epoch);
      };
      store.append(ONE, 1, 'bad');
      store.append(TWO, 1, 'good');
      store.keep('name', 'value');
      let committed = false;
      store.whenCommitted(store.lastChange, () => { committed = true; });
      await calm();
      expect([await onDisk(stage, TWO), store.isDurable, store.lastError?.code, committed]).to.eql(['- good', false, 'DataError', false]);
      store.append(TWO, 2, 'later');
      clock.pass(RETRY_MS);
      await calm();
      expect([await onDisk(stage, TWO), committed]).to.eql(['- good later', false]);
      storage.disk.write = write;
      clock.pass(RETRY_MS);
      await calm();
      expect([await onDisk(stage, ONE), store.isDurable, committed]).to.eql(['- bad', true, true]);
    });
  });

  describe('with other documents in a late storage', () => {
    it('has a lineage that no tab knows, until all are written', async () => {
      const disk = new InMemoryStorage();
      const earlier = await opened({epoch: 'earlier'}, new TroubledStorage(disk));
      for (const key of [ONE, TWO]) earlier.store.append(key, 1, 'of the earlier host');
      await durable(earlier.store);
      const storage = new TroubledStorage(disk);
      storage.fail('open', new Error('no'));
      const stage = await opened({}, storage);
      for (const key of [ONE, TWO]) stage.store.append(key, 1, 'of this host');
      storage.fail('open');
      let writes = 0;
      const write = disk.write.bind(disk);
      disk.write = async (changes, epoch) => {
        await write(changes, epoch);
        const texts = (await disk.read([ONE, TWO])).flatMap(({journal}) => journal.map(({record}) => record));
        writes++;
        const found = await disk.claim(epoch);
        const isMixed = texts.includes('of the earlier host');
        if (isMixed) expect(found['lineage']).not.to.be.oneOf(['epoch', 'earlier']);
      };
      stage.clock.pass(RETRY_MS);
      await calm();
      expect(writes).to.be.above(1);
      expect((await disk.claim('looking'))['lineage']).to.equal('epoch');
    });
  });

  describe('if the storage does not open', () => {
    it('is ready, and not durable', async () => {
      const storage = new TroubledStorage();
      storage.fail('open', new DOMException('A mutation operation was attempted on a database that did not allow mutations.', 'InvalidStateError'));
      const {store} = await opened({}, storage);
      expect([store.isDurable, store.lastError?.code, store.lineage]).to.eql([false, 'InvalidStateError', 'epoch']);
      store.append(ONE, 1, 'a');
      await durable(store);
    });

    it('is ready after a time-out if the storage does not answer', async () => {
      const storage = new TroubledStorage();
      storage.hold();
      const {store, clock} = opening({}, storage);
      let isReady = false;
      void store.whenReady().then(() => { isReady = true; });
      await calm();
      expect(isReady).to.equal(false);
      clock.pass(2500);
      clock.pass(2500);
      await calm();
      expect([isReady, store.isDurable, store.lastError?.code]).to.eql([true, false, 'ERR_TABS_STORAGE_TIMEOUT']);
      storage.release();
      await calm();
      expect(store.isDurable).to.equal(true);
    });

    it('does not count the time that the computer slept, if the storage then answers', async () => {
      const stage = await opened();
      const {store, storage, clock} = stage;
      storage.hold();
      store.append(ONE, 1, 'a');
      await calm();
      clock.pass(60_000);
      storage.release();
      await durable(store);
      expect([store.isDurable, store.lastError, await onDisk(stage, ONE)]).to.eql([true, undefined, '- a']);
    });

    it('is ready at once if another page blocks it', async () => {
      const storage = new TroubledStorage();
      storage.hold();
      const {store} = opening({}, storage);
      storage.onBlocked!('Another page has it open');
      await store.whenReady();
      expect([store.isDurable, store.lastError]).to.eql([false, {code: 'ERR_TABS_STORAGE_BLOCKED', message: 'Another page has it open'}]);
    });

    for (const act of ['open', 'claim', 'inventory'] as const) {
      it(`writes everything when it opens at last (${act} failed)`, async () => {
        const storage = new TroubledStorage();
        storage.fail(act, new Error('no'));
        const stage = await opened({}, storage);
        const {store, clock, told} = stage;
        store.append(ONE, 1, 'a');
        store.keep('name', 'value');
        storage.fail(act);
        clock.pass(RETRY_MS);
        await calm();
        expect([store.isDurable, await onDisk(stage, ONE), told.at(-1)]).to.eql([true, '- a', 'durable']);
        expect((await opened({epoch: 'next'}, storage)).store.kept).to.eql({name: 'value'});
      });
    }

    it('keeps pending ops of an earlier host readable, and quarantines them if the document continues without them', async () => {
      const disk = new InMemoryStorage();
      const earlier = await opened({epoch: 'earlier'}, new TroubledStorage(disk));
      for (const key of [ONE, TWO]) earlier.store.append(key, 1, 'of the earlier host');
      earlier.store.checkpoint(['notes', 'copy'], 0, 'what the server has', false);
      await durable(earlier.store);
      const storage = new TroubledStorage(disk);
      storage.fail('open', new Error('no'));
      const stage = await opened({}, storage);
      const {store, clock, told} = stage;
      expect(store.pendingDocs()).to.eql([]);
      store.append(ONE, 1, 'a');
      store.append(['notes', 'copy'], 1, 'b');
      storage.fail('open');
      clock.pass(RETRY_MS);
      await calm();
      expect(told).to.include('found');
      expect(store.pendingDocs()).to.deep.include(TWO);
      expect(await store.load(TWO)).to.eql({checkpoint: undefined, journal: [{n: 1, record: 'of the earlier host'}]});
      expect([await onDisk(stage, ONE), await onDisk(stage, ['notes', 'copy'])]).to.eql(['- a', '- b']);
      const quarantined = await store.quarantine.export();
      expect(quarantined.map(({key, stored}) => [key, stored?.journal[0]?.record])).to.eql([[ONE, 'of the earlier host']]);
      const next = await opened({epoch: 'next'}, storage);
      expect(next.store.lineage, 'the tabs have followed this host').to.equal('epoch');
    });
  });

  describe('when another host has taken over', () => {
    it('stops, calls no callback, and writes nothing', async () => {
      const disk = new InMemoryStorage();
      const stage = await opened({}, new TroubledStorage(disk));
      const {store, storage, told, clock} = stage;
      await opened({epoch: 'next'}, new TroubledStorage(disk));
      const called: string[] = [];
      store.append(ONE, 1, 'a');
      store.whenAllCommittedOrFailed(() => called.push('a'));
      await calm();
      store.append(ONE, 2, 'b');
      store.whenAllCommittedOrFailed(() => called.push('b'));
      await calm();
      expect([called, told, await onDisk(stage, ONE), clock.waiting]).to.eql([[], ['fenced'], '-', 0]);
      expect(storage.closings).to.equal(1);
    });
  });

  describe('when the storage was closed from outside', () => {
    it('opens it again, and is durable as before', async () => {
      const stage = await opened();
      const {store, storage, told} = stage;
      storage.onLost!('The browser closed it');
      expect([store.isDurable, store.lastError]).to.eql([false, {code: 'ERR_TABS_STORAGE_LOST', message: 'The browser closed it'}]);
      store.append(ONE, 1, 'a');
      await durable(store);
      expect([await onDisk(stage, ONE), told.at(-1)]).to.eql(['- a', 'durable']);
    });

    it('detects that the storage can be opened again even if there is nothing to write', async () => {
      const {store, storage} = await opened();
      storage.onLost!('The browser closed it');
      await calm();
      expect(store.isDurable).to.equal(true);
    });

    it('claims it again if it was emptied, and requests all documents again', async () => {
      const stage = await opened({onErased: () => stage.store.checkpoint(ONE, 3, 'all of it', true)});
      const {store, storage, told} = stage;
      for (let n = 1; n <= 2; n++) store.append(ONE, n, `op ${n}`);
      store.checkpoint(TWO, 0, 'text', false);
      await durable(store);
      await storage.disk.clear();
      store.append(ONE, 3, 'op 3');
      let called = 0;
      store.whenAllCommittedOrFailed(() => called++);
      await calm();
      expect([await onDisk(stage, ONE), await onDisk(stage, TWO), called, told.at(-1)]).to.eql(['all of it', '-', 1, 'durable']);
      expect([store.has(ONE), store.has(TWO)]).to.eql([true, false]);
      expect((await opened({epoch: 'next'}, storage)).store.lineage).to.equal('epoch');
    });
  });

  describe('loads', () => {
    it('written and queued changes', async () => {
      const {store, storage} = await opened();
      store.checkpoint(ONE, 1, 'text', false);
      store.append(ONE, 2, 'a');
      await durable(store);
      storage.hold();
      store.append(ONE, 3, 'b');
      await calm();
      store.append(ONE, 4, 'c');
      const loading = store.load(ONE);
      storage.release();
      expect(await loading).to.eql({checkpoint: 'text', journal: [{n: 2, record: 'a'}, {n: 3, record: 'b'}, {n: 4, record: 'c'}]});
    });

    it('the last state of a document, while nothing can be written', async () => {
      const {store, storage} = await opened();
      store.append(ONE, 1, 'a');
      await durable(store);
      storage.fail('write', quotaExceeded());
      storage.fail('read', new Error('no'));
      store.checkpoint(ONE, 1, 'text', true);
      store.append(ONE, 2, 'b');
      await calm();
      expect(await store.load(ONE)).to.eql({checkpoint: 'text', journal: [{n: 2, record: 'b'}]});
    });

    it('nothing of removed or unknown documents', async () => {
      const {store} = await opened();
      store.append(ONE, 1, 'a');
      await durable(store);
      store.remove(ONE);
      expect([await store.load(ONE), await store.load(TWO), store.has(ONE)]).to.eql([undefined, undefined, false]);
    });

    it('all documents that one turn requests together, many of them in several range reads', async () => {
      const first = await opened();
      const keys = Array.from({length: 500}, (_, i): DocKey => ['notes', String(i)]);
      for (const key of keys) first.store.checkpoint(key, 0, `text ${key[1]}`, false);
      await durable(first.store);
      const {store, storage} = await opened({epoch: 'next'}, first.storage);
      const loaded = await Promise.all(keys.map(key => store.load(key)));
      expect(loaded.map(stored => stored?.checkpoint)).to.eql(keys.map(key => `text ${key[1]}`));
      expect(storage.reads.map(read => read.length)).to.eql([256, 244]);
      expect(storage.reads.flat().map(([, id]) => id)).to.eql(keys.map(([, id]) => id).sort());
    });

    it('the other documents if one can\'t be read; it is quarantined in its place', async () => {
      const first = await opened();
      first.store.append(ONE, 1, 'a');
      first.store.append(TWO, 1, 'b');
      await durable(first.store);
      const {storage} = first;
      const read = storage.disk.read.bind(storage.disk);
      storage.disk.read = async keys => {
        if (keys.some(([, id]) => id === 'one')) throw new DOMException('Failed to read large IndexedDB value', 'DataError');
        return read(keys);
      };
      const stage = await opened({epoch: 'next'}, storage);
      const {store, told, clock} = stage;
      const [one, two] = await Promise.all([store.load(ONE), store.load(TWO)]);
      expect([one, two]).to.eql([undefined, {checkpoint: undefined, journal: [{n: 1, record: 'b'}]}]);
      expect(told).to.include('quarantined notes/one: DataError');
      await calm();
      storage.disk.read = read;
      clock.pass(RETRY_MS);
      await calm();
      const [quarantined] = await store.quarantine.export();
      expect(quarantined).to.deep.include({key: ONE, stored: {checkpoint: undefined, journal: [{n: 1, record: 'a'}]}});
      expect([await onDisk(stage, ONE), store.isDurable]).to.eql(['- a', true]);
    });

    it('repeats a read that fails once', async () => {
      const first = await opened();
      first.store.append(ONE, 1, 'a');
      await durable(first.store);
      const {storage} = first;
      const read = storage.disk.read.bind(storage.disk);
      let failures = 0;
      storage.disk.read = async keys => {
        // If the read of several documents fails, each document is read alone.
        if (failures++ < 2) throw new DOMException('Internal error', 'UnknownError');
        return read(keys);
      };
      const {store, told} = await opened({epoch: 'next'}, storage);
      expect(await store.load(ONE)).to.eql({checkpoint: undefined, journal: [{n: 1, record: 'a'}]});
      expect(told.join()).not.to.include('quarantined');
    });

    it('does not wait for an unreadable document, and writes all others', async () => {
      const first = await opened();
      first.store.append(ONE, 1, 'a');
      await durable(first.store);
      const {storage} = first;
      storage.fail('read', new DOMException('Failed to read large IndexedDB value', 'DataError'));
      const stage = await opened({epoch: 'next'}, storage);
      const {store} = stage;
      await store.load(ONE);
      store.append(TWO, 1, 'b');
      await durable(store);
      expect([store.isDurable, (await store.quarantine.export())[0]?.error.code]).to.eql([true, 'DataError']);
      storage.fail('read');
      expect(await onDisk(stage, TWO)).to.equal('- b');
    });
  });

  describe('an unreadable document', () => {
    const unreadable = new DOMException('Internal error', 'UnknownError');
    const A = {checkpoint: undefined, journal: [{n: 1, record: 'a'}]};
    const B = {checkpoint: undefined, journal: [{n: 1, record: 'b'}]};

    /** A host that can't read a stored document, and has written another state of it. */
    async function continued(): Promise<StoreStage> {
      const first = await opened();
      first.store.append(ONE, 1, 'a');
      await durable(first.store);
      return continuedAfter(first, 'b', 'second');
    }

    async function continuedAfter({storage}: StoreStage, record: string, epoch: string): Promise<StoreStage> {
      storage.fail('read', unreadable);
      const stage = await opened({epoch}, storage);
      const {store} = stage;
      expect(await store.load(ONE)).to.equal(undefined);
      if (record) store.append(ONE, 1, record);
      await durable(store);
      expect([store.isDurable, store.quarantine.size]).to.eql([true, store.quarantine.list().length]);
      return stage;
    }

    const records = async ({store}: StoreStage): Promise<unknown[]> => (await store.quarantine.export()).map(({stored}) => stored);

    it('is neither deleted nor overwritten, and the document is stored in another place', async () => {
      const stage = await continued();
      const {store, storage} = stage;
      expect(store.quarantine.list()).to.deep.include({id: store.quarantine.list()[0]!.id, key: ONE, error: {code: 'UnknownError', message: 'Internal error'}, size: 0, isUnread: true, place: 0});
      store.checkpoint(ONE, 1, 'b', false);
      store.append(ONE, 2, 'c');
      await durable(store);
      storage.fail('read');
      expect(await onDisk(stage, ONE)).to.equal('- a');
      expect([await store.load(ONE), await records(stage)]).to.eql([{checkpoint: 'b', journal: [{n: 2, record: 'c'}]}, [A]]);
      const next = await opened({epoch: 'next'}, storage);
      expect(next.store.keys()).to.eql([ONE]);
      expect([await next.store.load(ONE), await records(next)]).to.eql([{checkpoint: 'b', journal: [{n: 2, record: 'c'}]}, [A]]);
    });

    it('is deleted only when it is discarded, and the new document stays', async () => {
      const {storage} = await continued();
      storage.fail('read');
      const stage = await opened({epoch: 'next'}, storage);
      const {store} = stage;
      store.quarantine.discard(store.quarantine.list()[0]!.id);
      await durable(store);
      expect([await onDisk(stage, ONE), await store.load(ONE)]).to.eql(['-', B]);
      expect((await opened({epoch: 'last'}, storage)).store.keys()).to.eql([ONE]);
      store.close();
    });

    it('is used at the next start that can read it, if the document was not stored again', async () => {
      const first = await opened();
      first.store.append(ONE, 1, 'a');
      await durable(first.store);
      const {storage} = await continuedAfter(first, '', 'second');
      await continuedAfter({...first, storage}, '', 'third');
      storage.fail('read');
      const {store} = await opened({epoch: 'next'}, storage);
      await durable(store);
      expect([await store.load(ONE), store.pendingDocs(), store.quarantine.size]).to.eql([A, [ONE], 0]);
      const last = await opened({epoch: 'last'}, storage);
      expect(await last.store.load(ONE)).to.eql(A);
    });

    it('may have several states, each in its place', async () => {
      const second = await continued();
      const third = await continuedAfter(second, 'c', 'third');
      third.storage.fail('read');
      const stage = await opened({epoch: 'next'}, third.storage);
      expect([await stage.store.load(ONE), await records(stage)]).to.eql([{checkpoint: undefined, journal: [{n: 1, record: 'c'}]}, [A, B]]);
    });

    it('can be restored when the document is not stored any more', async () => {
      const stage = await continued();
      const {store, storage} = stage;
      storage.fail('read');
      store.remove(ONE);
      expect(await store.quarantine.restore(store.quarantine.list()[0]!.id)).to.eql(ONE);
      await durable(store);
      expect([await store.load(ONE), store.quarantine.size, await onDisk(stage, ONE)]).to.eql([A, 0, '-']);
      expect(await (await opened({epoch: 'next'}, storage)).store.load(ONE)).to.eql(A);
    });

    it('stays separate from the data of an older build, which are quarantined, too', async () => {
      const {store, storage} = await continued();
      storage.fail('read');
      store.quarantine.discard(store.quarantine.list()[0]!.id);
      await durable(store);
      await storage.write([{type: 'append', key: ONE, n: 1, record: 'a'}], 'second');
      const stage = await opened({epoch: 'next'}, storage);
      await durable(stage.store);
      expect([await stage.store.load(ONE), await records(stage)]).to.eql([B, [A]]);
    });

    it('does not hide that the storage does not answer', async () => {
      const first = await opened();
      first.store.append(ONE, 1, 'a');
      await durable(first.store);
      const {store, storage, clock} = await opened({epoch: 'next'}, first.storage);
      storage.hold();
      store.quarantine.add(ONE, unreadable, true);
      await calm();
      for (let half = 0; half < 2; half++) clock.pass(WRITE_MS / 2);
      await calm();
      expect([store.isDurable, store.lastError?.code]).to.eql([false, 'ERR_TABS_STORAGE_TIMEOUT']);
    });
  });

  describe('quarantines', () => {
    it('all stored and queued data of a document, over restarts', async () => {
      const stage = await opened();
      const {store, told, storage} = stage;
      store.checkpoint(ONE, 1, 'text', false);
      store.append(ONE, 2, 'a');
      store.quarantine.add(ONE, new Error('useless'));
      expect([store.has(ONE), store.lastError, store.isDurable]).to.eql([false, {message: 'useless'}, true]);
      store.checkpoint(ONE, 0, 'from the server', false);
      await durable(store);
      expect(told).to.include('quarantined notes/one: undefined');
      expect(await onDisk(stage, ONE)).to.equal('from the server');
      const next = await opened({epoch: 'next'}, storage);
      const expected = {key: ONE, error: {message: 'useless'}, size: 54, stored: {checkpoint: 'text', journal: [{n: 2, record: 'a'}]}};
      expect((await next.store.quarantine.export()).map(({id: _id, ...rest}) => rest)).to.eql([expected]);
    });

    it('one after the other, until they are discarded', async () => {
      const {store, storage} = await opened();
      for (const text of ['first', 'second']) {
        store.append(ONE, 1, text);
        store.quarantine.add(ONE, new Error('useless'));
      }
      await durable(store);
      const quarantined = await store.quarantine.export();
      expect(quarantined.map(({stored}) => stored?.journal[0]?.record)).to.eql(['first', 'second']);
      store.quarantine.discard(quarantined[0]!.id);
      await durable(store);
      const next = await opened({epoch: 'next'}, storage);
      expect(await next.store.quarantine.export(), 'it is tried again at the next start').to.eql([]);
      expect(await next.store.load(ONE)).to.eql({checkpoint: undefined, journal: [{n: 1, record: 'second'}]});
    });

    it('data that a start does not read', async () => {
      const {store, storage} = await opened();
      store.append(ONE, 1, 'a long text');
      store.quarantine.add(ONE, new Error('useless'));
      store.checkpoint(ONE, 0, 'from the server', false);
      await durable(store);
      const seen: unknown[] = [];
      const claim = storage.disk.claim.bind(storage.disk);
      storage.disk.claim = async epoch => {
        const meta = await claim(epoch);
        seen.push(JSON.stringify(meta));
        return meta;
      };
      storage.reads.length = 0;
      const next = await opened({epoch: 'next'}, storage);
      expect(storage.reads).to.eql([]);
      expect(seen.join()).not.to.include('a long text');
      expect(next.store.keys()).to.eql([ONE]);
      const [entry] = next.store.quarantine.list();
      expect(entry).to.deep.include({key: ONE, size: JSON.stringify({journal: [{n: 1, record: 'a long text'}]}).length});
      expect((await next.store.quarantine.export())[0]?.stored?.journal).to.eql([{n: 1, record: 'a long text'}]);
      next.store.quarantine.discard(entry!.id);
      await durable(next.store);
      expect((await storage.disk.inventory()).map(({key}) => key)).to.eql([ONE]);
    });

    it('nothing if nothing is stored', async () => {
      const {store} = await opened();
      store.quarantine.add(ONE, new Error('useless'));
      await durable(store);
      expect(await store.quarantine.export()).to.eql([]);
    });
  });

  describe('keeps small values', () => {
    it('over restarts, under any name', async () => {
      const {store, storage} = await opened();
      const values = {lineage: 'no lineage', 'set aside: ': 'not set aside', epoch: 'e', '': 'empty', name: 'old'};
      for (const [name, value] of Object.entries(values)) store.keep(name, value);
      store.keep('__proto__', 'p');
      store.keep('name', 'value');
      store.keep('gone', 'x');
      store.keep('gone', undefined);
      await durable(store);
      const next = await opened({epoch: 'next'}, storage);
      expect(Object.entries(next.store.kept).sort()).to.eql(Object.entries({...values, ['__proto__']: 'p', name: 'value'}).sort());
      expect(next.store.lineage).to.equal('epoch');
    });
  });

  describe('with an app\'s own cipher', () => {
    const cipher: Cipher = {
      encrypt: text => `<${[...text].reverse().join('')}>`,
      decrypt(text) {
        if (!text.startsWith('<')) throw new Error('not encrypted here');
        return [...text.slice(1, -1)].reverse().join('');
      }
    };

    it('stores no plain text, and reads everything', async () => {
      const stage = await opened({cipher});
      stage.store.checkpoint(ONE, 0, 'secret', false);
      stage.store.append(ONE, 1, 'edit');
      stage.store.keep('letter', 'dead');
      await durable(stage.store);
      expect(await onDisk(stage, ONE)).to.equal('<terces> <tide>');
      expect(Object.values(await stage.storage.disk.claim('looking'))).to.include('<daed>');
      const {store} = await opened({cipher, epoch: 'next'}, stage.storage);
      expect(await store.load(ONE)).to.eql({checkpoint: 'secret', journal: [{n: 1, record: 'edit'}]});
      expect({...store.kept}).to.eql({letter: 'dead'});
    });

    it('quarantines data that it can\'t decrypt, keeps other values, and continues', async () => {
      const stage = await opened();
      stage.store.append(ONE, 1, 'clear');
      stage.store.keep('letter', 'clear');
      await durable(stage.store);
      const {store, told} = await opened({cipher, epoch: 'next'}, stage.storage);
      expect([await store.load(ONE), {...store.kept}]).to.eql([undefined, {}]);
      expect(told).to.include('quarantined notes/one: undefined');
      store.append(ONE, 1, 'new');
      await durable(store);
      expect(await store.load(ONE)).to.eql({checkpoint: undefined, journal: [{n: 1, record: 'new'}]});
      expect((await store.quarantine.export())[0]?.stored?.journal).to.eql([{n: 1, record: 'clear'}]);
      const last = await opened({epoch: 'last'}, stage.storage);
      expect({...last.store.kept}).to.eql({letter: 'clear'});
    });

    it('treats a failing cipher as a failing disk', async () => {
      let works = false;
      const failing: Cipher = {
        encrypt: text => (works ? text : Promise.reject(new Error('no key yet'))),
        decrypt: text => text
      };
      const stage = await opened({cipher: failing});
      const {store, clock} = stage;
      store.append(ONE, 1, 'a');
      await durable(store);
      expect([store.isDurable, store.lastError]).to.eql([false, {message: 'no key yet'}]);
      works = true;
      clock.pass(RETRY_MS);
      await calm();
      expect([store.isDurable, await onDisk(stage, ONE)]).to.eql([true, '- a']);
    });
  });

  describe('ends', () => {
    it('when it is closed, also twice', async () => {
      const stage = await opened();
      const {store, clock} = stage;
      store.close();
      store.close();
      store.append(ONE, 1, 'a');
      await durable(store);
      expect([await onDisk(stage, ONE), clock.waiting]).to.eql(['-', 0]);
    });

    it('when it is cleared, also twice, and leaves nothing', async () => {
      const stage = await opened();
      const {store, storage} = stage;
      store.append(ONE, 1, 'a');
      await durable(store);
      storage.hold();
      store.append(ONE, 2, 'b');
      store.keep('name', 'value');
      await calm();
      const clearing = store.clear();
      let called = false;
      store.whenAllCommittedOrFailed(() => { called = true; });
      storage.release();
      await clearing;
      await store.clear();
      store.append(ONE, 3, 'c');
      await calm();
      expect([called, await onDisk(stage, ONE), store.keys(), {...store.kept}]).to.eql([true, '-', [], {}]);
      expect((await opened({epoch: 'next'}, storage)).store.keys()).to.eql([]);
    });

    it('also while it is opening, or waits for the next attempt', async () => {
      const storage = new TroubledStorage();
      storage.hold();
      const {store, clock} = opening({}, storage);
      store.close();
      await store.whenReady();
      storage.release();
      await calm();
      expect(clock.waiting).to.equal(0);
      const failing = new TroubledStorage();
      failing.fail('open', new Error('no'));
      const other = await opened({}, failing);
      other.store.close();
      other.clock.pass(RETRY_MS);
      expect(other.clock.waiting).to.equal(0);
    });
  });
});
