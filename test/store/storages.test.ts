import {expect} from 'chai';
import {openDB} from 'idb';
import {IndexedDbStorage} from '../../lib/store/indexed-db-storage.js';
import type {Change, DocKey} from '../../lib/store/storage.js';
import {dump, indexedDbDisk, memoryDisk, withIndexedDb} from './disks.js';
import {describeStorage} from './storage-contract.js';

describeStorage('InMemoryStorage', memoryDisk);

describe('on IndexedDB', () => {
  withIndexedDb();
  describeStorage('IndexedDbStorage', indexedDbDisk);
  describeStorage('IndexedDbStorage, strictly', () => indexedDbDisk({durability: 'strict', prefix: 'another'}));

  it('makes all changes of a write or none', async () => {
    const storage = new IndexedDbStorage();
    await storage.open('default');
    await storage.claim('epoch');
    const key: DocKey = ['notes', 'one'];
    const good: Change = {type: 'append', key, n: 1, record: 'good'};
    const bad: Change = {type: 'append', key: ['notes', 'two'], n: NaN, record: 'no key of IndexedDB'};
    expect(await storage.write([good, bad, good], 'epoch').catch((e: unknown) => e)).to.have.property('name', 'DataError');
    expect(await storage.inventory()).to.eql([]);
    storage.close();
  });

  describe('records that a host has appended after it was replaced, and could not remove', () => {
    const key: DocKey = ['notes', 'one'];
    const append = (n: number, record: string): Change => ({type: 'append', key, n, record});
    let storage: IndexedDbStorage;

    beforeEach(async () => {
      storage = new IndexedDbStorage();
      await storage.open('default');
      await storage.claim('first');
      await storage.write([append(1, 'one'), append(2, 'two')], 'first');
      await storage.claim('second');
      const database = await openDB('sharedb-tabs:default');
      const {term} = (await database.getAll('journal'))[0] as {term: number};
      for (const n of [3, 4]) await database.put('journal', {term, n, record: 'late'}, [...key, term, n]);
      database.close();
    });
    afterEach(() => storage.close());

    const read = async (): Promise<unknown> => (await storage.read([key]))[0];

    it('are ignored once the next host has appended', async () => {
      await storage.write([append(3, 'three')], 'second');
      expect(await read()).to.eql({
        checkpoint: undefined, journal: [{n: 1, record: 'one'}, {n: 2, record: 'two'}, {n: 3, record: 'three'}]
      });
    });

    it('are ignored once the next host has made a checkpoint, and deleted with a later one', async () => {
      await storage.write([{type: 'checkpoint', key, n: 2, checkpoint: 'both', hasPending: false}], 'second');
      expect(await read()).to.eql({checkpoint: 'both', journal: []});
      await storage.write([append(3, 'three')], 'second');
      expect(await read()).to.eql({checkpoint: 'both', journal: [{n: 3, record: 'three'}]});
      await storage.write([{type: 'checkpoint', key, n: 3, checkpoint: 'all', hasPending: false}], 'second');
      expect(await dump('sharedb-tabs:default')).not.to.include('late');
    });
  });

  it('reports no storage if access to it is forbidden', () => {
    Object.defineProperty(globalThis, 'indexedDB', {configurable: true, get: () => { throw new DOMException('no', 'SecurityError'); }});
    expect(IndexedDbStorage.isAvailable()).to.equal(false);
    delete (globalThis as {indexedDB?: unknown}).indexedDB;
    expect(IndexedDbStorage.isAvailable()).to.equal(false);
  });
});
