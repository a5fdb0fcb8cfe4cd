import type {OptionCheck} from '../platform/option-checks.js';
import {TabsError} from '../protocol/errors.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {planFrom, planOf, type Plan} from './collection.js';
import {loadedTransact, type Transact} from './current-transaction.js';
import {KeyedCollection} from './keyed-collection.js';
import {SHARDS_KEY} from './keys.js';
import type {TransactionOptions} from './retry.js';
import type {ChangeEvent, Key, MapChangeEvent, MapOptions, WatchOptions} from './types.js';

/** A map that all tabs share, with the methods of `Map` and some for concurrent use. */
export class SharedMap<K extends Key, V> extends KeyedCollection implements Iterable<[K, V]> {
  /**
   * Opens a map. Await `ready` before you use it; {@link SharedMap.open} does both.
   * @throws ERR_TABS_BAD_OPTION
   */
  constructor(connection: ProxyConnection, name: string, options?: MapOptions<V>);
  /** @internal */
  constructor(plan: Plan);
  constructor(connection: ProxyConnection | Plan, name?: string, options: MapOptions<V> = {}) {
    super('documents' in connection ? connection : planOf('map', connection, name!, options, {shards: SHARDS}, shard => firstData(shard, options)));
  }

  /**
   * Opens a map. Resolves when it can be read and written; rejects if the document's subscription fails.
   * @throws ERR_TABS_BAD_OPTION
   */
  static open<K extends Key, V>(connection: ProxyConnection, name: string, options?: MapOptions<V>): Promise<SharedMap<K, V>> {
    return new SharedMap<K, V>(connection, name, options).ready;
  }

  /** A view of a json0 document whose data is an object. The document belongs to the caller. */
  static from<K extends Key, V>(doc: ProxyDoc): SharedMap<K, V> {
    return new SharedMap<K, V>(planFrom('map', doc, () => ({})));
  }

  protected override async opened(): Promise<void> {
    const {documents, where, isForeign} = this.plan;
    const stored = documents[0]!.get(SHARDS_KEY) ?? 1;
    if (isForeign || stored === documents.length) return;
    await this.close();
    throw new TabsError('ERR_TABS_BAD_OPTION', `${where} is stored in ${String(stored)} documents. Open it with shards: ${String(stored)}`);
  }

  /**
   * Sets the value of a key. Other tabs show it at once.
   * @throws ERR_TABS_BAD_KEY, ERR_TABS_BAD_VALUE, ERR_TABS_LIMIT
   */
  set(key: K, value: V): void {
    this.write([[key, value]]);
  }

  /**
   * The value of a key; undefined if there is none. Do not change the value in place.
   * @throws ERR_TABS_BAD_KEY
   */
  get(key: K): V | undefined {
    return this.read(key) as V | undefined;
  }

  /**
   * Whether the key has a value.
   * @throws ERR_TABS_BAD_KEY
   */
  has(key: K): boolean {
    return this.includes(key);
  }

  /**
   * Deletes a key.
   * @returns whether the key existed in this tab
   * @throws ERR_TABS_BAD_KEY
   */
  delete(key: K): boolean {
    return this.remove([key]) > 0;
  }

  /** Deletes all keys, in one op per document and 1,000 keys. */
  clear(): void {
    this.removeAll();
  }

  /**
   * Adds to a number. Concurrent increments add up. A missing key counts as 0 only in a transaction.
   * @throws ERR_TABS_BAD_VALUE if the value is not a number, or is missing outside of a transaction, or if `by` or the sum is not finite
   */
  increment(key: K, by = 1): void {
    this.add(key, by);
  }

  /**
   * Changes a value in a transaction of its own: `fn` may run several times. If `fn` returns undefined, the key is deleted.
   * @returns the new value; rejects as `transaction` does
   */
  update(key: K, fn: (value: V | undefined) => V | undefined, options?: TransactionOptions): Promise<V | undefined> {
    const run = (transaction: Transact): Promise<V | undefined> => transaction(tx => {
      const map = tx.in(this) as SharedMap<K, V>;
      const value = fn(map.get(key));
      if (value === undefined) map.delete(key);
      else map.set(key, value);
      return value;
    }, options);
    // A page that imports only collections loads the code of transactions with the first call.
    const loaded = loadedTransact();
    return loaded ? run(loaded) : import('./transaction.js').then(({transaction}) => run(transaction));
  }

  /** Sets entries, in one op per document and 1,000 entries. */
  setMany(entries: Iterable<readonly [K, V]>): void {
    this.write(entries);
  }

  /**
   * Deletes keys, in one op per document and 1,000 keys.
   * @returns how many of the keys existed in this tab
   */
  deleteMany(keys: Iterable<K>): number {
    return this.remove(keys);
  }

  /** The values of several keys. Keys without a value are left out. */
  getMany(keys: Iterable<K>): Map<K, V> {
    const found = new Map<K, V>();
    for (const key of keys) {
      const value = this.get(key);
      if (value !== undefined) found.set(key, value);
    }
    return found;
  }

  /** The number of keys. */
  get size(): number {
    return this.count();
  }

  /** The keys, as they are at the call. */
  keys(): IterableIterator<K> {
    return (this.shownKeys() as K[])[Symbol.iterator]();
  }

  /** The values, as they are at the call. */
  values(): IterableIterator<V> {
    return this.pairs().map(([, value]) => value as V)[Symbol.iterator]();
  }

  /** Pairs of key and value, as they are at the call. */
  entries(): IterableIterator<[K, V]> {
    return (this.pairs() as [K, V][])[Symbol.iterator]();
  }

  /** As `entries`. */
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }

  /** Calls back for each entry that the map has at the call. */
  forEach(fn: (value: V, key: K, map: this) => void): void {
    for (const [key, value] of this.entries()) fn(value, key, this);
  }

  /**
   * Yields the changes of one key. Changes that nobody has taken yet are merged into one event.
   * @throws ERR_TABS_BAD_KEY
   */
  watch(key: K, options?: WatchOptions): AsyncIterableIterator<ChangeEvent<V>> {
    return this.watchKey(key, options);
  }

  /** Yields the changes of all keys. Changes of a key that nobody has taken yet are merged into one event. */
  watchAll(options?: WatchOptions): AsyncIterableIterator<MapChangeEvent<K, V>> {
    return this.watchKeys(options);
  }

  /**
   * Calls back for every change; changes are not merged.
   * @returns a function that removes the listener
   */
  on(listener: (event: MapChangeEvent<K, V>) => void): () => void {
    return this.observe(listener);
  }
}

const SHARDS: OptionCheck = ['an integer from 1 to 1024', shards => Number.isInteger(shards) && shards > 0 && shards <= 1024];

const firstData = (shard: number, {shards = 1}: MapOptions<any>): Record<string, unknown> => (shards > 1 && !shard ? {[SHARDS_KEY]: shards} : {});
