import type {LeaseReport} from '../../protocol/queues.js';
import {
  CLOCK_TOLERANCE_MS, SYNCED_LEASE_MS, attemptsOf, endClaim, isDone, isItem, isLeased, isSyncedQueue, isWaiting, itemsOf, lastClaim, orderOf, type Claim, type Component,
  type SyncedItem, type SyncedQueue
} from '../../protocol/synced-queues.js';
import type {DocKey} from '../../store/storage.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import type {Tab} from '../tab.js';
import {sendItems, type QueueWriter, type QueuesOwner, type Request} from './queue-writer.js';

/** A queue that tabs of this host use. */
interface Known {
  maxAttempts: number;
  waiting: Request[];
  /** The requests whose claims the server has not answered, by tab and request. `count` is 0 if the request was cancelled. */
  claiming: Map<string, Request>;
  /** Cancels the timer for the next lease that ends. */
  stopWaiting: () => void;
}

/**
 * Takes items of queues that several devices share. A claim is an op. When the server has acknowledged it, the document shows
 * whether another device was first. The tab gets the item only then, so no item is given out without a connection to the server.
 */
export class SyncedQueues {
  private readonly known = new Map<SharedDoc, Known>();

  constructor(private readonly owner: QueuesOwner, private readonly writer: QueueWriter) {}

  // ---- requests of tabs

  take(doc: SharedDoc, request: Request): null {
    const queue = this.know(doc, request.maxAttempts);
    const name = nameOf(request);
    if (queue.claiming.has(name)) return null;
    if (queue.waiting.some(other => nameOf(other) === name)) this.serve(doc);
    else if (itemsOf(contentOf(doc), item => isHeldBy(item, request)).length) {
      // The tab repeats its request, because its session or its host ended. The server may not have answered the claim yet.
      queue.claiming.set(name, request);
      this.whenSaved(doc, () => this.settle(doc, request));
    } else this.offer(doc, request, 'push');
    return null;
  }

  cancel(doc: SharedDoc, tab: Tab, r: string): null {
    const queue = this.known.get(doc);
    const name = nameOf({tab, r});
    const claiming = queue?.claiming.get(name);
    if (queue) queue.waiting = queue.waiting.filter(other => nameOf(other) !== name);
    // A claim in flight is released when the server has answered it.
    if (claiming) queue!.claiming.set(name, {...claiming, count: 0});
    else this.releaseAll(doc, item => isHeldBy(item, {tab, r}));
    return null;
  }

  /** Handles a tab's report on leased items. Resolves, when the server has answered, with the ids of items whose lease the tab had lost. */
  async handleReport(doc: SharedDoc, tab: Tab, report: LeaseReport): Promise<string[]> {
    this.know(doc, report.maxAttempts);
    const lost = await Promise.all(report.ids.map(async id => (await this.handleOne(doc, tab, id, report) ? [] : [id])));
    return lost.flat();
  }

  private handleOne(doc: SharedDoc, tab: Tab, id: string, {r, how, error, ms = 0, isRepeat}: LeaseReport): boolean | Promise<boolean> {
    const item = itemOf(doc, id);
    const mine = item && isHeldBy(item, {tab, r});
    if (!mine) {
      if (!isRepeat || how === 'extend') return false;
      // The report may have been handled before, perhaps by another host. The server may not have answered it yet.
      return new Promise(resolve => this.whenSaved(doc, () => {
        const now = itemOf(doc, id);
        if (now && isDone(now)) this.writer.submit(doc, [{p: [id], od: now}]);
        resolve(!now || how !== 'done' || isDone(now));
      }));
    }
    const last = lastClaim(item)!;
    const ended = how === 'extend' ? {...last, u: this.owner.now() + ms}
      : how === 'done' ? {...last, f: 'done' as const} : this.endOf(doc, item, how === 'fail', error);
    return new Promise(resolve => {
      const isWritten = this.writer.submit(doc, endClaim(id, item, ended), failure => {
        const now = itemOf(doc, id);
        // If another claim comes after this one, a device has taken the item because the lease was overdue or had been given back.
        const isMine = !!now && lastClaim(now)?.t === tab.id && lastClaim(now)?.r === r;
        if (isMine && how === 'done') this.writer.submit(doc, [{p: [id], od: now}]);
        resolve(!failure && (isMine || !now || (ended.f === 'back' && this.owner.now() <= last.u)));
      });
      if (!isWritten) resolve(false);
      else if (how === 'extend') this.awaitTimeout(doc, id, ended);
    });
  }

  // ---- claims

  /** Serves waiting requests, because an item or the connection to the server may be available now. */
  serve(doc: SharedDoc): void {
    const queue = this.known.get(doc);
    while (queue?.waiting.length && doc.isSettled) {
      const [request] = queue.waiting as [Request];
      // A tab without a session repeats its request when it returns.
      if (!request.tab.session) queue.waiting.shift();
      else if (!this.claim(doc, queue, request)) return;
    }
  }

  private offer(doc: SharedDoc, request: Request, how: 'push' | 'unshift'): void {
    const queue = this.known.get(doc)!;
    queue.waiting[how](request);
    this.serve(doc);
    if (!request.isTry || !queue.waiting.includes(request)) return;
    queue.waiting = queue.waiting.filter(other => other !== request);
    sendItems(doc, request.tab, request.r, []);
  }

  /** Claims items for a request. @returns whether the request no longer waits */
  private claim(doc: SharedDoc, queue: Known, request: Request): boolean {
    queue.stopWaiting();
    const {owner} = this;
    if (doc.doc.connection.state !== 'connected') return false;
    const op: Component[] = [];
    const claims: [id: string, claim: Claim][] = [];
    for (const [id, item] of itemsOf(contentOf(doc), item => isWaiting(item) || this.isOverdue(item))) {
      if (claims.length === request.count) break;
      const n = attemptsOf(item);
      const last = lastClaim(item);
      const claim: Claim = {
        d: owner.lineage(), t: request.tab.id, r: request.r, n, u: owner.now() + (request.leaseTimeout ?? SYNCED_LEASE_MS), ...(last?.s !== undefined && {s: last.s})
      };
      if (isDone(item)) op.push({p: [id], od: item});
      else if (n >= queue.maxAttempts && !isWaiting(item)) op.push({p: [id, 'c', item.c.length], li: {...claim, f: 'dead', e: 'The lease has run out'} satisfies Claim});
      else {
        claims.push([id, claim]);
        op.push({p: [id, 'c', item.c.length], li: claim});
      }
    }
    if (claims.length) {
      queue.waiting = queue.waiting.filter(other => other !== request);
      queue.claiming.set(nameOf(request), request);
    } else this.wakeLater(doc, queue);
    if (op.length && !this.writer.submit(doc, op, error => { if (claims.length) this.settle(doc, request, error); })) {
      queue.claiming.delete(nameOf(request));
      queue.waiting.unshift(request);
      return false;
    }
    for (const [id, claim] of claims) this.awaitTimeout(doc, id, claim);
    return claims.length > 0;
  }

  /** Handles the server's answer to a claim: sends the items to the tab, or lets the request wait again. */
  private settle(doc: SharedDoc, request: Request, error?: Error | null): void {
    const queue = this.known.get(doc);
    const {tab, r} = request;
    const name = nameOf(request);
    // The count is 0 if the request was cancelled.
    const isWanted = !!queue?.claiming.get(name)?.count && !!tab.session;
    queue?.claiming.delete(name);
    if (!queue) return;
    if (error) return sendItems(doc, tab, r, [], error);
    const won = itemsOf(contentOf(doc), item => isHeldBy(item, request) && !isDone(item));
    this.cleanUp(doc, request);
    if (!won.length) {
      if (isWanted) this.offer(doc, request, 'unshift');
    } else if (isWanted) sendItems(doc, tab, r, won.map(([i, item]) => ({i, s: orderOf(item), n: lastClaim(item)!.n, v: item.v})));
    else this.releaseAll(doc, item => isHeldBy(item, request));
  }

  /** Removes the items that are done, and the claims of this request that came too late. */
  private cleanUp(doc: SharedDoc, {tab, r}: Request): void {
    const op = itemsOf(contentOf(doc), ({c}) => c.some(claim => claim.t === tab.id && claim.r === r)).flatMap(([id, item]): Component[] => {
      if (isDone(item)) return [{p: [id], od: item}];
      const at = item.c.findIndex(claim => claim.t === tab.id && claim.r === r);
      return at === item.c.length - 1 ? [] : [{p: [id, 'c', at], ld: item.c[at]}];
    });
    if (op.length) this.writer.submit(doc, op);
  }

  // ---- ends of leases

  private know(doc: SharedDoc, maxAttempts: number): Known {
    const old = this.known.get(doc);
    if (old) return Object.assign(old, {maxAttempts});
    const queue: Known = {maxAttempts, waiting: [], claiming: new Map(), stopWaiting: () => {}};
    this.known.set(doc, queue);
    const own = itemsOf(contentOf(doc), item => isLeased(item) && lastClaim(item)!.d === this.owner.lineage());
    for (const [id, item] of own) this.awaitTimeout(doc, id, lastClaim(item)!);
    this.writer.whenGone(own.map(([, item]) => lastClaim(item)!.t), id => doc.whenSettled(() => this.takeBack(doc, id)));
    return queue;
  }

  private awaitTimeout(doc: SharedDoc, id: string, {t, r, u}: Claim): void {
    this.writer.later(Math.max(0, u - this.owner.now()), () => doc.whenSettled(() => {
      const item = itemOf(doc, id);
      const last = item && lastClaim(item);
      if (last?.t !== t || last.r !== r || last.u !== u || last.f) return;
      // If the lease ends before the server has answered the claim, the tab has never had the item. That is no attempt.
      this.back(doc, id, item!, !this.known.get(doc)?.claiming.has(`${t} ${r}`), 'The lease has run out');
    }));
  }

  /** Whether the lease of another device has ended, with some tolerance for its clock, and the device has not given the item back. */
  private isOverdue(item: SyncedItem): boolean {
    return isLeased(item) && lastClaim(item)!.u + CLOCK_TOLERANCE_MS < this.owner.now();
  }

  private wakeLater(doc: SharedDoc, queue: Known): void {
    const ends = itemsOf(contentOf(doc), isLeased).map(([, item]) => lastClaim(item)!.u);
    if (!ends.length) return;
    const ms = Math.max(0, Math.min(...ends) + CLOCK_TOLERANCE_MS + 1 - this.owner.now());
    queue.stopWaiting = this.writer.later(ms, () => doc.whenSettled(() => this.serve(doc)));
  }

  onAway(tabId: string): void {
    for (const [doc, queue] of this.known) {
      queue.waiting = queue.waiting.filter(({tab}) => tab.id !== tabId);
      doc.whenSettled(() => this.takeBack(doc, tabId));
    }
  }

  private takeBack(doc: SharedDoc, tabId: string): void {
    const claiming = this.known.get(doc)?.claiming;
    for (const [id, item] of itemsOf(contentOf(doc), item => isLeased(item) && lastClaim(item)!.t === tabId)) {
      // An item whose claim is in flight returns when the server has answered. That is no attempt.
      if (!claiming?.has(`${tabId} ${lastClaim(item)!.r}`)) this.back(doc, id, item, true, 'The tab that had it is gone');
    }
  }

  private releaseAll(doc: SharedDoc, isWanted: (item: SyncedItem) => boolean): void {
    for (const [id, item] of itemsOf(contentOf(doc), isWanted)) this.back(doc, id, item, false);
  }

  private back(doc: SharedDoc, id: string, item: SyncedItem, isAttempt: boolean, error?: string): void {
    this.writer.submit(doc, endClaim(id, item, this.endOf(doc, item, isAttempt, error)));
  }

  /** The end of a claim. The item returns to its place after the first attempt, later to the end, so that it does not block others. */
  private endOf(doc: SharedDoc, item: SyncedItem, isAttempt: boolean, error?: string): Claim {
    const last = lastClaim(item)!;
    const n = last.n + Number(isAttempt);
    const isDead = isAttempt && n >= (this.known.get(doc)?.maxAttempts ?? Infinity);
    const s = isAttempt && n > 1 ? Math.max(this.owner.now(), ...itemsOf(contentOf(doc), isWaiting).slice(-1).map(([, other]) => orderOf(other) + 1)) : last.s;
    return {...last, n, f: isDead ? 'dead' : 'back', ...(s !== undefined && {s}), ...(error !== undefined && {e: error})};
  }

  // ---- the documents

  private whenSaved(doc: SharedDoc, act: () => void): void {
    doc.retain();
    doc.whenSaved(() => doc.whenSettled(() => {
      act();
      doc.release();
    }));
  }

  onEntry(doc: SharedDoc): void {
    if (this.known.get(doc)?.waiting.length) queueMicrotask(() => doc.whenSettled(() => this.serve(doc)));
  }

  onConnected(): void {
    for (const doc of this.known.keys()) doc.whenSettled(() => this.serve(doc));
  }

  forget([c, d]: DocKey): void {
    for (const [doc, queue] of this.known) {
      if (doc.collection !== c || doc.id !== d) continue;
      queue.stopWaiting();
      this.known.delete(doc);
    }
  }

  close(): void {
    this.known.clear();
  }
}

const nameOf = ({tab, r}: {tab: Tab; r: string}): string => `${tab.id} ${r}`;

const isHeldBy = (item: SyncedItem, {tab, r}: {tab: Tab; r: string}): boolean => isLeased(item) && lastClaim(item)!.t === tab.id && lastClaim(item)!.r === r;

function contentOf(doc: SharedDoc): SyncedQueue {
  const {data} = doc.doc;
  return isSyncedQueue(data) ? data : {};
}

function itemOf(doc: SharedDoc, id: string): SyncedItem | undefined {
  const content = contentOf(doc);
  return Object.hasOwn(content, id) && isItem(content[id]) ? content[id] : undefined;
}
