import {MemoryDB} from 'sharedb';
import type {OfflineQueries} from '../../lib/host.js';

/** The queries of the test database: fields that are equal, one field to sort by (ties by id), a page, or only the number. */
export interface Filter {
  [field: string]: unknown;
  sort?: string;
  skip?: number;
  limit?: number;
  count?: boolean;
}

type Doc = {id: string; data: any};

const SHAPE = new Set(['sort', 'skip', 'limit', 'count']);

const fits = (filter: Filter, data: any): boolean =>
  Object.entries(filter).every(([field, value]) => SHAPE.has(field) || data?.[field] === value);

function page<D extends Doc>({sort, skip = 0, limit, count}: Filter, docs: readonly D[]): {results: D[]; extra?: unknown} {
  const by = (doc: D): number => (sort ? doc.data[sort] as number : 0);
  const sorted = [...docs].sort((one, other) => by(one) - by(other) || (one.id < other.id ? -1 : 1));
  const results = sorted.slice(skip, limit === undefined ? undefined : skip + limit);
  return count ? {results: [], extra: results.length} : {results};
}

/** ShareDB's memory database with queries. */
export class FilteringDb extends MemoryDB {
  _querySync(snapshots: (Doc & {type: string | null})[], query: Filter): {snapshots: Doc[]; extra?: unknown} {
    const {results, extra} = page(query, snapshots.filter(({type, data}) => type && fits(query, data)));
    return {snapshots: results, extra};
  }
}

/** A matcher for `startHost({queries})` with the same rules. */
export const matcher: OfflineQueries = {
  matches: (_collection, query: Filter, data) => fits(query, data),
  select: (_collection, query: Filter, results) => page(query, results)
};
