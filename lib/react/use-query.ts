import {useMemo} from 'react';
import type {QueryOptions} from '../tab/query.js';
import {observersOf} from './connection-observers.js';
import {useConnection} from './context.js';
import type {Observable} from './observer.js';
import type {QueryState} from './query-observer.js';
import {checkCanLoad, identity, suspendWhile, useObservable} from './use-observable.js';

/** The options of `useQuery`. */
export interface UseQueryOptions {
  /** Suspends while the query is loading, and throws errors to the nearest error boundary. Default false. */
  suspense?: boolean | undefined;
  /** Loads the results once and does not follow them. Default false. */
  fetch?: boolean | undefined;
  /** Options for the server's database adapter. */
  query?: QueryOptions | undefined;
}

/**
 * Subscribes to a query and renders again when its results change: the set of documents, their order, or their data.
 *
 * Components with an equal query share it. `query` may be a new object at each render: it is compared as JSON.
 */
export function useQuery<Data = any>(collection: string, query: unknown, options: UseQueryOptions = {}): QueryState<Data> {
  const connection = useConnection();
  const {suspense = false, fetch = false} = options;
  const key = JSON.stringify([query, options.query ?? {}]);
  const observer = useMemo(() => {
    const [query, queryOptions] = JSON.parse(key) as [unknown, QueryOptions];
    return observersOf(connection).query<Data>(collection, query, queryOptions, fetch);
  }, [connection, collection, key, fetch]);
  const source = useMemo<Observable<QueryState<Data>>>(() => {
    const {subscribe} = observer;
    const getSnapshot = (): QueryState<Data> => observer.getSnapshot();
    return suspense ? {subscribe, getSnapshot, getServerSnapshot: getSnapshot} : observer;
  }, [observer, suspense]);
  const state = useObservable(source, identity<QueryState<Data>>);
  if (suspense) {
    if (state.isLoading) {
      checkCanLoad(connection);
      observer.startUntil(observer.loaded);
    }
    suspendWhile(state.isLoading, observer.loaded, state.error);
  }
  return state;
}
