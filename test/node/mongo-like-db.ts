import {MemoryDB} from 'sharedb';
import type {OfflineQueries} from '../../lib/host.js';

type Fields = Record<string, any>;
interface Doc {
  id: string;
  data: Fields;
}

const SHAPES = ['$sort', '$skip', '$limit', '$count'];

/**
 * A part of MongoDB's queries for tests: numbers and strings, equal or with `$gt`, `$in`, `$exists`, `$or`; `$sort` by fields, then by id.
 * It shares no code with the library that evaluates queries in the host.
 */
export class MongoLikeDb extends MemoryDB {
  _querySync(snapshots: (Doc & {type: string | null})[], query: Fields): {snapshots: Doc[]; extra?: unknown} {
    const {$sort = {}} = query;
    const found = snapshots.filter(({type, data}) => type && fits(query, data)).sort((one, other) => inOrder($sort as Fields, one, other));
    const {results, extra} = pageOf(query, found);
    return {snapshots: results, extra};
  }

  override canPollDoc(): boolean {
    return false;
  }
}

/** The same as functions of an app, for `startHost({queries})`. */
export const matcher: OfflineQueries = {
  matches: (_collection, query: Fields, data: Fields) => fits(query, data),
  compare: (_collection, {$sort = {}}: Fields, one, other) => inOrder($sort as Fields, one as Doc, other as Doc),
  select: (_collection, query: Fields, results) => pageOf(query, results)
};

function pageOf<D>({$skip = 0, $limit = 0, $count}: Fields, found: readonly D[]): {results: D[]; extra?: unknown} {
  const page = found.slice($skip as number, $limit ? $skip + $limit : undefined);
  return $count ? {results: [], extra: page.length} : {results: page};
}

function fits(query: Fields, data: Fields): boolean {
  return Object.entries(query).every(([key, wanted]) => {
    if (SHAPES.includes(key)) return true;
    if (key === '$or') return (wanted as Fields[]).some(one => fits(one, data));
    const value: unknown = data[key];
    if (typeof wanted !== 'object') return value === wanted;
    return Object.entries(wanted as Fields).every(([operator, operand]) => {
      switch (operator) {
        case '$gt': return typeof value === typeof operand && (value as number) > operand;
        case '$in': return (operand as unknown[]).includes(value);
        case '$exists': return (value !== undefined) === operand;
        default: throw new Error(`This database does not know ${operator}`);
      }
    });
  });
}

function inOrder(sort: Fields, one: Doc, other: Doc): number {
  for (const [field, direction] of Object.entries(sort)) {
    const order = rank(one.data[field]) - rank(other.data[field]) || compare(one.data[field], other.data[field]);
    if (order) return order * direction;
  }
  return compare(one.id, other.id);
}

/** MongoDB's order of types: missing values, numbers, strings. */
const rank = (value: unknown): number => (value === undefined ? 0 : typeof value === 'number' ? 1 : 2);
const compare = (one: any, other: any): number => (one < other ? -1 : one > other ? 1 : 0);
