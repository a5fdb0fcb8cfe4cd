import type {ErrorData} from './errors.js';
import {isCount, isNamed, isObject, isText} from './checks.js';

/** The stored form of a queue: waiting items, leased items by id, and items that were given up. */
export interface StoredQueue {
  q: QueueItem[];
  l: Record<string, Leased>;
  x: DeadItem[];
}

export interface QueueItem {
  /** Its id. */
  i: string;
  /** Its sort number. An item that is returned goes back to its place by this number. */
  s: number;
  /** The number of failed attempts. A release does not count. */
  n: number;
  v: unknown;
}

export interface Leased extends QueueItem {
  /** The tab that holds the lease, and the request that the item was given to. */
  t: string;
  r: string;
  /** When the lease ends, in ms since the epoch. Left out if it does not end. */
  u?: number;
}

export interface DeadItem extends QueueItem {
  /** The last error. */
  e?: string;
}

/** A tab asks for items. A repeated request has the same `r`, and counts once. */
export interface TakeRequest {
  c: string;
  d: string;
  r: string;
  count: number;
  /** The number of attempts after which an item is given up. */
  maxAttempts: number;
  /** The duration of a lease, in ms. */
  leaseTimeout?: number;
  /** The request does not wait if the queue is empty. */
  isTry?: boolean;
}

/** A tab reports what it did with items that it was given. */
export interface LeaseReport {
  c: string;
  d: string;
  r: string;
  ids: string[];
  how: 'done' | 'release' | 'fail' | 'extend';
  maxAttempts: number;
  error?: string;
  /** For `extend`: the additional time, in ms. */
  ms?: number;
  /** The tab repeats the report, because it has received no answer. The host may have handled it before. */
  isRepeat?: boolean;
}

export interface ItemsMessage {
  a: 'shared.items';
  c: string;
  d: string;
  r: string;
  items: QueueItem[];
  /** The server has refused the claim: the request has ended. */
  error?: ErrorData;
}

const isQueueName = (value: unknown): value is {c: string; d: string; r: string} => isObject(value) && isNamed(value['c'], value['d']) && isText(value['r']);

export const isTakeRequest = (value: unknown): value is TakeRequest => isQueueName(value) && isCount((value as TakeRequest).count) &&
  (value as TakeRequest).count > 0 && isCount((value as TakeRequest).maxAttempts) &&
  ((value as TakeRequest).leaseTimeout === undefined || isCount((value as TakeRequest).leaseTimeout));

export const isCancel = (value: unknown): value is {c: string; d: string; r: string} => isQueueName(value);

export const isLeaseReport = (value: unknown): value is LeaseReport => isQueueName(value) && Array.isArray((value as LeaseReport).ids) &&
  (value as LeaseReport).ids.every(isText) && ['done', 'release', 'fail', 'extend'].includes((value as LeaseReport).how) && isCount((value as LeaseReport).maxAttempts) &&
  ((value as LeaseReport).ms === undefined || isCount((value as LeaseReport).ms));

/** Whether a document's data has the form of a queue. */
export function isStoredQueue(data: unknown): data is StoredQueue {
  return isObject(data) && Array.isArray(data['q']) && isObject(data['l']) && Array.isArray(data['x']);
}

/** The op component that puts an item back at its place, or at the end. */
export function putBack(queue: StoredQueue, {i, s, n, v}: QueueItem, toTheEnd: boolean): {p: (string | number)[]; li: QueueItem} {
  const at = toTheEnd ? -1 : queue.q.findIndex(other => other.s > s);
  return {p: ['q', at < 0 ? queue.q.length : at], li: {i, s, n, v}};
}
