import type {DurableStore} from '../../store/durable-store.js';

/** The prefix of the names under which the store keeps the results of queries. */
export const QUERY_PREFIX = 'query: ';

/** Keeps the last results of each query in the store, for use while the server is unreachable. */
export class QueryResultStore {
  /** @param onNew called when the results of a query were added or changed */
  constructor(private readonly store: () => DurableStore | undefined, private readonly onNew: () => void) {}

  get(query: string): string | undefined {
    return this.store()?.kept[QUERY_PREFIX + query];
  }

  set(query: string, results: string): void {
    const store = this.store();
    if (!store || store.kept[QUERY_PREFIX + query] === results) return;
    store.keep(QUERY_PREFIX + query, results);
    this.onNew();
  }
}
