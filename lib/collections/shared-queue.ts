import type {QueueItem} from '../protocol/queues.js';
import {SYNCED_LEASE_MS} from '../protocol/synced-queues.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import {arrayEvent, type ArrayStep, type Data, type Origin} from './changes.js';
import {checkOptions, COUNT, SIGNAL} from '../tab/check-options.js';
import {Collection, planOf} from './collection.js';
import {Consumer, type WaitOptions} from './consumer.js';
import {listenTo} from './doc-events.js';
import {closed, type CollectionDocument} from './document.js';
import type {Access} from './json0.js';
import {QueueLease, type Lease} from './lease.js';
import {localForm, syncedForm, type QueueForm} from './queue-form.js';
import type {ArrayChangeEvent, CollectionOptions, WatchOptions} from './types.js';
import {checkLimit} from './values.js';
import {FoldedSteps} from './watcher.js';

export type {WaitOptions} from './consumer.js';
export type {Lease} from './lease.js';

const MAX_ATTEMPTS = 5;
/** How many item ids this page has created. */
let ids = 0;
/** For each queue, the sort number of the last item that this tab has added, through any view. */
const lastOrders = new WeakMap<ProxyDoc, number>();

/** The options of a shared queue. */
export interface QueueOptions<V> extends CollectionOptions<V> {
  /** The number of attempts after which an item moves to `dead`. Default 5. */
  maxAttempts?: number | undefined;
  /** The duration of a lease, in ms. Default: until its tab is away or gone; for a synced queue 60,000. */
  leaseTimeout?: number | undefined;
}

/** A queue in a transaction. `tryDequeue` is synchronous there, because it only takes effect with the commit. */
export interface TxQueue<T> {
  /** Adds an item at the end. */
  enqueue(item: T): void;
  /** Adds items at the end. */
  enqueueMany(items: Iterable<T>): void;
  /** Takes the first item; undefined if there is none. */
  tryDequeue(): T | undefined;
  /** The first item, which stays in the queue; undefined if there is none. */
  peek(): T | undefined;
  /** The number of waiting items. */
  readonly size: number;
  /** Whether no item waits. */
  readonly isEmpty: boolean;
}

/** A queue that all tabs share. Each item goes to one consumer. */
export class SharedQueue<T> extends Collection {
  private readonly consumer: Consumer;
  private readonly leased = new Set<QueueLease<T>>();
  private readonly stopLooking: () => void;
  private readonly form: QueueForm;
  /** The waiting items that this tab shows; undefined until they are read. */
  private shown: readonly QueueItem[] | undefined;

  /**
   * Opens a queue. Await `ready` before you use it; {@link SharedQueue.open} does both.
   * @throws ERR_TABS_BAD_OPTION
   */
  constructor(connection: ProxyConnection, name: string, options: QueueOptions<T> = {}) {
    const isSynced = (options as QueueOptions<T> | null)?.scope === 'synced';
    super(planOf('queue', connection, name, options, {maxAttempts: COUNT, leaseTimeout: COUNT}, () => (isSynced ? {} : {q: [], l: {}, x: []}), isSynced ? undefined : 'q'));
    this.form = isSynced ? syncedForm : localForm;
    const {maxAttempts = MAX_ATTEMPTS, leaseTimeout = isSynced ? SYNCED_LEASE_MS : undefined} = options;
    this.consumer = new Consumer(this.base.doc, this.plan.where, {maxAttempts, leaseTimeout});
    this.base.onEnd = () => void this.close();
    const look = (): void => this.look();
    this.stopLooking = listenTo(this.base.doc, {beforeOp: () => { this.shown = undefined; }, afterOp: look, onState: look});
  }

  /**
   * Opens a queue. Resolves when it can be read and written; rejects if the document's subscription fails.
   * @throws ERR_TABS_BAD_OPTION
   */
  static open<T>(connection: ProxyConnection, name: string, options?: QueueOptions<T>): Promise<SharedQueue<T>> {
    return new SharedQueue<T>(connection, name, options).ready;
  }

  private get base(): CollectionDocument {
    return this.plan.documents[0]!;
  }

  private get content(): Access {
    return this.access(this.base);
  }

  private get items(): readonly QueueItem[] {
    const {content, form} = this;
    return content.isTransaction ? form.waiting(content) : this.shown ??= form.waiting(content);
  }

  // ---- producers

  /**
   * Adds an item at the end.
   * @throws ERR_TABS_BAD_VALUE, ERR_TABS_LIMIT
   */
  enqueue(item: T): void {
    this.enqueueMany([item]);
  }

  /**
   * Adds items at the end, in one op per 1,000 items.
   * @throws ERR_TABS_BAD_VALUE, ERR_TABS_LIMIT
   */
  enqueueMany(items: Iterable<T>): void {
    const values = [...items].map((item, i) => this.encode(i, item));
    const {content} = this;
    const {doc, doc: {connection}} = this.base;
    const start = Math.max(lastOrders.get(doc) ?? 0, connection.clock.now());
    const op = this.form.add(content, values.map((v, i): QueueItem => ({i: `${connection.id}:${++ids}`, s: start + (i + 1) / 1024, n: 0, v})));
    const at = op.at(-1)?.p[1];
    // The items of a local queue are a list inside of its document, which counts only the keys of its root.
    if (typeof at === 'number') checkLimit(this.plan.where, 'maxEntries', this.plan.limits, at + 1);
    lastOrders.set(doc, start + values.length / 1024);
    if (op.length) content.submit(op);
  }

  /** Removes all waiting items. Leases are not affected. */
  clear(): void {
    const {content} = this;
    const op = this.form.remove(content, this.items);
    if (op.length) content.submit(op);
  }

  // ---- consumers

  /**
   * Takes the first item. Waits while the queue is empty; consumers are served in the order of their calls.
   * @throws ERR_TABS_TIMEOUT, the reason of the signal, ERR_TABS_CLOSED, ERR_TABS_BAD_OPTION; for a synced queue also the server's error
   */
  async dequeue(options?: WaitOptions): Promise<T> {
    return (await this.dequeueMany(1, options))[0]!;
  }

  /** Waits while the queue is empty, and then takes 1 to `count` items. Rejects as `dequeue` does. */
  async dequeueMany(count: number, options?: WaitOptions): Promise<T[]> {
    this.base.check();
    const {r, items} = await this.consumer.take(count, options);
    this.confirm(r, items);
    return items.map(({v}) => this.decode(v) as T);
  }

  private confirm(r: string, items: readonly QueueItem[]): void {
    if (!items.length) return;
    this.consumer.report(r, items.map(({i}) => i), 'done').catch(() => {
      // The connection is closed, so the host takes the items back.
    });
  }

  /**
   * Takes the first item, or resolves with undefined if there is none, or if a synced queue has no connection to the server. The host decides
   * this, because another consumer may already have the item that this tab shows first. In a transaction, this method returns the item and no
   * promise: see {@link TxQueue}.
   */
  tryDequeue(): Promise<T | undefined> {
    const {content} = this;
    return content.isTransaction ? this.takeFirst(content) as never : this.tryOnce();
  }

  private async tryOnce(): Promise<T | undefined> {
    const {r, items} = await this.consumer.take(1, {}, true);
    this.confirm(r, items);
    return items[0] && this.decode(items[0].v) as T;
  }

  private takeFirst(content: Access): T | undefined {
    const [first] = this.items;
    if (!first) return undefined;
    content.submit(this.form.remove(content, [first]));
    return this.decode(first.v) as T;
  }

  /** Takes the first item under a lease: no other consumer gets it until the lease ends. Waits and rejects as `dequeue` does. */
  async take(options?: WaitOptions): Promise<Lease<T>> {
    this.base.check();
    const {r, items: [item]} = await this.consumer.take(1, options);
    const lease = new QueueLease<T>(
      item!, this.decode(item!.v) as T, this.plan.where,
      async (how, more) => !(await this.consumer.report(r, [item!.i], how, more)).length, over => this.leased.delete(over)
    );
    this.leased.add(lease);
    return lease;
  }

  /** Takes one lease after another. Ends with `close()`. */
  leases(options: {signal?: AbortSignal | undefined} = {}): AsyncIterableIterator<Lease<T>> {
    checkOptions(`${this.plan.where}, leases`, options, {signal: SIGNAL});
    return this.until(() => this.take(options));
  }

  /** Takes one item after another, as `dequeue` does. Ends with `close()`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.until(() => this.dequeue());
  }

  private async *until<E>(next: () => Promise<E>): AsyncIterableIterator<E> {
    for (;;) {
      let value: E;
      try {
        value = await next();
      } catch (error) {
        if (this.base.isClosed) return;
        throw error;
      }
      yield value;
    }
  }

  /** The document has changed. Ends leases that no longer exist in the queue. */
  private look(): void {
    this.shown = undefined;
    const {doc} = this.base;
    for (const lease of [...this.leased]) if (this.form.holderOf(doc.data, lease.item.i) !== doc.connection.id) lease.lose();
  }

  // ---- state

  /** The first waiting item, which stays in the queue; undefined if there is none. Another consumer may take it at any time. */
  peek(): T | undefined {
    const [first] = this.items;
    return first && this.decode(first.v) as T;
  }

  /** The number of waiting items that this tab shows. Items under a lease do not count. */
  get size(): number {
    return this.items.length;
  }

  /** Whether no item waits. */
  get isEmpty(): boolean {
    return !this.size;
  }

  /** The number of items under a lease. */
  get inFlight(): number {
    return this.form.inFlight(this.content);
  }

  /** Items that were given up after `maxAttempts`. */
  get dead(): readonly {
    /** The item. */
    value: T;
    /** The number of failed attempts. A release does not count. */
    attempts: number;
    /** Why the last attempt failed: the message that was passed to `fail`, or that the lease or the tab had ended. */
    error?: string;
  }[] {
    return this.form.dead(this.content).map(({v, n, e}) => ({value: this.decode(v) as T, attempts: n, ...(e !== undefined && {error: e})}));
  }

  /** Moves dead items to the end of the queue, with their attempts reset. */
  requeueDead(): void {
    const {content} = this;
    const op = this.form.requeueDead(content, this.base.doc.connection.clock.now());
    if (op.length) content.submit(op);
  }

  /**
   * Yields the changes of the waiting items. Up to 256 changes that nobody has taken yet are kept. If there are more, one event `reset` replaces
   * them.
   */
  watchAll(options?: WatchOptions): AsyncIterableIterator<ArrayChangeEvent<T>> {
    const {signal, immediate, remoteOnly = false} = this.watchOptions(options);
    const base = this.base.check();
    const folded = new FoldedSteps(remoteOnly, () => [...this.form.waiting(base)], (step, origin) => this.eventOf(step, origin));
    if (immediate && this.size) folded.begin(this.now);
    return this.watching(this.form.folded(folded, () => base.all() as Data, remoteOnly), signal);
  }

  private eventOf(step: ArrayStep, origin: Origin): ArrayChangeEvent<T> {
    return arrayEvent(step, origin, item => this.decode((item as QueueItem).v) as T);
  }

  /** Ends this view: calls that wait for an item reject with ERR_TABS_CLOSED. Other views are not affected. It can be called twice. */
  override async close(): Promise<void> {
    this.stopLooking();
    const closing = super.close();
    this.consumer.close(closed(this.plan.where));
    await closing;
  }
}
