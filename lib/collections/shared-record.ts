import {isObject} from '../protocol/checks.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {planFrom, planOf, type Plan} from './collection.js';
import {KeyedCollection} from './keyed-collection.js';
import {storedKey} from './keys.js';
import type {ChangeEvent, RecordChangeEvent, RecordOptions, WatchOptions} from './types.js';
import {limitsOf, storable} from './values.js';

/** An object with known keys that all tabs share. */
export class SharedRecord<T extends object> extends KeyedCollection {
  /**
   * Opens a record. Await `ready` before you use it; {@link SharedRecord.open} does both.
   * @throws ERR_TABS_BAD_OPTION
   */
  constructor(connection: ProxyConnection, name: string, options?: RecordOptions<T>);
  /** @internal */
  constructor(plan: Plan);
  constructor(connection: ProxyConnection | Plan, name?: string, options: RecordOptions<T> = {}) {
    super('documents' in connection ? connection : planOf('record', connection, name!, options, {initial: ['an object', isObject]}, () => initialOf(name!, options)));
  }

  /**
   * Opens a record. Resolves when it can be read and written; rejects if the document's subscription fails.
   * @throws ERR_TABS_BAD_OPTION
   */
  static open<T extends object>(connection: ProxyConnection, name: string, options?: RecordOptions<T>): Promise<SharedRecord<T>> {
    return new SharedRecord<T>(connection, name, options).ready;
  }

  /** A view of a json0 document whose data is an object. The document belongs to the caller. */
  static from<T extends object>(doc: ProxyDoc): SharedRecord<T> {
    return new SharedRecord<T>(planFrom('record', doc, () => ({})));
  }

  protected override stored(key: unknown): string {
    // The keys of an object are strings.
    return super.stored(typeof key === 'number' ? `${key}` : key);
  }

  /** The value of a key; undefined if there is none. Do not change the value in place. */
  get<P extends keyof T>(key: P): T[P] | undefined {
    return this.read(key) as T[P] | undefined;
  }

  /**
   * Sets the value of a key. Other tabs show it at once.
   * @throws ERR_TABS_BAD_VALUE, ERR_TABS_LIMIT
   */
  set<P extends keyof T>(key: P, value: T[P]): void {
    this.write([[key, value]]);
  }

  /**
   * Deletes a key.
   * @returns whether the key existed in this tab
   */
  delete<P extends keyof T>(key: P): boolean {
    return this.remove([key]) > 0;
  }

  /** Sets keys in one op. Ignores keys whose value is undefined. */
  update(partial: {[P in keyof T]?: T[P] | undefined}): void {
    this.write(Object.entries(partial).filter(([, value]) => value !== undefined));
  }

  /** Sets keys in one op. Deletes keys whose value is undefined. */
  assign(object: {[P in keyof T]?: T[P] | undefined}): void {
    this.assignAll(Object.entries(object));
  }

  /**
   * Adds to a number. Concurrent increments add up. A missing key counts as 0 only in a transaction.
   * @throws ERR_TABS_BAD_VALUE if the value is not a number, or is missing outside of a transaction, or if `by` or the sum is not finite
   */
  increment<P extends keyof T>(key: P, by = 1): void {
    this.add(key, by);
  }

  /** A copy of the record. Do not change its values in place. */
  toObject(): T {
    return Object.fromEntries(this.pairs()) as T;
  }

  /** The keys that have a value. */
  keys(): (keyof T)[] {
    return this.shownKeys() as (keyof T)[];
  }

  /** The values. */
  values(): T[keyof T][] {
    return this.pairs().map(([, value]) => value as T[keyof T]);
  }

  /** Yields the changes of one key. Changes that nobody has taken yet are merged into one event. */
  watch<P extends keyof T>(key: P, options?: WatchOptions): AsyncIterableIterator<ChangeEvent<T[P]>> {
    return this.watchKey(key, options);
  }

  /** Yields the changes of all keys. Changes of a key that nobody has taken yet are merged into one event. */
  watchAll(options?: WatchOptions): AsyncIterableIterator<RecordChangeEvent<T>> {
    return this.watchKeys(options) as unknown as AsyncIterableIterator<RecordChangeEvent<T>>;
  }

  /**
   * Calls back for every change; changes are not merged.
   * @returns a function that removes the listener
   */
  on(listener: (event: RecordChangeEvent<T>) => void): () => void {
    return this.observe(listener as never);
  }
}

function initialOf<T extends object>(name: string, {initial = {}, codec, limits}: RecordOptions<T>): Record<string, unknown> {
  const where = `record "${name}"`;
  return Object.fromEntries(Object.entries(initial).map(([key, value]) => [storedKey(where, key), storable(`${where}, ${key}`, value as never, codec, limitsOf(limits))]));
}
