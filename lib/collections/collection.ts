import {isText, isObject} from '../protocol/checks.js';
import {TabsError} from '../protocol/errors.js';
import {isLocal} from '../protocol/local.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {Origin} from './changes.js';
import type {OptionCheck} from '../platform/option-checks.js';
import {checkOptions, FLAG, NUMBER, oneOf, SIGNAL} from '../tab/check-options.js';
import {currentTransaction, type TransactionAccess} from './current-transaction.js';
import {CollectionDocument, type DocumentListener} from './document.js';
import type {Access} from './json0.js';
import type {ChangeEvent, Codec, Limits, MapOptions, Shared, WatchOptions} from './types.js';
import {limitsOf, storable} from './values.js';
import {Watcher, type Folded} from './watcher.js';

const DEFAULT_COLLECTION = 'collections';
const LOCAL_PREFIX = 'local:';

/** The parts of a collection: its documents, and how values are stored in them. */
export interface Plan {
  name: string;
  scope: 'local' | 'synced';
  /** The collection's name in error messages. */
  where: string;
  documents: CollectionDocument[];
  codec: Codec<any> | undefined;
  limits: Limits;
  /** The collection is a view of the app's own document, whose keys are not encoded. */
  isForeign: boolean;
}

/**
 * Checks the options of a collection, and opens its documents.
 * @param own the valid values of the options that only this kind has
 * @param initial the first data of a new document
 * @throws ERR_TABS_BAD_OPTION
 */
export function planOf(
  kind: string, connection: ProxyConnection, name: string, options: MapOptions<any>, own: Record<string, OptionCheck>,
  initial: (shard: number) => Record<string, unknown> | unknown[], arrayAt?: string
): Plan {
  if (typeof name !== 'string' || !name) throw new TabsError('ERR_TABS_BAD_OPTION', `A ${kind} needs a non-empty name`);
  const where = `${kind} "${name}"`;
  checkOptions<object>(where, options, {
    ...own, scope: oneOf('local', 'synced'),
    codec: ['{encode, decode}, two functions', (codec: Codec<any> | null) => typeof codec?.encode === 'function' && typeof codec.decode === 'function'],
    // With the prefix, a synced collection would never reach the server.
    collection: [`a name that does not begin with "${LOCAL_PREFIX}"`, (id: unknown) => id && isText(id) && !isLocal(id)],
    limits: ['an object', isObject]
  });
  const {scope = 'local', collection = DEFAULT_COLLECTION, codec, shards = 1} = options;
  checkOptions(`${where}, limits`, options.limits ?? {}, {maxEntries: NUMBER, maxChars: NUMBER, maxValueChars: NUMBER, maxKeyLength: NUMBER});
  const limits = limitsOf(options.limits);
  // The kind is part of the id, so collections of two kinds can have the same name. The ids of a map's further documents have their number
  // before the colon, so they differ from the ids of all other maps.
  const documents = Array.from({length: shards}, (_, i) => new CollectionDocument(
    connection.get((scope === 'local' ? LOCAL_PREFIX : '') + collection, `${kind}${i ? `#${i}` : ''}:${name}`), {where, limits, arrayAt, initial: () => initial(i)}
  ));
  return {name, scope, where, documents, codec, limits, isForeign: false};
}

/** The plan of a view of the app's own document. The view has default limits and no codec. */
export function planFrom(kind: string, doc: ProxyDoc, initial: () => Record<string, unknown> | unknown[]): Plan {
  const where = `${kind} from ${doc.collection}/${doc.id}`;
  const limits = limitsOf(undefined);
  const base = new CollectionDocument(doc, {where, limits, initial, isForeign: true});
  return {name: doc.id, scope: base.isLocal ? 'local' : 'synced', where, documents: [base], codec: undefined, limits, isForeign: true};
}

/** The base of all collections: opening and closing, reading and writing. */
export abstract class Collection implements Shared {
  /** The name that the collection was opened with. */
  readonly name: string;
  /** 'local': in the host and its store. 'synced': a document of the server. */
  readonly scope: 'local' | 'synced';
  /**
   * Resolves when the collection can be read and written. Rejects if the document's subscription fails, with ERR_TABS_BAD_OPTION if its data
   * are not those of such a collection, and with ERR_TABS_CLOSED if the view is closed first.
   */
  readonly ready: Promise<this>;
  /** Set on a collection that `tx.in` returned: each access goes through this transaction. */
  protected readonly transaction: TransactionAccess | undefined;
  private readonly decoded = new WeakMap<object, unknown>();
  private readonly watchers = new Set<Watcher<any>>();
  private isReadyNow = false;

  /** @internal */
  constructor(protected readonly plan: Plan) {
    this.name = plan.name;
    this.scope = plan.scope;
    const all = Promise.all(plan.documents.map(({ready}) => ready));
    if (plan.documents.every(({isReady}) => isReady)) this.isReadyNow = true;
    this.ready = all.then(() => this.opened()).then(() => {
      this.isReadyNow = true;
      return this;
    });
    this.ready.catch(() => {});
  }

  /** Checks the stored content before the collection is used. */
  protected opened(): void | Promise<void> {}

  /** Whether `ready` has resolved. Before that, reads and writes throw ERR_TABS_NOT_READY. */
  get isReady(): boolean {
    return this.isReadyNow;
  }

  /** The approximate size of the tab's replica, in bytes: 2 per character of JSON. */
  get memory(): number {
    return this.plan.documents.reduce((sum, {memory}) => sum + memory, 0);
  }

  /**
   * Ends this view: its watchers end, and it no longer uses the document. Other views are not affected. It can be called
   * twice.
   */
  async close(): Promise<void> {
    const closing = this.plan.documents.map(base => base.close());
    this.endWatchers();
    await Promise.all(closing);
  }

  /** Deletes the collection for all tabs. Resolves when the host (for a synced collection: the server) has acknowledged the deletion. */
  async destroy(): Promise<void> {
    await this.ready;
    await Promise.all(this.plan.documents.map(base => base.check().destroy()));
    await this.close();
  }

  /**
   * Resolves when everything that this tab has written is durable and, with `{at: 'server'}`, acknowledged by the server. Rejects with
   * ERR_TABS_SESSION_ENDED if the host is lost meanwhile.
   */
  async flush(options: {at?: 'host' | 'server' | undefined} = {}): Promise<void> {
    checkOptions(`${this.plan.where}, flush`, options, {at: oneOf('host', 'server')});
    const {at = 'host'} = options;
    await this.ready;
    await Promise.all(this.plan.documents.map(base => base.flush(at)));
  }

  /** As `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The same collection inside a transaction. @internal */
  inTransaction(transaction: TransactionAccess): this {
    return Object.create(this, {transaction: {value: transaction}}) as this;
  }

  /** The object that reads and writes a document: a transaction, or the replica itself. */
  protected access(base: CollectionDocument): Access {
    base.check();
    const transaction = this.transaction ?? currentTransaction();
    return transaction ? transaction.access(base, !this.transaction) : base;
  }

  // ---- values

  protected encode(key: string | number, value: unknown): unknown {
    const {where, codec, limits} = this.plan;
    return storable(`${where}, ${JSON.stringify(key)}`, value, codec, limits);
  }

  protected decode(stored: unknown): any {
    const {codec} = this.plan;
    if (!codec || stored === undefined) return stored;
    if (typeof stored !== 'object' || stored === null) return codec.decode(stored as null);
    if (!this.decoded.has(stored)) this.decoded.set(stored, codec.decode(stored as never));
    return this.decoded.get(stored);
  }

  // ---- watching

  protected listen(listener: DocumentListener): () => void {
    const {documents} = this.plan;
    let left = documents.length;
    // The documents of a map may be deleted one after another.
    const each: DocumentListener = {onChanges: changes => listener.onChanges(changes), onEnd: () => { if (!--left) listener.onEnd(); }};
    const stops = documents.map(base => base.check().listen(each));
    return () => { for (const stop of stops) stop(); };
  }

  /** @throws ERR_TABS_BAD_OPTION */
  protected watchOptions(options: WatchOptions = {}): WatchOptions {
    checkOptions(`${this.plan.where}, watch`, options, {signal: SIGNAL, immediate: FLAG, remoteOnly: FLAG});
    return options;
  }

  protected watching<E>(folded: Folded<E>, signal: AbortSignal | undefined): AsyncIterableIterator<E> {
    const watcher = new Watcher(folded, signal);
    const stop = this.listen(watcher);
    this.watchers.add(watcher);
    return watcher.begin(() => {
      stop();
      this.watchers.delete(watcher);
    });
  }

  /** The event for a changed value, from stored values. */
  protected changeOf(old: unknown, value: unknown, origin: Partial<Origin>): ChangeEvent<any> {
    return {
      type: value === undefined ? 'delete' : 'set',
      ...(old !== undefined && {oldValue: this.decode(old)}), ...(value !== undefined && {newValue: this.decode(value)}),
      timestamp: 0, isLocal: false, ...origin
    };
  }

  private endWatchers(): void {
    for (const watcher of [...this.watchers]) watcher.onEnd();
  }

  /** The origin of an event that describes the state at the beginning. */
  protected get now(): {timestamp: number; isLocal: boolean} {
    return {timestamp: this.plan.documents[0]!.doc.connection.clock.now(), isLocal: false};
  }
}
