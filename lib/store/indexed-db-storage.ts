import {deleteDB, openDB, unwrap} from 'idb';
import {RANGE_FROM, isBelow, readRange, storedDoc} from './indexed-db-reads.js';
import {
  FLOOR, HOLDER, STORES, UNCLAIMED, VERSION, asText, barrierOf, journalOf, type Append, type Database, type Floor, type Holder, type KeptRecord, type Schema, type Store
} from './indexed-db-schema.js';
import {abort, allOf, byDoc, deleteRecords, emptied, make, passBarriers, takeBack} from './indexed-db-writes.js';
import {FencedError, UnclaimedError, type Change, type DocKey, type InventoryItem, type Storage, type StoredDoc} from './storage.js';

/** The object stores of a write that only appends records. A transaction over fewer object stores takes less time. */
const APPENDING: Store[] = ['journal', 'claim'];
/** A barrier is deleted after this time, in ms. A replaced host is assumed not to run again later than that. */
const BARRED_MS = 24 * 60 * 60_000;

/** The options of an `IndexedDbStorage`. */
export interface IndexedDbStorageOptions {
  /**
   * When a write is complete (Indexed Database API, "durability hint"). 'relaxed': when the operating system has the data. They survive
   * a crash of the browser. 'strict': when the disk has the data. They also survive a power loss, and each write waits for the disk.
   * Default 'relaxed'.
   */
  durability?: 'strict' | 'relaxed' | undefined;
  /** The database's name consists of this prefix, a colon and the namespace. Default 'sharedb-tabs'. */
  prefix?: string | undefined;
}

/** A storage in IndexedDB. Each namespace has a database with checkpoints, journals and small values. */
export class IndexedDbStorage implements Storage {
  readonly isDurable = true;
  onLost: Storage['onLost'];
  onBlocked: Storage['onBlocked'];
  private readonly durability: 'strict' | 'relaxed';
  private readonly prefix: string;
  private name = '';
  private term = 0;
  /** See {@link Floor}. */
  private floor = 0;
  private isOpen = false;
  /** The epoch that has claimed the open database. A database that is opened again may be another one. */
  private claimed: string | undefined;
  private database: Promise<Database> | undefined;
  /** The opening that `database` waits for. */
  private openings: Promise<Database> | undefined;

  /** Whether the environment has IndexedDB. Opening a database may still fail. */
  static isAvailable(): boolean {
    try {
      return typeof indexedDB === 'object' && indexedDB !== null;
    } catch {
      // If storage is forbidden, reading the property may throw.
      return false;
    }
  }

  /** Does not open the database. The host calls `open`. */
  constructor({durability = 'relaxed', prefix = 'sharedb-tabs'}: IndexedDbStorageOptions = {}) {
    this.durability = durability;
    this.prefix = prefix;
  }

  async open(namespace: string): Promise<void> {
    this.name = `${this.prefix}:${namespace}`;
    this.isOpen = true;
    this.claimed = undefined;
    await this.connect();
  }

  claim(epoch: string): Promise<Record<string, string>> {
    return this.use(async database => {
      const transaction = database.transaction(['meta', 'claim'], 'readwrite', {durability: this.durability});
      const {done} = transaction;
      done.catch(() => {});
      const meta = transaction.objectStore('meta');
      const claim = transaction.objectStore('claim');
      const [names, values, keys, kept] = await Promise.all([meta.getAllKeys(), meta.getAll(), claim.getAllKeys(), claim.getAll()]);
      if (keys.includes(barrierOf(epoch))) throw new FencedError();
      const holder = kept[keys.indexOf(HOLDER)] as Holder | undefined;
      const old = keys.filter((_, i) => typeof kept[i] === 'number' && Date.now() - kept[i] > BARRED_MS);
      const {floor = 0} = (kept[keys.indexOf(FLOOR)] ?? {}) as Partial<Floor>;
      const term = Math.max(Date.now(), (holder?.term ?? 0) + 1, floor + 1);
      await Promise.all([
        ...[UNCLAIMED, ...old].map(key => claim.delete(key)),
        ...(holder && holder.epoch !== epoch ? [claim.put(Date.now(), barrierOf(holder.epoch))] : []),
        claim.put({epoch, term}, HOLDER),
        done
      ]);
      this.term = term;
      this.floor = floor;
      this.claimed = epoch;
      return Object.fromEntries(names.map((name, i) => [name, asText(values[i])]));
    });
  }

  write(changes: readonly Change[], epoch: string): Promise<void> {
    return this.use(async database => {
      // An append does not check the barriers. If the host was replaced, it deletes the records afterwards, which could leave a part of
      // a transaction of several documents. So `change` writes the records of transactions.
      const appended = changes.every(change => change.type === 'append' && !change.isTogether) ? changes as Append[] : undefined;
      const holder = await (appended ? this.append(unwrap(database), appended) : this.change(database, changes, epoch));
      if (holder?.epoch === epoch) return;
      // The records do not count when the next host has written a record or checkpoint of the document. Before that, they could be read.
      if (appended) await takeBack(database, appended, this.term).catch(() => {});
      // Without a holder, the database was emptied, perhaps by code that sets no barriers.
      throw holder ? new FencedError() : new UnclaimedError();
    });
  }

  /**
   * Writes records as one value for each document, without a promise for each request, because edits wait for this write. It does not
   * read the claim first. Otherwise the transaction would stay open until this thread has handled the answer, and other transactions
   * would wait for a busy thread.
   * @returns the holder of the claim
   */
  private append(database: IDBDatabase, changes: readonly Append[]): Promise<Holder | undefined> {
    return new Promise((resolve, reject) => {
      const {term, durability} = this;
      const transaction = database.transaction(APPENDING, 'readwrite', {durability});
      let held: IDBRequest<Holder | undefined> | undefined;
      transaction.oncomplete = () => resolve(held!.result);
      transaction.onabort = () => reject(transaction.error ?? new DOMException('The transaction was aborted', 'AbortError'));
      try {
        const journal = transaction.objectStore('journal');
        for (const appends of byDoc(changes)) {
          const {key: [c, d], n, record} = appends.at(-1)!;
          const before = appends.slice(0, -1).map(each => ({n: each.n, record: each.record}));
          journal.put({term, n, record, ...(before.length && {before})} satisfies KeptRecord, [c, d, term, n]);
        }
        held = transaction.objectStore('claim').get(HOLDER);
        transaction.commit();
      } catch (error) {
        reject(error);
        transaction.abort();
      }
    });
  }

  /** Writes any changes. If there is a barrier for this epoch, the browser rejects the write. @returns the holder of the claim */
  private async change(database: Database, changes: readonly Change[], epoch: string): Promise<Holder | undefined> {
    const transaction = database.transaction(STORES, 'readwrite', {durability: this.durability});
    const {done} = transaction;
    done.catch(() => {});
    try {
      const claim = transaction.objectStore('claim');
      const passed = passBarriers(claim, epoch);
      const held = claim.get(HOLDER) as Promise<Holder | undefined>;
      const made: Promise<unknown>[] = [];
      try {
        for (const change of changes) made.push(...make(transaction, change, this.term));
      } finally {
        for (const request of [...passed, held, ...made]) request.catch(() => {});
      }
      transaction.commit();
      return await allOf(held, [...passed, ...made, done]);
    } catch (error) {
      abort(transaction);
      throw error;
    }
  }

  read(keys: readonly DocKey[]): Promise<StoredDoc[]> {
    return this.use(async database => {
      const transaction = database.transaction(['checkpoints', 'journal']);
      const [checkpoints, journal] = [transaction.objectStore('checkpoints'), transaction.objectStore('journal')];
      if (keys.length >= RANGE_FROM) {
        const stored = await readRange(keys, checkpoints, journal, this.floor);
        if (stored) return stored;
      }
      return Promise.all(keys.map(async ([c, d]) => {
        const [kept, records] = await Promise.all([checkpoints.get([c, d]), journal.getAll(journalOf([c, d]))]);
        return storedDoc(kept, records, this.floor);
      }));
    });
  }

  /** Lists the stored documents, without their content. */
  inventory(): Promise<InventoryItem[]> {
    return this.use(async database => {
      const transaction = database.transaction(['checkpoints', 'journal']);
      const checkpoints = transaction.objectStore('checkpoints');
      const [keys, pending, journal] = await Promise.all([
        checkpoints.getAllKeys(), checkpoints.index('pending').getAllKeys(), transaction.objectStore('journal').getAllKeys()
      ]);
      const {floor} = this;
      const late = journal.filter(key => isBelow(key[2], floor));
      if (late.length) await deleteRecords(database, late);
      const items = new Map<string, InventoryItem>();
      const note = (key: unknown, hasPending: boolean): void => {
        // Values that other code has written may have other keys.
        const [c, d] = Array.isArray(key) ? (key as unknown[]) : [];
        if (typeof c === 'string' && typeof d === 'string') items.set(JSON.stringify([c, d]), {key: [c, d], hasPending});
      };
      for (const key of keys) note(key, false);
      for (const key of [...pending, ...journal]) if (!late.includes(key as never)) note(key, true);
      return [...items.values()];
    });
  }

  async clear(values: Readonly<Record<string, string>> = {}): Promise<void> {
    const {name} = this;
    if (!name) return this.close();
    const hasValues = Object.keys(values).length > 0;
    // A deletion waits until all other connections to the database are closed. Emptying does not wait.
    const isEmpty = await this.empty(values);
    if (isEmpty && hasValues) return;
    await new Promise<void>((resolve, reject) => {
      deleteDB(name, {blocked: () => { if (isEmpty) resolve(); }}).then(resolve, reject);
    });
    if (!hasValues) return;
    this.database = this.openDatabase();
    if (!await this.empty(values)) throw new DOMException('The database was deleted, but can\'t be opened again', 'UnknownError');
  }

  /** Deletes everything but these small values, and closes the database. @returns whether that succeeded */
  private async empty(values: Readonly<Record<string, string>>): Promise<boolean> {
    const database = await this.release()?.catch(() => undefined);
    const isEmpty = !!database && (await emptied(database, values).then(() => true, () => false));
    database?.close();
    return isEmpty;
  }

  close(): void {
    void this.release()?.then(database => database.close(), () => {});
  }

  private release(): Promise<Database> | undefined {
    const {database} = this;
    this.database = this.openings = undefined;
    this.isOpen = false;
    return database;
  }

  /**
   * Calls `act` with the database. If the connection is closed, or the transaction was aborted, nothing was written, and `act` is called
   * again with a new connection.
   */
  private async use<T>(act: (database: Database) => Promise<T>): Promise<T> {
    const connecting = this.connect();
    try {
      return await act(await connecting);
    } catch (error) {
      if (!this.isOpen || !isCutOff(error)) throw error;
      if (this.database === connecting) this.database = undefined;
      void connecting.then(database => database.close(), () => {});
      return act(await this.connect());
    }
  }

  private connect(): Promise<Database> {
    if (!this.isOpen) return Promise.reject(new DOMException('The storage is closed', 'InvalidStateError'));
    if (this.database) return this.database;
    const database = (this.database = this.claimed === undefined ? this.openDatabase() : this.openAgain(this.claimed));
    database.catch(() => { if (this.database === database) this.database = undefined; });
    return database;
  }

  /** Opens the database again. It may have been deleted and created anew, without a barrier for this host, so the claim is checked. */
  private async openAgain(epoch: string): Promise<Database> {
    const opening = this.openDatabase();
    const database = await opening;
    const holder = await database.get('claim', HOLDER) as Holder | undefined;
    if (holder?.epoch === epoch) return database;
    database.close();
    throw holder ? new FencedError() : new UnclaimedError();
  }

  private openDatabase(): Promise<Database> {
    const opening: Promise<Database> = openDB<Schema>(this.name, VERSION, {
      upgrade(database, _old, _new, transaction) {
        database.createObjectStore('checkpoints', {keyPath: ['c', 'd']}).createIndex('pending', 'pending');
        database.createObjectStore('journal');
        database.createObjectStore('meta');
        database.createObjectStore('claim');
        void transaction.objectStore('claim').put(Date.now(), UNCLAIMED);
      },
      blocked: () => this.onBlocked?.('Another page keeps an older version of the database open'),
      // A newer version of the database is opened, or it is deleted. An open connection would block this.
      blocking: (_current, _blocked, event) => {
        (event.target as IDBDatabase).close();
        lose('The database was closed for a newer version or a deletion');
      },
      terminated: () => lose('The browser closed the database')
    });
    const lose = (reason: string): void => {
      if (this.openings !== opening) return;
      this.openings = this.database = undefined;
      this.onLost?.(reason);
    };
    this.openings = opening;
    return opening;
  }
}

function isCutOff(error: unknown): boolean {
  const {name} = (error ?? {}) as {name?: unknown};
  return name === 'InvalidStateError' || name === 'AbortError';
}
