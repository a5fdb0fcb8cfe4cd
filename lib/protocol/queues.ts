import {isCount, isNamed, isObject, isText} from './checks.js';

/** How a queue is stored: what waits, what is leased by its id, and what was given up. */
export interface StoredQueue {
  q: QueueItem[];
  l: Record<string, Leased>;
  x: DeadItem[];
}

export interface QueueItem {
  /** Its id. */
  i: string;
  /** Its place among the others, by which it is put back. */
  s: number;
  /** How often it has been taken and not done. */
  n: number;
  v: unknown;
}

export interface Leased extends QueueItem {
  /** The tab that has it, and the request that it was given to. */
  t: string;
  r: string;
  /** Until when, in ms since the epoch; forever where left out. */
  u?: number;
}

export interface DeadItem extends QueueItem {
  /** The last error. */
  e?: string;
}

/** A tab wants items. Asked again, it is the same request. */
export interface TakeRequest {
  c: string;
  d: string;
  r: string;
  count: number;
  /** After so many attempts an item is given up. */
  maxAttempts: number;
  /** How long a lease lasts, in ms. */
  leaseTimeout?: number;
  /** It does not wait. */
  isTry?: boolean;
}

/** What becomes of items that a request was given. */
export interface GiveBack {
  c: string;
  d: string;
  r: string;
  ids: string[];
  how: 'done' | 'release' | 'fail' | 'extend';
  maxAttempts: number;
  error?: string;
  /** Of `extend`, in ms. */
  ms?: number;
  /** It may have been said, and done, before. */
  again?: boolean;
}

export interface ItemsMessage {
  a: 'shared.items';
  c: string;
  d: string;
  r: string;
  items: QueueItem[];
}

const isQueueName = (value: unknown): value is {c: string; d: string; r: string} => isObject(value) && isNamed(value['c'], value['d']) && isText(value['r']);

export const isTakeRequest = (value: unknown): value is TakeRequest => isQueueName(value) && isCount((value as TakeRequest).count) &&
  (value as TakeRequest).count > 0 && isCount((value as TakeRequest).maxAttempts) &&
  ((value as TakeRequest).leaseTimeout === undefined || isCount((value as TakeRequest).leaseTimeout));

export const isCancel = (value: unknown): value is {c: string; d: string; r: string} => isQueueName(value);

export const isGiveBack = (value: unknown): value is GiveBack => isQueueName(value) && Array.isArray((value as GiveBack).ids) &&
  (value as GiveBack).ids.every(isText) && ['done', 'release', 'fail', 'extend'].includes((value as GiveBack).how) && isCount((value as GiveBack).maxAttempts) &&
  ((value as GiveBack).ms === undefined || isCount((value as GiveBack).ms));

/** Whether a document is a queue's. */
export function isStoredQueue(data: unknown): data is StoredQueue {
  return isObject(data) && Array.isArray(data['q']) && isObject(data['l']) && Array.isArray(data['x']);
}

/** The component that puts an item back to its place, or to the end. */
export function putBack(queue: StoredQueue, {i, s, n, v}: QueueItem, toTheEnd: boolean): {p: (string | number)[]; li: QueueItem} {
  const at = toTheEnd ? -1 : queue.q.findIndex(other => other.s > s);
  return {p: ['q', at < 0 ? queue.q.length : at], li: {i, s, n, v}};
}
