import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {arrayEvent, isSame, statesAfter, type ArrayStep, type Origin} from './changes.js';
import {Collection, planFrom, planOf, type Plan} from './collection.js';
import type {Access, Component} from './json0.js';
import type {ArrayChangeEvent, ChangeEvent, CollectionOptions, WatchOptions} from './types.js';
import {copyOf} from './values.js';
import {FoldedKeys, FoldedSteps} from './watcher.js';

const INDEX = 'index';

/** An array that all tabs share. */
export class SharedArray<T> extends Collection implements Iterable<T> {
  /**
   * Opens an array. Await `ready` before you use it; {@link SharedArray.open} does both.
   * @throws ERR_TABS_BAD_OPTION
   */
  constructor(connection: ProxyConnection, name: string, options?: CollectionOptions<T>);
  /** @internal */
  constructor(plan: Plan);
  constructor(connection: ProxyConnection | Plan, name?: string, options: CollectionOptions<T> = {}) {
    super('documents' in connection ? connection : planOf('array', connection, name!, options, {}, () => []));
  }

  /**
   * Opens an array. Resolves when it can be read and written; rejects if the document's subscription fails.
   * @throws ERR_TABS_BAD_OPTION
   */
  static open<T>(connection: ProxyConnection, name: string, options?: CollectionOptions<T>): Promise<SharedArray<T>> {
    return new SharedArray<T>(connection, name, options).ready;
  }

  /** A view of a json0 document whose data is an array. The document belongs to the caller. */
  static from<T>(doc: ProxyDoc): SharedArray<T> {
    return new SharedArray<T>(planFrom('array', doc, () => []));
  }

  private get content(): Access {
    return this.access(this.plan.documents[0]!);
  }

  private get list(): readonly unknown[] {
    return this.content.all() as unknown[];
  }

  /** The number of elements. */
  get length(): number {
    return this.content.size();
  }

  /** The element at an index; undefined if there is none. */
  get(index: number): T | undefined {
    return this.decode(this.list[index]) as T | undefined;
  }

  /** The element at an index. A negative index counts from the end. Undefined if there is none. */
  at(index: number): T | undefined {
    return this.decode(this.list.at(index)) as T | undefined;
  }

  /**
   * Replaces the element at an index. At the index `length`, adds an element.
   * @throws RangeError unless 0 ≤ index ≤ length; ERR_TABS_BAD_VALUE, ERR_TABS_LIMIT
   */
  set(index: number, value: T): void {
    const {list} = this;
    this.checkIndex(index, list.length);
    const li = this.encode(index, value);
    this.content.submit([index < list.length ? {p: [index], ld: copyOf(list[index]), li} : {p: [index], li}]);
  }

  /**
   * Adds elements at the end, in one op per 1,000 elements.
   * @returns the new length
   * @throws ERR_TABS_BAD_VALUE, ERR_TABS_LIMIT
   */
  push(...items: T[]): number {
    this.splice(this.length, 0, ...items);
    return this.length;
  }

  /**
   * Deletes the last element.
   * @returns the deleted element; undefined if there was none
   */
  pop(): T | undefined {
    return this.splice(-1, 1)[0];
  }

  /**
   * Deletes the first element.
   * @returns the deleted element; undefined if there was none
   */
  shift(): T | undefined {
    return this.splice(0, 1)[0];
  }

  /**
   * Adds elements at the beginning, in one op per 1,000 elements.
   * @returns the new length
   * @throws ERR_TABS_BAD_VALUE, ERR_TABS_LIMIT
   */
  unshift(...items: T[]): number {
    this.splice(0, 0, ...items);
    return this.length;
  }

  /**
   * Moves one element. Merges with a concurrent `set` of it.
   * @throws RangeError unless both are indexes of elements
   */
  move(from: number, to: number): void {
    const {length} = this;
    this.checkIndex(from, length - 1);
    this.checkIndex(to, length - 1);
    if (from !== to) this.content.submit([{p: [from], lm: to}]);
  }

  /** A copy of a part of the array, as Array's `slice`. */
  slice(start?: number, end?: number): T[] {
    return this.list.slice(start, end).map(value => this.decode(value) as T);
  }

  /**
   * Like Array's `splice`, in one op per 1,000 elements that are deleted or inserted.
   * @throws ERR_TABS_BAD_VALUE, ERR_TABS_LIMIT
   */
  splice(start: number, deleteCount?: number, ...items: T[]): T[] {
    const {list} = this;
    const from = Math.trunc(start) || 0;
    const at = from < 0 ? Math.max(0, list.length + from) : Math.min(from, list.length);
    // Without any argument, Array's method deletes nothing.
    const count = Math.max(0, Math.min(arguments.length === 1 ? Infinity : Math.trunc(deleteCount!) || 0, list.length - at));
    const deleted = list.slice(at, at + count);
    const op: Component[] = [
      ...deleted.map(value => ({p: [at], ld: copyOf(value)})), ...items.map((item, i) => ({p: [at + i], li: this.encode(at + i, item)}))
    ];
    if (op.length) this.content.submit(op);
    return deleted.map(value => this.decode(value) as T);
  }

  /** Deletes all elements, in one op per 1,000 elements. */
  clear(): void {
    this.splice(0);
  }

  /** The elements, as they are at the call. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.toArray()[Symbol.iterator]();
  }

  /** Pairs of index and element, as they are at the call. */
  entries(): IterableIterator<[number, T]> {
    return this.toArray().entries() as IterableIterator<[number, T]>;
  }

  /** A copy of the array. */
  toArray(): T[] {
    return this.slice();
  }

  /** Yields the changes. Up to 256 changes that nobody has taken yet are kept. If there are more, one event `reset` replaces them. */
  watch(options?: WatchOptions): AsyncIterableIterator<ArrayChangeEvent<T>> {
    const {signal, immediate, remoteOnly = false} = this.watchOptions(options);
    const base = this.plan.documents[0]!.check();
    const folded = new FoldedSteps(remoteOnly, () => base.all() as unknown[], (step, origin) => this.eventOf(step, origin));
    if (immediate && base.size()) folded.begin(this.now);
    return this.watching(folded, signal);
  }

  /**
   * Yields the changes of the value at an index, also when another element moves there. Changes that nobody has taken yet are merged.
   * @throws RangeError unless the index is an integer of at least 0
   */
  watchIndex(index: number, options?: WatchOptions): AsyncIterableIterator<ChangeEvent<T>> {
    this.checkIndex(index, Infinity);
    const {signal, immediate, remoteOnly = false} = this.watchOptions(options);
    const base = this.plan.documents[0]!.check();
    const at = (data: unknown): unknown => copyOf((data as unknown[])[index]);
    let last = at(base.all());
    const folded = new FoldedKeys((_key, isLocal) => !(remoteOnly && isLocal), (_key, old, value, origin): ChangeEvent<T> => this.changeOf(old, value, origin));
    if (immediate && last !== undefined) folded.begin(INDEX, last, this.now);
    return this.watching({
      add: changes => {
        // With `remoteOnly`, the changes of others are not merged with this tab's own.
        for (const {state, origin} of statesAfter(changes, base.all() as unknown[], remoteOnly, at)) {
          if (!isSame(state, last)) folded.add([{type: 'keys', keys: new Map([[INDEX, {old: last, new: state}]]), origin}]);
          last = state;
        }
      },
      take: () => folded.take()
    }, signal);
  }

  /**
   * Calls back for every change; changes are not merged.
   * @returns a function that removes the listener
   */
  on(listener: (event: ArrayChangeEvent<T>) => void): () => void {
    return this.listen({
      onChanges: changes => {
        for (const change of changes) if (change.type === 'array') for (const step of change.steps) listener(this.eventOf(step, change.origin));
      },
      onEnd: () => {}
    });
  }

  private eventOf(step: ArrayStep, origin: Origin): ArrayChangeEvent<T> {
    return arrayEvent(step, origin, value => this.decode(value) as T);
  }

  private checkIndex(index: number, most: number): void {
    if (!Number.isInteger(index) || index < 0 || index > most) {
      throw new RangeError(`${this.plan.where}: index ${index} is not between 0 and ${most}`);
    }
  }
}
