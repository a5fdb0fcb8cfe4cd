import {deleteDB, openDB, type DBSchema, type IDBPDatabase} from 'idb';
import {FencedError, type Change, type DocKey, type InventoryItem, type Storage, type StoredDoc} from './storage.js';

interface Schema extends DBSchema {
  checkpoints: {key: [string, string]; value: {c: string; d: string; checkpoint: string; pending?: 1}; indexes: {pending: number}};
  journal: {key: [string, string, number]; value: string};
  meta: {key: string; value: string};
}

type Database = IDBPDatabase<Schema>;
type Writing = ReturnType<Database['transaction']>;

const EPOCH = 'epoch';
const VERSION = 1;

export interface IndexedDbStorageOptions {
  /**
   * 'relaxed' commits when the operating system has the data, which survives the end of the browser, and
   * 'strict' when the disk has it, which survives the loss of power too and costs many times as much.
   * Default 'relaxed'.
   */
  durability?: 'strict' | 'relaxed' | undefined;
  /** The database's name begins with it. Default 'sharedb-tabs'. */
  prefix?: string | undefined;
}

/** Keeps everything in IndexedDB: checkpoints, journals, and a few small values, in one database per namespace. */
export class IndexedDbStorage implements Storage {
  readonly isDurable = true;
  onLost: ((reason: string) => void) | undefined;
  private readonly durability: 'strict' | 'relaxed';
  private readonly prefix: string;
  private name = '';
  private database: Promise<Database> | undefined;

  /** Whether there is an IndexedDB here at all. It may still refuse to be opened. */
  static isAvailable(): boolean {
    return typeof indexedDB === 'object' && indexedDB !== null;
  }

  constructor({durability = 'relaxed', prefix = 'sharedb-tabs'}: IndexedDbStorageOptions = {}) {
    this.durability = durability;
    this.prefix = prefix;
  }

  async open(namespace: string): Promise<void> {
    this.name = `${this.prefix}:${namespace}`;
    await this.connect();
  }

  async claim(epoch: string): Promise<Record<string, string>> {
    const transaction = (await this.connect()).transaction('meta', 'readwrite', {durability: this.durability});
    const [names, values] = await Promise.all([transaction.store.getAllKeys(), transaction.store.getAll()]);
    await Promise.all([transaction.store.put(epoch, EPOCH), transaction.done]);
    return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
  }

  async write(changes: readonly Change[], epoch: string): Promise<void> {
    const database = await this.connect();
    const transaction = database.transaction(['checkpoints', 'journal', 'meta'], 'readwrite', {durability: this.durability});
    // What fails inside shows on `done`; without this, the single requests would be unhandled rejections.
    const done = transaction.done;
    done.catch(() => {});
    // The claim is looked at inside the transaction: between two transactions another host may have come.
    if ((await transaction.objectStore('meta').get(EPOCH)) !== epoch) {
      transaction.abort();
      throw new FencedError();
    }
    for (const change of changes) void make(transaction as unknown as Writing, change).catch(() => {});
    await done;
  }

  async read(keys: readonly DocKey[]): Promise<StoredDoc[]> {
    const transaction = (await this.connect()).transaction(['checkpoints', 'journal']);
    const [checkpoints, journal] = [transaction.objectStore('checkpoints'), transaction.objectStore('journal')];
    return Promise.all(keys.map(async ([c, d]) => {
      const range = journalOf([c, d]);
      const [kept, numbers, records] = await Promise.all([
        checkpoints.get([c, d]), journal.getAllKeys(range), journal.getAll(range)
      ]);
      return {checkpoint: kept?.checkpoint, journal: numbers.map(([, , n], i) => ({n, record: records[i]!}))};
    }));
  }

  async inventory(): Promise<InventoryItem[]> {
    const transaction = (await this.connect()).transaction(['checkpoints', 'journal']);
    const checkpoints = transaction.objectStore('checkpoints');
    const [keys, pending, journal] = await Promise.all([
      checkpoints.getAllKeys(), checkpoints.index('pending').getAllKeys(), transaction.objectStore('journal').getAllKeys()
    ]);
    const items = new Map<string, InventoryItem>();
    for (const key of keys) items.set(JSON.stringify(key), {key, hasPending: false});
    for (const [c, d] of [...pending, ...journal]) items.set(JSON.stringify([c, d]), {key: [c, d], hasPending: true});
    return [...items.values()];
  }

  async clear(): Promise<void> {
    await this.disconnect();
    await deleteDB(this.name);
  }

  close(): void {
    void this.disconnect();
  }

  private async disconnect(): Promise<void> {
    const database = this.database;
    this.database = undefined;
    await database?.then(opened => opened.close(), () => {});
  }

  private connect(): Promise<Database> {
    return (this.database ??= this.openDatabase());
  }

  private openDatabase(): Promise<Database> {
    const lose = (reason: string): void => {
      this.database = undefined;
      this.onLost?.(reason);
    };
    const opening = openDB<Schema>(this.name, VERSION, {
      upgrade(database) {
        database.createObjectStore('checkpoints', {keyPath: ['c', 'd']}).createIndex('pending', 'pending');
        database.createObjectStore('journal');
        database.createObjectStore('meta');
      },
      blocked: () => this.onLost?.('Another page keeps an older version of the database open'),
      // A newer version wants in, or the data is being deleted: whoever holds on would block it.
      blocking: (_current, _blocked, event) => {
        (event.target as IDBDatabase).close();
        lose('The database was closed for a newer version or a deletion');
      },
      terminated: () => lose('The browser closed the database')
    });
    opening.catch(() => { this.database = undefined; });
    return opening;
  }
}

/** All records of a document: an array sorts after every number. */
function journalOf([c, d]: DocKey, upTo?: number): IDBKeyRange {
  return IDBKeyRange.bound([c, d], [c, d, upTo ?? []]);
}

async function make(transaction: Writing, change: Change): Promise<void> {
  const checkpoints = (transaction as any).objectStore('checkpoints') as any;
  const journal = (transaction as any).objectStore('journal') as any;
  switch (change.type) {
    case 'append':
      await journal.put(change.record, [...change.key, change.n]);
      return;
    case 'checkpoint': {
      const [c, d] = change.key;
      await Promise.all([
        checkpoints.put({c, d, checkpoint: change.checkpoint, ...(change.hasPending && {pending: 1})}),
        journal.delete(journalOf(change.key, change.n))
      ]);
      return;
    }
    case 'remove':
      await Promise.all([checkpoints.delete([...change.key]), journal.delete(journalOf(change.key))]);
      return;
    case 'meta': {
      const meta = (transaction as any).objectStore('meta') as any;
      await (change.value === undefined ? meta.delete(change.name) : meta.put(change.value, change.name));
      return;
    }
    default:
      change satisfies never;
  }
}
