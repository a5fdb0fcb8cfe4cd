import {Context} from 'mingo/core';
import * as operators from 'mingo/operators/query';
import {Query} from 'mingo/query';
import type {OfflineQueries, QueriedDoc} from '../host/queries/local-queries.js';

/** The keys beside the condition that sharedb-mongo takes and that are supported here. */
const SHAPES = new Set(['$sort', '$orderby', '$skip', '$limit', '$count']);
/** Keys with `$` that belong to the condition. */
const CONDITIONS = new Set(['$and', '$or', '$nor']);
/** The fields in which sharedb-mongo stores a document's type, version, metadata and last op. They are not part of its data. */
const STORED_FIELDS = /^_(type|v|m|o)(\.|$)/;

type Sort = Record<string, 1 | -1>;

interface Parsed {
  condition: Query;
  sort: Sort | undefined;
  skip: number;
  limit: number;
  count: boolean;
}

type Fields = Record<string, unknown>;

const context = Context.init({query: operators as never});

/**
 * A matcher for queries as `sharedb-mongo` takes them, for `startHost({queries: mongoQueries()})`. Supports conditions, and
 * `$sort`, `$skip`, `$limit`, `$count`. For other queries, such as `$aggregate` and `$text`, the host returns the server's last
 * results. Mongo does not define the order of documents that `$sort` considers equal; here it is by id.
 */
export function mongoQueries(): OfflineQueries {
  const known = new WeakMap<object, Parsed | undefined>();
  const parsed = (query: unknown): Parsed | undefined => {
    if (!isObject(query)) return undefined;
    if (!known.has(query)) known.set(query, parse(query as Fields));
    return known.get(query);
  };
  return {
    matches(_collection, query, data, id) {
      return parsed(query)?.condition.test(asStored({id, data}));
    },
    select(_collection, query, results) {
      const found = parsed(query);
      if (!found) return undefined;
      const {condition, sort, skip, limit, count} = found;
      const byFields = new Map(results.map(doc => [asStored(doc), doc]));
      const stored = [...byFields.keys()];
      const sorted = sort ? condition.find<Fields>(stored).sort(sort).all() : stored;
      const page = sorted.slice(skip, limit ? skip + limit : undefined);
      // Like a cursor in sharedb-mongo, `$count` counts after `$skip` and `$limit`.
      return count ? {results: [], extra: page.length} : {results: page.map(fields => byFields.get(fields)!)};
    }
  };
}

function parse(query: Fields): Parsed | undefined {
  const shape: Fields = {};
  const condition: Fields = {};
  for (const [key, value] of Object.entries(query)) {
    if (SHAPES.has(key)) shape[key] = value;
    else if (key.startsWith('$') && !CONDITIONS.has(key)) {
      if (key !== '$comment') return undefined;
    } else condition[key] = value;
  }
  const {$sort, $orderby, $skip, $limit, $count} = shape;
  const [sort, skip, limit] = [$sort ?? $orderby ?? undefined, $skip ?? 0, $limit ?? 0];
  if (!isSort(sort) || !isCount(skip) || !isCount(limit) || readsStoredFields(condition)) return undefined;
  return {condition: new Query(condition, {context}), sort, skip, limit, count: !!$count};
}

function isSort(sort: unknown): sort is Sort | undefined {
  if (sort === undefined) return true;
  return isObject(sort) && Object.entries(sort).every(([field, direction]) => (direction === 1 || direction === -1) && !STORED_FIELDS.test(field));
}

function readsStoredFields(condition: unknown): boolean {
  if (!isObject(condition)) return false;
  return Object.entries(condition).some(([key, value]) => (
    STORED_FIELDS.test(key) || (CONDITIONS.has(key) && Array.isArray(value) && value.some(readsStoredFields))
  ));
}

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** A document as sharedb-mongo stores it: the fields of an object beside the id, any other data as `_data`. */
function asStored({id, data}: QueriedDoc): Fields {
  return {...(isObject(data) ? data : {_data: data}), _id: id};
}
