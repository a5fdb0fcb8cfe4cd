import {TabsError} from '../protocol/errors.js';
import type {Change, Origin} from './changes.js';
import {Collection} from './collection.js';
import type {CollectionDocument} from './document.js';
import type {Access, Component} from './json0.js';
import {isShown, shardOf, shownKey, storedKey} from './keys.js';
import type {ChangeEvent, MapChangeEvent, WatchOptions} from './types.js';
import {checkLimit, copyOf} from './values.js';
import {FoldedKeys} from './watcher.js';

type Key = string | number | boolean;

/** The base of maps and records: keys and values in objects. */
export abstract class KeyedCollection extends Collection {
  // ---- keys

  protected stored(key: unknown): string {
    const {where, limits, isForeign} = this.plan;
    const stored = storedKey(where, key);
    if (typeof key === 'string') checkLimit(`${where}, key ${JSON.stringify(key.slice(0, 64))}`, 'maxKeyLength', limits, key.length);
    if (!isForeign || stored === key) return stored;
    // The keys of an app's own document are not encoded.
    const name = String(key);
    if (name in Object.prototype) throw new TabsError('ERR_TABS_BAD_KEY', `${where}: ShareDB does not allow the key ${name}`);
    return name;
  }

  private shown(stored: string): Key {
    return this.plan.isForeign ? stored : shownKey(stored);
  }

  private documentOf(stored: string): CollectionDocument {
    const {documents} = this.plan;
    return documents.length === 1 ? documents[0]! : documents[shardOf(stored, documents.length)]!;
  }

  private accessOf(stored: string): Access {
    return this.access(this.documentOf(stored));
  }

  // ---- reading

  protected read(key: unknown): any {
    const stored = this.stored(key);
    return this.decode(this.accessOf(stored).get(stored));
  }

  protected includes(key: unknown): boolean {
    const stored = this.stored(key);
    return this.accessOf(stored).get(stored) !== undefined;
  }

  protected count(): number {
    const {documents} = this.plan;
    const size = documents.reduce((sum, base) => sum + this.access(base).size(), 0);
    return documents.length > 1 ? size - 1 : size;
  }

  protected shownKeys(): any[] {
    return this.plan.documents.flatMap(base => this.access(base).keys().filter(isShown).map(key => this.shown(key)));
  }

  protected pairs(): [key: any, value: any][] {
    return this.plan.documents.flatMap(base => Object.entries(this.access(base).all() as object)
      .filter(([stored]) => isShown(stored)).map(([stored, value]): [any, any] => [this.shown(stored), this.decode(value)]));
  }

  // ---- writing

  /** Writes with one call of `submit` per document. The last value of a key counts. */
  protected write(entries: Iterable<readonly [key: unknown, value: unknown]>): void {
    this.change([...entries].map(([key, value]) => [this.stored(key), this.encode(String(key), value)]));
  }

  /** @returns how many of the keys existed */
  protected remove(keys: Iterable<unknown>): number {
    return this.change([...keys].map(key => [this.stored(key), undefined]));
  }

  /** Sets keys, and removes those without a value, with one call of `submit` per document. */
  protected assignAll(values: [key: string, value: unknown][]): void {
    this.change(values.map(([key, value]) => [this.stored(key), value === undefined ? value : this.encode(key, value)]));
  }

  protected removeAll(): void {
    for (const base of this.plan.documents) {
      const access = this.access(base);
      const all = access.all() as Record<string, unknown>;
      const op = Object.keys(all).filter(isShown).map(stored => ({p: [stored], od: copyOf(all[stored])}));
      if (op.length) access.submit(op);
    }
  }

  /** Adds to a number. Concurrent increments add up. */
  protected add(key: unknown, by: number): void {
    const {where} = this.plan;
    const stored = this.stored(key);
    const access = this.accessOf(stored);
    const value = access.peek(stored);
    // A sum that is too large would be stored as null.
    if (typeof by !== 'number' || !Number.isFinite(typeof value === 'number' ? value + by : by)) {
      throw new TabsError('ERR_TABS_BAD_VALUE', `${where}: ${String(by)} is not a valid increment`);
    }
    if (typeof value === 'number') return access.submit([{p: [stored], na: by}]);
    // If two tabs both started from 0, one increment would be lost. In a transaction, the function of the second tab runs again.
    if (value === undefined && access.isTransaction && access.get(stored) === undefined) return access.submit([{p: [stored], oi: by}]);
    throw new TabsError('ERR_TABS_BAD_VALUE', `${where}, ${JSON.stringify(key)}: only a number can be incremented, not ${typeof value}` +
      `${value === undefined ? '. Set it first, or use a transaction' : ''}`);
  }

  /**
   * @param entries stored keys with stored values. A key without a value is removed.
   * @returns how many keys were removed
   */
  private change(entries: [stored: string, value: unknown][]): number {
    const ops = new Map<CollectionDocument, Component[]>();
    let removed = 0;
    for (const [stored, oi] of new Map(entries)) {
      const base = this.documentOf(stored);
      const access = this.access(base);
      const isRemoval = oi === undefined;
      // The op must not contain the replica's own object.
      const od = copyOf(isRemoval ? access.get(stored) : access.peek(stored));
      if (isRemoval && od === undefined) continue;
      if (isRemoval) removed++;
      const op = ops.get(base) ?? [];
      ops.set(base, op);
      op.push({p: [stored], ...(od !== undefined && {od}), ...(!isRemoval && {oi})});
    }
    // Nothing is changed if one of the documents would become too large.
    if (ops.size > 1) for (const [base, op] of ops) this.access(base).checkLimits(op);
    for (const [base, op] of ops) this.access(base).submit(op);
    return removed;
  }

  // ---- watching

  protected watchKey(key: unknown, options?: WatchOptions): AsyncIterableIterator<ChangeEvent<any>> {
    const {signal, immediate, remoteOnly} = this.watchOptions(options);
    const stored = this.stored(key);
    const folded = new FoldedKeys((one, isLocal) => one === stored && !(remoteOnly && isLocal), (_key, old, value, origin) => this.changeOf(old, value, origin));
    const base = this.documentOf(stored).check();
    const value = base.get(stored);
    if (immediate && value !== undefined) folded.begin(stored, value, this.now);
    return this.watching(folded, signal);
  }

  protected watchKeys(options?: WatchOptions): AsyncIterableIterator<MapChangeEvent<any, any>> {
    const {signal, immediate, remoteOnly} = this.watchOptions(options);
    const folded = new FoldedKeys(
      (key, isLocal) => isShown(key) && !(remoteOnly && isLocal), (key, old, value, origin) => this.eventOf(key, old, value, origin)
    );
    if (immediate) {
      for (const base of this.plan.documents) {
        for (const key of base.check().keys()) if (isShown(key)) folded.begin(key, base.get(key), this.now);
      }
    }
    return this.watching(folded, signal);
  }

  protected observe(listener: (event: MapChangeEvent<any, any>) => void): () => void {
    return this.listen({
      onChanges: changes => { for (const change of changes) this.notify(change, listener); },
      onEnd: () => {}
    });
  }

  private notify(change: Change, listener: (event: MapChangeEvent<any, any>) => void): void {
    if (change.type !== 'keys') return;
    for (const [key, {old, new: value}] of change.keys) if (isShown(key)) listener(this.eventOf(key, old, value, change.origin));
  }

  private eventOf(key: string, old: unknown, value: unknown, origin: Partial<Origin>): MapChangeEvent<any, any> {
    return {key: this.shown(key), ...this.changeOf(old, value, origin)};
  }
}
