import {useCallback, useMemo} from 'react';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {observersOf} from './connection-observers.js';
import {useConnection} from './context.js';
import type {DocState} from './doc-observer.js';
import type {Observable} from './observer.js';
import {suspendWhile, useObservable} from './use-observable.js';

/** The options of `useDoc`. */
export interface DocOptions<Data, Selected = Data> {
  /** Computes what the component needs of the data. It renders again only when the result has changed in value. */
  select?: ((data: Data) => Selected) | undefined;
  /** Suspends while the document is loading, and throws an error to the nearest error boundary. Default false. */
  suspense?: boolean | undefined;
  /** Loads the document once instead of subscribing to it. Default false. */
  fetch?: boolean | undefined;
}

/** What `useDoc` gives. */
export interface DocResult<Data, Selected = Data> {
  /** An immutable snapshot; undefined while the document is loading, does not exist or is deleted. Never change it. */
  readonly data: Selected | undefined;
  /** The document, to submit ops to. Undefined where `id` is null. */
  readonly doc: ProxyDoc<Data> | undefined;
  /** True until the document is loaded or can't be. False where `id` is null. */
  readonly isLoading: boolean;
  /** Why it could not be loaded, or the last `error` event of the document. */
  readonly error: Error | undefined;
}

/**
 * Subscribes to a document and renders again when its data change. Parts that have not changed stay the same objects.
 *
 * All components that use the same document share one subscription. It ends 5 s after the last of them has unmounted.
 * A document that only these components use is destroyed then; one that has listeners of the app stays.
 * @param id the document's id, or null where there is none yet
 */
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
      subscribe(listener) {
        const end = observer.subscribe(listener);
        observer.load(fetch ? 'fetch' : 'subscribe');
        return end;
      }
    };
  }, [observer, fetch]);
  const toResult = useCallback((state: DocState<Data> | undefined): DocResult<Data, Selected> => {
    if (!state) return NO_DOC as DocResult<Data, Selected>;
    const {data, doc, isLoading, error} = state;
    const selected = data === undefined || !select ? (data as Selected | undefined) : select(data);
    return {data: selected, doc, isLoading, error};
  }, [select]);
  const result = useObservable(source, toResult);
  if (suspense && observer) {
    if (result.isLoading) {
      observer.startUntil(observer.loaded);
      observer.load(fetch ? 'fetch' : 'subscribe');
    }
    suspendWhile(result.isLoading, observer.loaded, result.error);
  }
  return result;
}

const NOTHING: Observable<undefined> = {getSnapshot: () => undefined, subscribe: () => () => {}};
const NO_DOC: DocResult<unknown> = {data: undefined, doc: undefined, isLoading: false, error: undefined};
