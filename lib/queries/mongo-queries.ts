import {Context} from 'mingo/core';
import * as operators from 'mingo/operators/query';
import {Query} from 'mingo/query';
import type {OfflineQueries, QueriedDoc} from '../host/queries/local-queries.js';

/** What sharedb-mongo takes beside the condition, and what is done with it here. Of other such keys the result is not known. */
const SHAPES = new Set(['$sort', '$orderby', '$skip', '$limit', '$count']);
/** Of keys with `$`, these belong to the condition. */
const CONDITIONS = new Set(['$and', '$or', '$nor', '$not', '$comment']);

interface Parsed {
  condition: Query;
  sort: Record<string, 1 | -1> | undefined;
  skip: number;
  limit: number;
  count: boolean;
}

type Fields = Record<string, unknown>;

const context = Context.init({query: operators as never});

/**
 * Queries as `sharedb-mongo` takes them, for `startHost({queries: mongoQueries()})`: conditions, and `$sort`, `$skip`, `$limit`,
 * `$count`. Of others, such as `$aggregate` and `$text`, the server's last results are given. What Mongo leaves open, the order of
 * documents that `$sort` takes for equal, is by id here.
 */
export function mongoQueries(): OfflineQueries {
  const known = new WeakMap<object, Parsed | undefined>();
  const parsed = (query: unknown): Parsed | undefined => {
    if (!query || typeof query !== 'object') return undefined;
    if (!known.has(query)) known.set(query, parse(query as Fields));
    return known.get(query);
  };
  return {
    matches(_collection, query, data, id) {
      return parsed(query)?.condition.test(asStored({id, data}));
    },
    select(_collection, query, results) {
      const {condition, sort, skip, limit, count} = parsed(query)!;
      const byFields = new Map(results.map(doc => [asStored(doc), doc]));
      const stored = [...byFields.keys()];
      const sorted = sort ? condition.find<Fields>(stored).sort(sort).all() : stored;
      const page = sorted.slice(skip, limit ? skip + limit : undefined);
      // What a cursor counts is what it would give.
      return count ? {results: [], extra: page.length} : {results: page.map(fields => byFields.get(fields)!)};
    }
  };
}

function parse(query: Fields): Parsed | undefined {
  const shape: Fields = {};
  const condition: Fields = {};
  for (const [key, value] of Object.entries(query)) {
    if (SHAPES.has(key)) shape[key] = value;
    else if (key.startsWith('$') && !CONDITIONS.has(key)) return undefined;
    else condition[key] = value;
  }
  const {$sort, $orderby, $skip, $limit, $count} = shape;
  return {
    condition: new Query(condition, {context}),
    sort: ($sort ?? $orderby) as Parsed['sort'],
    skip: Number($skip ?? 0),
    limit: Number($limit ?? 0),
    count: !!$count
  };
}

/** As sharedb-mongo stores it: the fields of objects beside the id, anything else as `_data`. */
function asStored({id, data}: QueriedDoc): Fields {
  const isObject = typeof data === 'object' && data !== null && !Array.isArray(data);
  return {...(isObject ? data : {_data: data}), _id: id};
}
