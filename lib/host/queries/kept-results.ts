import type {DurableStore} from '../../store/durable-store.js';

/** The names under which the store keeps the results of queries begin with this. */
export const QUERY_PREFIX = 'query: ';

/** The last results of each query, kept in the store for times without a server. */
export class KeptResults {
  /** @param onNew called when the results of a query were added or changed */
  constructor(private readonly store: () => DurableStore | undefined, private readonly onNew: () => void) {}

  get(query: string): string | undefined {
    return this.store()?.kept[QUERY_PREFIX + query];
  }

  keep(query: string, results: string): void {
    const store = this.store();
    if (!store || store.kept[QUERY_PREFIX + query] === results) return;
    store.keep(QUERY_PREFIX + query, results);
    this.onNew();
  }
}
