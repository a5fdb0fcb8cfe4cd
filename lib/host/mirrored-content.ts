import type {Clock} from '../platform/platform.js';
import type {DurableStore} from '../store/durable-store.js';
import type {DocKey} from '../store/storage.js';
import {afterWaking} from '../platform/after-waking.js';
import {RETURN_MS} from './doc/history-retention.js';
import {QUERY_PREFIX} from './queries/kept-results.js';

/** The number of queries whose results are kept in memory. */
const MAX_QUERIES = 256;

/** Keeps the store small where it is the memory of tabs: only what a tab has open stays in it. */
export class MirroredContent {
  private isAwaitingTabs = false;

  constructor(private readonly store: DurableStore, private readonly clock: Clock, private readonly isOpen: (key: DocKey) => boolean) {}

  /** Tabs of an earlier host may come back for a document. After a while, documents that no tab came back for are removed. */
  awaitTabs(): void {
    if (!this.store.keys().length) return;
    this.isAwaitingTabs = true;
    afterWaking(this.clock.after, RETURN_MS, () => {
      this.isAwaitingTabs = false;
      for (const key of this.store.keys()) if (!this.isOpen(key)) this.store.remove(key);
    });
  }

  /** No tab has the document open any more. */
  release(key: DocKey): void {
    if (!this.isAwaitingTabs) this.store.remove(key);
  }

  /** Removes the results of the oldest query when there are too many. */
  limitResults(): void {
    const names = Object.keys(this.store.kept).filter(name => name.startsWith(QUERY_PREFIX));
    if (names.length > MAX_QUERIES) this.store.keep(names[0]!, undefined);
  }
}
