import * as fake from 'fake-indexeddb';
import {openDB} from 'idb';
import {IndexedDbStorage, type IndexedDbStorageOptions} from '../../lib/store/indexed-db-storage.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import type {Storage} from '../../lib/store/storage.js';

/** A storage medium that survives the hosts that use it. */
export interface Disk {
  /** The storage as a new process opens it. */
  storage(): Storage;
}

export function memoryDisk(): Disk {
  const storage = new InMemoryStorage();
  return {storage: () => storage};
}

export function indexedDbDisk(options?: IndexedDbStorageOptions): Disk {
  return {storage: () => new IndexedDbStorage(options)};
}

const NAMES = [
  'IDBCursor', 'IDBCursorWithValue', 'IDBDatabase', 'IDBFactory', 'IDBIndex', 'IDBKeyRange', 'IDBObjectStore', 'IDBOpenDBRequest',
  'IDBRequest', 'IDBTransaction', 'IDBVersionChangeEvent'
] as const;

/**
 * Gives each test an empty IndexedDB, and removes it for the tests of other files.
 * @returns the connections that the test has opened, in order
 */
export function withIndexedDb(): IDBDatabase[] {
  const globals = globalThis as unknown as Record<string, unknown>;
  const opened: IDBDatabase[] = [];
  beforeEach(() => {
    opened.length = 0;
    for (const name of NAMES) globals[name] = fake[name];
    const factory = new fake.IDBFactory();
    const open = factory.open.bind(factory);
    factory.open = (name, version) => {
      const request = open(name, version);
      request.addEventListener('success', () => opened.push(request.result));
      return request;
    };
    globals['indexedDB'] = factory;
  });
  after(() => {
    for (const name of [...NAMES, 'indexedDB']) delete globals[name];
  });
  return opened;
}

/** Closes a connection as the browser does, for example when the user deletes the site's data. */
export function terminate(database: IDBDatabase): void {
  fake.forceCloseDatabase(database as never);
}

/** The complete content of a database. */
export async function dump(name: string): Promise<string> {
  const database = await openDB(name);
  const found: unknown[] = [];
  for (const store of [...database.objectStoreNames].sort()) {
    found.push([store, await database.getAllKeys(store), await database.getAll(store)]);
  }
  database.close();
  return JSON.stringify(found);
}

/** Writes to the database without the store. */
export async function tamper(name: string, store: string, value: unknown, key?: IDBValidKey): Promise<void> {
  const database = await openDB(name);
  await database.put(store, value, key);
  database.close();
}
