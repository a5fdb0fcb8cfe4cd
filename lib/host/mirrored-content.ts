import type {Clock} from '../platform/platform.js';
import type {DurableStore} from '../store/durable-store.js';
import type {DocKey} from '../store/storage.js';
import {afterWaking} from '../platform/after-waking.js';
import {RETURN_MS} from './doc/history-retention.js';
import {QUERY_PREFIX} from './queries/query-result-store.js';

/** The number of queries whose results are kept in memory. */
const MAX_QUERIES = 256;

/** Limits a store that is in the memory of tabs. It keeps only documents that a tab has open. */
export class MirroredContent {
  private isAwaitingTabs = false;

  constructor(private readonly store: DurableStore, private readonly clock: Clock, private readonly isOpen: (key: DocKey) => boolean) {}

  /** Removes the documents of an earlier host that no tab has opened within RETURN_MS. */
  awaitTabs(): void {
    if (!this.store.keys().length) return;
    this.isAwaitingTabs = true;
    afterWaking(this.clock.after, RETURN_MS, () => {
      this.isAwaitingTabs = false;
      for (const key of this.store.keys()) if (!this.isOpen(key)) this.store.remove(key);
    });
  }

  /** Removes a document that no tab has open any more, unless tabs of an earlier host may still return. */
  release(key: DocKey): void {
    if (!this.isAwaitingTabs) this.store.remove(key);
  }

  /** Removes the results of the oldest query if more than MAX_QUERIES are kept. */
  limitResults(): void {
    const names = Object.keys(this.store.kept).filter(name => name.startsWith(QUERY_PREFIX));
    if (names.length > MAX_QUERIES) this.store.keep(names[0]!, undefined);
  }
}
