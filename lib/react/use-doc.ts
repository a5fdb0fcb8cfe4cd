import {useCallback, useMemo} from 'react';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {observersOf} from './connection-observers.js';
import {useConnection} from './context.js';
import type {DocState} from './doc-observer.js';
import type {Observable} from './observer.js';
import {checkCanLoad, suspendWhile, useObservable} from './use-observable.js';

/** The options of `useDoc`. */
export interface DocOptions<Data, Selected = Data> {
  /** Computes what the component needs from the data. The component renders again only if the result has changed in value. */
  select?: ((data: Data) => Selected) | undefined;
  /** Suspends while the document is loading, and throws errors to the nearest error boundary. Default false. */
  suspense?: boolean | undefined;
  /** Loads the document once instead of subscribing to it. Default false. */
  fetch?: boolean | undefined;
}

/** The result of `useDoc`. */
export interface DocResult<Data, Selected = Data> {
  /** An immutable snapshot; undefined while the document is loading, does not exist or is deleted. Never change it. */
  readonly data: Selected | undefined;
  /** The document, for submitting ops. Undefined if `id` is null. */
  readonly doc: ProxyDoc<Data> | undefined;
  /** True until the document is loaded or has failed to load. False if `id` is null. */
  readonly isLoading: boolean;
  /** Why the document could not be loaded, or its last `error` event. */
  readonly error: Error | undefined;
}

/**
 * Subscribes to a document and renders again when its data change. Unchanged parts stay the same objects.
 *
 * All components that use the same document share one subscription. It ends 5 s after the last of them has unmounted. A document
 * that only these components use is then destroyed; a document with listeners of the app is kept.
 * @param id the document's id, or null or undefined if there is none yet
 */
export function useDoc<Data = any, Selected = Data>(
  collection: string, id: string, options?: DocOptions<Data, Selected>
): DocResult<Data, Selected> & {
  /** The document, for submitting ops. */
  readonly doc: ProxyDoc<Data>;
};
export function useDoc<Data = any, Selected = Data>(
  collection: string, id: string | null | undefined, options?: DocOptions<Data, Selected>
): DocResult<Data, Selected>;
export function useDoc<Data = any, Selected = Data>(
  collection: string, id: string | null | undefined, options: DocOptions<Data, Selected> = {}
): DocResult<Data, Selected> {
  const connection = useConnection();
  const {select, suspense = false, fetch = false} = options;
  const observer = useMemo(
    () => (id === null || id === undefined ? undefined : observersOf(connection).doc<Data>(collection, id)),
    [connection, collection, id]
  );
  const source = useMemo<Observable<DocState<Data> | undefined>>(() => {
    if (!observer) return NOTHING;
    return {
      getSnapshot: () => observer.getSnapshot(),
      getServerSnapshot: () => (suspense ? observer.getSnapshot() : observer.getServerSnapshot()),
      subscribe(listener) {
        const end = observer.subscribe(listener);
        observer.load(fetch ? 'fetch' : 'subscribe');
        return end;
      }
    };
  }, [observer, fetch, suspense]);
  const toResult = useCallback((state: DocState<Data> | undefined): DocResult<Data, Selected> => {
    if (!state) return NO_DOC as DocResult<Data, Selected>;
    const {data, doc, isLoading, error} = state;
    const selected = data === undefined || !select ? (data as Selected | undefined) : select(data);
    return {data: selected, doc, isLoading, error};
  }, [select]);
  const result = useObservable(source, toResult);
  if (suspense && observer) {
    if (result.isLoading) {
      checkCanLoad(connection);
      observer.startUntil(observer.loaded);
      observer.load(fetch ? 'fetch' : 'subscribe');
    }
    suspendWhile(result.isLoading, observer.loaded, result.error);
  }
  return result;
}

const NOTHING: Observable<undefined> = {getSnapshot: () => undefined, getServerSnapshot: () => undefined, subscribe: () => () => {}};
const NO_DOC: DocResult<unknown> = {data: undefined, doc: undefined, isLoading: false, error: undefined};
