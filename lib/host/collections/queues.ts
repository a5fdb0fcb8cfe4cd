import {withCode} from '../../protocol/errors.js';
import {
  isCancel, isLeaseReport, isStoredQueue, isTakeRequest, putBack, type LeaseReport, type Leased, type StoredQueue
} from '../../protocol/queues.js';
import {isLocal} from '../../protocol/local.js';
import type {DocKey} from '../../store/storage.js';
import type {Entry} from '../../ot/history-entry.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import type {Tab} from '../tab.js';
import {QueueWriter, sendItems, type QueuesOwner, type Request} from './queue-writer.js';
import {SyncedQueues} from './synced-queues.js';

/**
 * Gives each item of a local queue to one consumer, in the order of the consumers' requests. {@link SyncedQueues} does the same for queues
 * that devices share.
 */
export class Queues {
  private readonly waiting = new Map<SharedDoc, Request[]>();
  /** The queues that tabs of this host use, and how often an item of each queue may be tried. */
  private readonly known = new Map<SharedDoc, {maxAttempts: number}>();
  private readonly writer: QueueWriter;
  private readonly synced: SyncedQueues;

  constructor(private readonly owner: QueuesOwner) {
    this.writer = new QueueWriter(owner);
    this.synced = new SyncedQueues(owner, this.writer);
  }

  answer(tab: Tab, name: string, args: unknown): Promise<unknown> {
    if (name === 'shared.take' && isTakeRequest(args)) return this.withQueue(args, (doc, queues) => queues.take(doc, {...args, tab}));
    if (name === 'shared.cancel' && isCancel(args)) return this.withQueue(args, (doc, queues) => queues.cancel(doc, tab, args.r));
    if (name === 'shared.report' && isLeaseReport(args)) return this.withQueue<unknown>(args, (doc, queues) => queues.handleReport(doc, tab, args));
    throw withCode('ERR_MESSAGE_BADLY_FORMED', `Invalid call ${name}`);
  }

  private withQueue<T>({c, d}: {c: string; d: string}, act: (doc: SharedDoc, queues: Queues | SyncedQueues) => T): Promise<T> {
    const doc = this.owner.docs.get(c, d);
    doc.retain();
    return new Promise(resolve => {
      doc.whenSettled(() => {
        resolve(act(doc, isLocal(c) ? this : this.synced));
        doc.release();
      });
    });
  }

  take(doc: SharedDoc, consumer: Request): 'empty' | null {
    this.know(doc, consumer);
    const {tab, r} = consumer;
    const given = Object.values(contentOf(doc)?.l ?? {}).filter(lease => lease.t === tab.id && lease.r === r);
    // The tab has not received the items of this request, because its session or its host ended. They are sent again.
    if (given.length) sendItems(doc, tab, r, given);
    else {
      const all = this.waiting.get(doc) ?? [];
      if (!all.some(other => other.tab.id === tab.id && other.r === r)) this.waiting.set(doc, [...all, consumer]);
      this.serve(doc);
      if (consumer.isTry && this.waiting.get(doc)?.includes(consumer)) {
        this.cancel(doc, tab, r);
        return 'empty';
      }
    }
    return null;
  }

  private know(doc: SharedDoc, {maxAttempts}: {maxAttempts: number}): void {
    const isNew = !this.known.has(doc);
    this.known.set(doc, {maxAttempts});
    if (!isNew) return;
    const {l = {}} = contentOf(doc) ?? {};
    const leases = Object.values(l);
    this.writer.whenGone(leases.map(({t}) => t), id => doc.whenSettled(() => this.takeBack(doc, id)));
    for (const lease of leases) this.awaitTimeout(doc, lease);
  }

  cancel(doc: SharedDoc, tab: Tab, r: string): null {
    const all = this.waiting.get(doc);
    if (all) this.waiting.set(doc, all.filter(other => other.tab.id !== tab.id || other.r !== r));
    // Items that were sent to the tab meanwhile return to the queue, because the tab no longer waits for them.
    for (const lease of Object.values(contentOf(doc)?.l ?? {})) if (lease.t === tab.id && lease.r === r) this.back(doc, lease, false);
    return null;
  }

  /** A document has changed. It may have an item for a consumer that waits. */
  onEntry(doc: SharedDoc, entry: Entry): void {
    if (!entry.isEmpty) this.synced.onEntry(doc);
    if (this.waiting.get(doc)?.length && !entry.isEmpty) queueMicrotask(() => doc.whenSettled(() => this.serve(doc)));
  }

  onConnected(): void {
    this.synced.onConnected();
  }

  private serve(doc: SharedDoc): void {
    for (;;) {
      const content = contentOf(doc);
      const [consumer] = this.waiting.get(doc) ?? [];
      if (!content?.q.length || !consumer) return;
      this.waiting.get(doc)!.shift();
      // A tab without a session repeats its request when it returns.
      if (!consumer.tab.session) continue;
      const {tab, r, leaseTimeout} = consumer;
      const items = content.q.slice(0, consumer.count);
      const leases = items.map((item): Leased => ({...item, t: tab.id, r, ...(leaseTimeout !== undefined && {u: this.owner.now() + leaseTimeout})}));
      if (!this.writer.submit(doc, [...items.map(ld => ({p: ['q', 0], ld})), ...leases.map(oi => ({p: ['l', oi.i], oi}))])) return;
      sendItems(doc, tab, r, items);
      for (const lease of leases) this.awaitTimeout(doc, lease);
    }
  }

  /** Handles a tab's report on leased items. @returns the ids of the items whose lease the tab no longer had */
  handleReport(doc: SharedDoc, tab: Tab, {ids, r, how, error, ms = 0, maxAttempts, isRepeat}: LeaseReport): string[] {
    this.know(doc, {maxAttempts});
    const lost: string[] = [];
    for (const id of ids) {
      const lease = contentOf(doc)?.l[id];
      if (!lease || lease.t !== tab.id || lease.r !== r) {
        // If the tab repeats the report, it may have been handled already in an earlier session.
        if (!isRepeat || (how === 'done' && isThere(contentOf(doc), id)) || how === 'extend') lost.push(id);
      }
      else if (how === 'done') this.writer.submit(doc, [{p: ['l', id], od: lease}]);
      else if (how === 'extend') {
        const longer = {...lease, u: this.owner.now() + ms};
        this.writer.submit(doc, [{p: ['l', id], od: lease, oi: longer}]);
        this.awaitTimeout(doc, longer);
      } else this.back(doc, lease, how === 'fail', error);
    }
    return lost;
  }

  private awaitTimeout(doc: SharedDoc, {i, r, u}: Leased): void {
    if (u === undefined) return;
    this.writer.later(Math.max(0, u - this.owner.now()), () => doc.whenSettled(() => {
      const lease = contentOf(doc)?.l[i];
      if (lease?.r === r && lease.u === u) this.back(doc, lease, true, 'The lease has run out');
    }));
  }

  /** Returns the items of a tab that is away or gone to the queues. */
  onAway(tabId: string): void {
    this.synced.onAway(tabId);
    for (const [doc, all] of this.waiting) this.waiting.set(doc, all.filter(({tab}) => tab.id !== tabId));
    for (const doc of this.known.keys()) doc.whenSettled(() => this.takeBack(doc, tabId));
  }

  private takeBack(doc: SharedDoc, tabId: string): void {
    for (const lease of Object.values(contentOf(doc)?.l ?? {})) if (lease.t === tabId) this.back(doc, lease, true, 'The tab that had it is gone');
  }

  /**
   * Returns an item to the queue: to its former place after the first attempt, later to the end, so that an item that always fails does
   * not block others.
   */
  private back(doc: SharedDoc, lease: Leased, isAttempt: boolean, error?: string): void {
    const content = contentOf(doc)!;
    const item = {i: lease.i, s: lease.s, n: lease.n + Number(isAttempt), v: lease.v};
    const isDead = isAttempt && item.n >= (this.known.get(doc)?.maxAttempts ?? Infinity);
    const where = isDead ? {p: ['x', content.x.length], li: {...item, ...(error !== undefined && {e: error})}} : putBack(content, item, isAttempt && item.n > 1);
    this.writer.submit(doc, [{p: ['l', lease.i], od: lease}, where]);
  }

  /** Forgets a document that the host has released. */
  forget([c, d]: DocKey): void {
    this.synced.forget([c, d]);
    for (const doc of this.known.keys()) {
      if (doc.collection !== c || doc.id !== d) continue;
      this.waiting.delete(doc);
      this.known.delete(doc);
    }
  }

  close(): void {
    this.writer.close();
    this.synced.close();
    this.known.clear();
    this.waiting.clear();
  }
}

const isThere = (content: StoredQueue | undefined, id: string): boolean => !!content && (id in content.l || content.q.some(({i}) => i === id) || content.x.some(({i}) => i === id));

function contentOf(doc: SharedDoc): StoredQueue | undefined {
  const {data} = doc.doc;
  return isStoredQueue(data) ? data : undefined;
}
