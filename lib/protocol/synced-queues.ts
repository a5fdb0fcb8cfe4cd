import {isObject} from './checks.js';
import type {DeadItem, QueueItem} from './queues.js';

/**
 * The stored form of a queue that several devices share: each item under its id. An item stays where it is, and its last claim
 * says what happened to it. So two devices that do the same at once can't duplicate an item.
 */
export type SyncedQueue = Record<string, SyncedItem>;

export interface SyncedItem {
  /** Its sort number. */
  s: number;
  v: unknown;
  /** The claims. A claim is added at the end; json0 puts it before those that were added there at the same time and reached the server first. */
  c: Claim[];
}

/** A device's claim to an item, which may have ended. Only the last claim counts: see `lastClaim`. */
export interface Claim {
  /** The device: the lineage of its store. */
  d: string;
  /** The tab, and the request that the item is for. */
  t: string;
  r: string;
  /** The attempts before this one. When the claim has ended: all attempts. */
  n: number;
  /** When the lease ends, in ms since the epoch, by the device's clock. */
  u: number;
  /** The claim has ended: the item waits again, is done, or was given up. */
  f?: 'back' | 'done' | 'dead';
  /** The item's new sort number. */
  s?: number;
  /** The last error. */
  e?: string;
}

export type Component = {p: (string | number)[]; li?: unknown; ld?: unknown; oi?: unknown; od?: unknown};

/** The difference of two devices' clocks that a lease allows for, in ms. */
export const CLOCK_TOLERANCE_MS = 30_000;

/** How long a lease of a synced queue lasts by default, in ms. */
export const SYNCED_LEASE_MS = 60_000;

export const isSyncedQueue = (data: unknown): data is SyncedQueue => isObject(data) && !Array.isArray(data);

/** The app may have written other values into the document. */
export const isItem = (value: unknown): value is SyncedItem => isObject(value) && typeof value['s'] === 'number' && Array.isArray(value['c']);

/** The claim that counts: of those that were added at once, the first at the server is the last in the list. */
export const lastClaim = ({c}: SyncedItem): Claim | undefined => c.at(-1);

export const orderOf = (item: SyncedItem): number => lastClaim(item)?.s ?? item.s;

/** The number of attempts so far. A claim that has not ended counts as an attempt, and a released item does not. */
export const attemptsOf = (item: SyncedItem): number => {
  const last = lastClaim(item);
  return !last ? 0 : last.f ? last.n : last.n + 1;
};

/** Whether a device has completed the item. One more op removes it. */
export const isDone = ({c}: SyncedItem): boolean => c.some(({f}) => f === 'done');

export const isWaiting = (item: SyncedItem): boolean => {
  const last = lastClaim(item);
  return !last || (last.f === 'back' && !isDone(item));
};

/** Whether a device has the item. */
export const isLeased = (item: SyncedItem): boolean => {
  const last = lastClaim(item);
  return !!last && !last.f;
};

/** The items of a queue with their ids, in order. */
export function itemsOf(data: SyncedQueue, isWanted: (item: SyncedItem) => boolean): [id: string, item: SyncedItem][] {
  return Object.entries(data).filter(([, item]) => isItem(item) && isWanted(item))
    .sort(([idA, a], [idB, b]) => orderOf(a) - orderOf(b) || (idA < idB ? -1 : 1));
}

export const plainItem = (i: string, item: SyncedItem): QueueItem => ({i, s: orderOf(item), n: attemptsOf(item), v: item.v});

/** The items that wait, as a local queue stores them. */
export const waitingItems = (data: SyncedQueue): QueueItem[] => itemsOf(data, isWaiting).map(([i, item]) => plainItem(i, item));

/** The items that were given up, as a local queue stores them. */
export const deadItems = (data: SyncedQueue): DeadItem[] => itemsOf(data, item => lastClaim(item)?.f === 'dead').map(([i, item]) => {
  const {e} = lastClaim(item)!;
  return {...plainItem(i, item), ...(e !== undefined && {e})};
});

/** The ops that replace a device's claim by its end, and drop all claims before it. */
export function endClaim(id: string, {c}: SyncedItem, ended: Claim): Component[] {
  const at = c.length - 1;
  return [{p: [id, 'c', at], ld: c[at], li: ended}, ...c.slice(0, at).map((ld): Component => ({p: [id, 'c', 0], ld}))];
}
