import {expect} from 'chai';
import {IndexedDbStorage} from '../../lib/store/indexed-db-storage.js';
import type {Change, DocKey} from '../../lib/store/storage.js';
import {indexedDbDisk, memoryDisk, withIndexedDb} from './disks.js';
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
    const bad: Change = {type: 'append', key, n: NaN, record: 'no key of IndexedDB'};
    expect(await storage.write([good, bad, good], 'epoch').catch((e: unknown) => e)).to.have.property('name', 'DataError');
    expect(await storage.inventory()).to.eql([]);
    storage.close();
  });

  it('says that there is none where looking at it is forbidden', () => {
    Object.defineProperty(globalThis, 'indexedDB', {configurable: true, get: () => { throw new DOMException('no', 'SecurityError'); }});
    expect(IndexedDbStorage.isAvailable()).to.equal(false);
    delete (globalThis as {indexedDB?: unknown}).indexedDB;
    expect(IndexedDbStorage.isAvailable()).to.equal(false);
  });
});
