import {transactionAuthor} from '../../protocol/transactions.js';
import type {QueueItem, TakeRequest, ItemsMessage} from '../../protocol/queues.js';
import {encodeError} from '../../protocol/errors.js';
import {LONGEST_DELAY_MS} from '../../platform/longest-delay.js';
import type {DocKey} from '../../store/storage.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import type {Tab} from '../tab.js';

export interface QueuesOwner {
  readonly epoch: string;
  readonly docs: {get(c: string, d: string): SharedDoc; find(key: DocKey): SharedDoc | undefined};
  /** The lineage of the histories that this host continues. It identifies the browser profile in claims. */
  lineage(): string;
  tab(id: string): Tab;
  /** Whether a tab has a session. */
  isThere(tabId: string): boolean;
  /** Calls back when a tab without a session does not hold its lock, because it has ended or its page is suspended. Without locks, never. */
  whenUnlocked(tabId: string, callback: () => void): void;
  after(ms: number, callback: () => void): () => void;
  now(): number;
}

/** A tab's request for items. */
export interface Request extends TakeRequest {
  tab: Tab;
}

/** How long tabs may take to return after the start of a host, in ms. After that, the items of absent tabs return to the queue. */
const RETURN_MS = 5000;
/** The same for tabs that hold no lock. They have ended, unless the browser has not granted them their lock yet. */
const UNLOCKED_RETURN_MS = 500;

/** Submits a host's own ops to the documents of queues, and runs timers until it is closed. */
export class QueueWriter {
  private readonly timers = new Set<() => void>();
  private seq = 0;

  constructor(private readonly owner: QueuesOwner) {}

  /**
   * Submits an op.
   * @param onSettled called when the server has answered
   * @returns whether the op was placed in the history
   */
  submit(doc: SharedDoc, op: unknown[], onSettled: (error?: Error | null) => void = () => {}): boolean {
    const author = this.owner.tab(transactionAuthor(this.owner.epoch));
    const seq = (this.seq = Math.max(this.seq, doc.lastSeqOf(author)) + 1);
    const own = doc.prepare({op: JSON.parse(JSON.stringify(op)) as unknown}, seq, author, doc.rev);
    if (own instanceof Error) return false;
    doc.place(author, own, onSettled);
    return true;
  }

  /**
   * Calls `act` after `ms`. After a longer delay than a timer can have, the next host does.
   * @returns a function that cancels the call
   */
  later(ms: number, act: () => void): () => void {
    if (ms > LONGEST_DELAY_MS) return () => {};
    const cancel = this.owner.after(ms, () => {
      this.timers.delete(cancel);
      act();
    });
    this.timers.add(cancel);
    return () => {
      this.timers.delete(cancel);
      cancel();
    };
  }

  /** Calls back for each of those tabs of an earlier host that do not return. */
  whenGone(tabIds: Iterable<string>, act: (tabId: string) => void): void {
    const {owner} = this;
    for (const id of new Set(tabIds)) {
      if (owner.isThere(id)) continue;
      const look = (): void => { if (!owner.isThere(id)) act(id); };
      this.later(RETURN_MS, look);
      owner.whenUnlocked(id, () => this.later(UNLOCKED_RETURN_MS, look));
    }
  }

  close(): void {
    for (const cancel of this.timers) cancel();
    this.timers.clear();
  }
}

/** Sends items to the tab that has requested them, or the error that ends its request. */
export function sendItems(doc: SharedDoc, tab: Tab, r: string, items: QueueItem[], error?: Error): void {
  tab.send({
    a: 'shared.items', c: doc.collection, d: doc.id, r, items: items.map(({i, s, n, v}) => ({i, s, n, v})), ...(error && {error: encodeError(error)})
  } satisfies ItemsMessage);
}
