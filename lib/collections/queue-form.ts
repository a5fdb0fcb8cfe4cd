import {isStoredQueue, putBack, type DeadItem, type QueueItem, type StoredQueue} from '../protocol/queues.js';
import {deadItems, isLeased, itemsOf, lastClaim, waitingItems, type SyncedItem, type SyncedQueue} from '../protocol/synced-queues.js';
import {statesAfter, type ArrayStep, type Data} from './changes.js';
import type {Access, Component} from './json0.js';
import {copyOf} from './values.js';
import type {Folded} from './watcher.js';

/** How a queue is stored in its document: in one list if it is local, each item under its id if several devices share it. */
export interface QueueForm {
  /** The items that wait, in order. */
  waiting(content: Access): readonly QueueItem[];
  inFlight(content: Access): number;
  dead(content: Access): readonly DeadItem[];
  /** The id of the tab that has a lease of an item. */
  holderOf(data: unknown, id: string): string | undefined;
  add(content: Access, items: readonly QueueItem[]): Component[];
  /** Removes items, which must be the first ones that wait. */
  remove(content: Access, items: readonly QueueItem[]): Component[];
  /** @param now the time in ms since the epoch, the sort number of items that are added now */
  requeueDead(content: Access, now: number): Component[];
  /**
   * The changes of the waiting items, in the form that array events are made of.
   * @param data the document's data
   */
  folded<E>(steps: Folded<E>, data: () => Data, remoteOnly: boolean): Folded<E>;
}

export const localForm: QueueForm = {
  waiting: content => (content.get('q') ?? []) as QueueItem[],
  inFlight: content => Object.keys((content.get('l') ?? {}) as object).length,
  dead: content => (content.get('x') ?? []) as DeadItem[],
  holderOf: (data, id) => (isStoredQueue(data) ? data.l[id]?.t : undefined),
  add: (content, items) => {
    const {length} = content.peek('q') as unknown[];
    return items.map((li, i) => ({p: ['q', length + i], li}));
  },
  remove: (_content, items) => items.map(item => ({p: ['q', 0], ld: copyOf(item)})),
  requeueDead: content => {
    const data = content.all() as StoredQueue;
    return data.x.flatMap((item, i): Component[] => {
      const {e: _error, ...rest} = item;
      const {p: [, at], li} = putBack(data, {...rest, n: 0}, true);
      return [{p: ['x', 0], ld: copyOf(item)}, {p: ['q', (at as number) + i], li}];
    });
  },
  folded: steps => steps
};

const dataOf = (content: Access): SyncedQueue => content.all() as SyncedQueue;

export const syncedForm: QueueForm = {
  waiting: content => waitingItems(dataOf(content)),
  inFlight: content => itemsOf(dataOf(content), isLeased).length,
  dead: content => deadItems(dataOf(content)),
  holderOf: (data, id) => {
    const item = (data as SyncedQueue | undefined)?.[id];
    return item && isLeased(item) ? lastClaim(item)!.t : undefined;
  },
  add: (_content, items) => items.map(({i, s, v}) => ({p: [i], oi: {s, v, c: []} satisfies SyncedItem})),
  remove: (content, items) => items.map(({i}) => ({p: [i], od: copyOf(content.peek(i))})),
  requeueDead: (content, now) => itemsOf(dataOf(content), item => lastClaim(item)?.f === 'dead').map(([id, {c}], i) => {
    const {e: _error, ...last} = c.at(-1)!;
    return {p: [id, 'c', c.length], li: {...last, n: 0, f: 'back', s: now + (i + 1) / 1024}};
  }),
  folded: (steps, data, remoteOnly) => {
    const waiting = (content: unknown): QueueItem[] => waitingItems(content as SyncedQueue);
    let shown = waiting(data());
    return {
      add(changes) {
        for (const {state, origin} of statesAfter(changes, data(), remoteOnly, waiting)) {
          const step = stepBetween(shown, state);
          shown = state;
          if (step) steps.add([{type: 'array', steps: [step], origin}]);
        }
      },
      take: () => steps.take()
    };
  }
};

/** The one splice that leads from a list of items to another. */
function stepBetween(old: readonly QueueItem[], now: readonly QueueItem[]): ArrayStep | undefined {
  const shorter = Math.min(old.length, now.length);
  let index = 0;
  while (index < shorter && old[index]!.i === now[index]!.i) index++;
  let end = 0;
  while (end < shorter - index && old.at(-1 - end)!.i === now.at(-1 - end)!.i) end++;
  const [deleted, inserted] = [old.slice(index, old.length - end), now.slice(index, now.length - end)];
  return deleted.length || inserted.length ? {type: 'splice', index, deleted, inserted} : undefined;
}
