import type {Type} from 'sharedb/lib/sharedb.js';
import {isJson0} from '../ot/fast-json0.js';
import {isLocal} from '../protocol/local.js';
import {TabsError} from '../protocol/errors.js';
import {isTransactionAuthor, tabOfAuthor} from '../protocol/transactions.js';
import {nextTick} from '../platform/next-tick.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {after, before, between, type Change, type Origin} from './changes.js';
import {listenTo} from './doc-events.js';
import {NO_GROWTH, type Access, type Component, type Growth} from './json0.js';
import {keepForSnapshots} from './snapshot.js';
import type {Limits} from './types.js';
import {charsOf, checkLimit} from './values.js';

/** A larger batch is split into several ops, which are applied in one turn. */
const MAX_COMPONENTS = 1000;

type Data = Record<string, unknown> | unknown[];

/** Receives the changes that the events of one turn made to a document. */
export interface DocumentListener {
  /** Called with all changes of one turn, after all documents are up to date. */
  onChanges(changes: Change[]): void;
  /** The document was deleted or is no longer available. No call follows. */
  onEnd(): void;
}

const connections = new Map<ProxyConnection, number>();

/** The connections with open collections. */
export const openConnections = (): Iterable<ProxyConnection> => connections.keys();

function countConnection(connection: ProxyConnection, change: number): void {
  const count = (connections.get(connection) ?? 0) + change;
  if (count) connections.set(connection, count);
  else connections.delete(connection);
}

/** How many collections use a document. It is destroyed when the last one is closed. */
const users = new WeakMap<ProxyDoc, number>();

/** The documents that are being destroyed, because the last collection that used them was closed. */
const ending = new WeakMap<ProxyDoc, Promise<void>>();

/** Destroys a document, unless a collection opens it again before its ops are settled. */
async function destroyUnused(doc: ProxyDoc): Promise<void> {
  // It rejects when the connection is closed.
  await doc.whenNothingPending().catch(() => {});
  if (users.get(doc)) return;
  const end = doc.destroy().catch(() => {});
  ending.set(doc, end);
  await end;
}

/** For documents that transactions have written: resolves when the server has answered the transactions of this tab. */
export const outcomes = new WeakMap<ProxyDoc, Promise<void>>();

const relays = new WeakMap<ProxyDoc, (error: unknown) => void>();

/**
 * Emits errors of a collection's document on its connection, because the app has no access to the document. Refused ops also become
 * dead letters.
 */
function relayErrors(doc: ProxyDoc): void {
  if (relays.has(doc)) return;
  const relay = (error: unknown): void => { doc.connection.emit('error', error); };
  relays.set(doc, relay);
  doc.on('error', relay);
}

function endRelaying(doc: ProxyDoc): void {
  const relay = relays.get(doc);
  if (!relay || users.get(doc)) return;
  doc.off('error', relay);
  relays.delete(doc);
}

export interface DocumentOptions {
  /** The data of a new document. */
  initial: () => Data;
  limits: Limits;
  /** The collection's name in error messages. */
  where: string;
  /** The key of the array that is watched. A queue's document has other keys beside it. */
  arrayAt?: string | undefined;
  /** The document belongs to the caller: the collection neither creates nor destroys it. */
  isForeign?: boolean;
}

/** The json0 document of a collection, or of one of its shards. */
export class CollectionDocument implements Access {
  readonly isTransaction = false;
  /** Rejects if the subscription fails, the data are not those of such a collection, or `close` is called first. */
  readonly ready: Promise<void>;
  isReady = false;
  isClosed = false;
  private count = 0;
  /** The characters of the JSON; undefined until it is needed. */
  private chars: number | undefined;
  /** The data shown last. A new state is compared with it. */
  private shown: Data | undefined;
  private known: unknown;
  private changes: Change[] = [];
  private willNotify = false;
  private isDeleted = false;
  /** For each listener: how many changes of this turn came before it was added. */
  private readonly listeners = new Map<DocumentListener, number>();
  private readonly stopListening: () => void;
  /** Called when the document was deleted, after the listeners' `onEnd`. */
  onEnd: () => void = () => {};

  constructor(readonly doc: ProxyDoc, private readonly options: DocumentOptions) {
    users.set(doc, (users.get(doc) ?? 0) + 1);
    countConnection(doc.connection as ProxyConnection, 1);
    doc.connection.showsTogether = true;
    this.stopListening = listenTo(doc, {
      beforeOp: op => this.noteBefore(op),
      afterOp: (op, source) => this.noteAfter(op, source),
      onState: () => this.noteState()
    });
    if (!options.isForeign) relayErrors(doc);
    this.ready = this.open();
    this.ready.catch(() => {});
  }

  get isLocal(): boolean {
    return isLocal(this.doc.collection);
  }

  private async open(): Promise<void> {
    const {doc, options: {where, initial, isForeign}} = this;
    // The end of the last view would also end the subscription of this one.
    if (ending.has(doc)) await ending.get(doc);
    if (!isForeign || !doc.type) await doc.subscribe();
    if (!doc.type && !isForeign) await this.create(initial);
    if (this.isClosed) throw closed(where);
    if (!doc.type || !isJson0(doc.type as Type) || typeof doc.data !== 'object' || doc.data === null || Array.isArray(doc.data) !== Array.isArray(initial())) {
      throw new TabsError('ERR_TABS_BAD_OPTION', `${where}: its data is not the json0 data of such a collection`);
    }
    this.shown = doc.data as Data;
    this.count = sizeOf(this.shown);
    this.isReady = true;
  }

  /** Another tab may create the document at the same time. That is not an error. */
  private async create(initial: () => Data): Promise<void> {
    const {doc} = this;
    try {
      await doc.create(initial(), 'json0');
    } catch (error) {
      if ((error as {code?: unknown}).code !== 'ERR_DOC_ALREADY_CREATED') throw error;
      if (!doc.type) await doc.fetch();
    }
  }

  listen(listener: DocumentListener): () => void {
    this.listeners.set(listener, this.changes.length);
    return () => { this.listeners.delete(listener); };
  }

  /** @throws ERR_TABS_NOT_READY, ERR_TABS_CLOSED */
  check(): this {
    const {where} = this.options;
    if (this.isClosed) throw closed(where);
    if (!this.isReady) {
      throw new TabsError('ERR_TABS_NOT_READY', `${where} is not loaded yet: await "ready", or use open()`);
    }
    return this;
  }

  // ---- reading and writing

  private get data(): Data {
    // During a rollback the document has no state. The state shown last remains until the next one arrives.
    return (this.doc.data as Data | undefined) ?? this.shown ?? this.options.initial();
  }

  get(key: string): unknown {
    const {data} = this;
    return Object.hasOwn(data, key) ? (data as Record<string, unknown>)[key] : undefined;
  }

  peek(key: string): unknown {
    return this.get(key);
  }

  keys(): string[] {
    return Object.keys(this.data);
  }

  size(): number {
    return this.count;
  }

  all(): unknown {
    return this.data;
  }

  submit(op: Component[]): void {
    this.check();
    // No host would get the op, and no call reports that it was lost.
    if (this.doc.connection.hostState === 'closed') throw closed('The connection');
    this.checkLimits(op);
    for (let from = 0; from < op.length; from += MAX_COMPONENTS) {
      this.doc.submitOp(op.length > MAX_COMPONENTS ? op.slice(from, from + MAX_COMPONENTS) : op);
    }
  }

  /**
   * @param before the growth by earlier ops of a transaction
   * @returns the growth with this op
   * @throws ERR_TABS_LIMIT if the op would make the document too large
   */
  checkLimits(op: readonly Component[], before: Growth = NO_GROWTH): Growth {
    const {where, limits} = this.options;
    const sumOf = (of: (component: Component) => number): number => op.reduce((sum, component) => sum + of(component), 0);
    const [entries, chars] = [sumOf(growth), sumOf(charGrowth)];
    const total: Growth = [before[0] + entries, before[1] + chars];
    if (entries > 0) checkLimit(where, 'maxEntries', limits, this.count + total[0]);
    if (chars > 0) checkLimit(where, 'maxChars', limits, this.charCount + total[1]);
    return total;
  }

  private get charCount(): number {
    return (this.chars ??= charsOf(this.data));
  }

  get memory(): number {
    return this.isReady ? 2 * this.charCount : 0;
  }

  async flush(at: 'host' | 'server'): Promise<void> {
    const {doc} = this;
    if (at === 'server' && !this.isLocal) await outcomes.get(doc);
    if (at === 'server' || this.isLocal) await doc.whenNothingPending();
    await doc.connection.flushWrites();
  }

  // ---- events of the document

  private noteBefore(op: Component[]): void {
    if (!this.isReady) return;
    this.known = undefined;
    if (op.some(({p}) => !p.length)) return;
    keepForSnapshots(this, this.data, op);
    this.countKeys(op, -1);
    if (this.listeners.size) this.known = before(this.watched as Data, this.ofWatched(op));
  }

  private noteAfter(op: Component[], source: unknown): void {
    if (!this.isReady) return;
    if (op.some(({p}) => !p.length)) return this.noteState();
    this.countKeys(op, 1);
    if (this.chars !== undefined) this.chars += op.reduce((sum, component) => sum + charGrowth(component), 0);
    this.shown = this.data;
    if (this.listeners.size) this.note(after(this.watched as Data, this.ofWatched(op), this.known, this.originOf(source)));
  }

  private countKeys(op: readonly Component[], sign: 1 | -1): void {
    const {data} = this;
    if (Array.isArray(data)) this.count = data.length;
    else for (const key of new Set(op.map(({p}) => String(p[0])))) if (Object.hasOwn(data, key)) this.count += sign;
  }

  /** The part of the data that is watched. */
  private get watched(): Data {
    return watchedOf(this.data, this.options.arrayAt);
  }

  private ofWatched(op: readonly Component[]): readonly Component[] {
    const {arrayAt} = this.options;
    if (arrayAt === undefined) return op;
    return op.filter(({p}) => p[0] === arrayAt && p.length > 1).map(component => ({...component, p: component.p.slice(1)}));
  }

  /** The document has another state or none. */
  private noteState(): void {
    if (!this.isReady) return;
    const {initial, arrayAt} = this.options;
    // A new record has entries. A deleted one has none.
    const data = this.doc.type ? this.data : Array.isArray(this.shown) || arrayAt !== undefined ? initial() : {};
    if (this.shown && this.shown !== data) keepForSnapshots(this, this.shown);
    this.isDeleted = !this.doc.type;
    this.chars = undefined;
    this.count = sizeOf(data);
    this.note(between(watchedOf(this.shown ?? initial(), arrayAt), watchedOf(data, arrayAt), this.originOf(false)));
    this.shown = data;
    // A refused document is loaded again within this turn or soon after, so the end is reported later.
    if (this.isDeleted) this.notifyLater();
  }

  private originOf(source: unknown): Origin {
    const {connection} = this.doc;
    const timestamp = connection.clock.now();
    if (source) return {timestamp, isLocal: true};
    const {src = '', seq} = connection.entry ?? {};
    if (!isTransactionAuthor(src)) return {timestamp, isLocal: false};
    return {timestamp, isLocal: tabOfAuthor(src) === connection.id, transactionId: connection.transactionId ?? `${src}:${seq}`};
  }

  private note(change: Change | undefined): void {
    if (!change || !this.listeners.size) return;
    this.changes.push(change);
    this.notifyLater();
  }

  private notifyLater(): void {
    if (this.willNotify) return;
    this.willNotify = true;
    queueMicrotask(() => this.notify());
  }

  private notify(): void {
    this.willNotify = false;
    const changes = this.changes.splice(0);
    for (const [listener, skipped] of [...this.listeners]) {
      if (skipped) this.listeners.set(listener, 0);
      if (changes.length > skipped) this.doc.connection.guarded(() => listener.onChanges(changes.slice(skipped)));
    }
    if (this.isDeleted && !this.doc.type && !this.doc.isLoading) this.end();
  }

  private end(): void {
    for (const listener of [...this.listeners.keys()]) listener.onEnd();
    this.onEnd();
    void this.close();
  }

  // ---- closing

  /** Destroys the document when its ops are settled, if no other collection in this tab uses it then. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    countConnection(this.doc.connection as ProxyConnection, -1);
    const {doc, options: {isForeign}} = this;
    // Listeners get the changes of this turn before they are removed.
    if (this.changes.length) this.notify();
    this.stopListening();
    const left = (users.get(doc) ?? 1) - 1;
    users.set(doc, left);
    if (left || isForeign) return;
    await destroyUnused(doc);
    endRelaying(doc);
  }

  /** Deletes the document for all tabs. */
  async destroy(): Promise<void> {
    const {doc} = this;
    if (!doc.type) return;
    const deleted = doc.del();
    await new Promise<void>(nextTick);
    await deleted;
  }
}

const watchedOf = (data: Data, arrayAt: string | undefined): Data => (arrayAt === undefined ? data : (data as Record<string, unknown[]>)[arrayAt] ?? []);

const sizeOf = (data: Data): number => (Array.isArray(data) ? data.length : Object.keys(data).length);

function growth({p, od, oi, ld, li}: Component): number {
  if (p.length > 1) return 0;
  return Number(oi !== undefined) - Number(od !== undefined) + Number(li !== undefined) - Number(ld !== undefined);
}

function charGrowth({p: path, od, oi, ld, li, sd = '', si = ''}: Component): number {
  const key = typeof path.at(-1) === 'string' && (oi === undefined) !== (od === undefined) ? (path.at(-1) as string).length + 4 : 0;
  const sign = oi === undefined ? -1 : 1;
  return sign * key + charsOf(oi) - charsOf(od) + charsOf(li) - charsOf(ld) + si.length - sd.length;
}

export function closed(where: string): TabsError {
  return new TabsError('ERR_TABS_CLOSED', `${where} is closed or deleted. Open it again`);
}
