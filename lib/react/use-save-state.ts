import {useMemo} from 'react';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {SaveState} from '../tab/doc/save-states.js';
import {useConnection} from './context.js';
import type {Observable} from './observer.js';
import {identity, useObservable} from './use-observable.js';

/**
 * Whether the edits of a document are saved: 'saved', 'local', 'unsaved' or 'refused'.
 * @param doc the document. Without it: the worst state of all documents.
 */
export function useSaveState(doc?: ProxyDoc): SaveState {
  const connection = useConnection();
  const source = useMemo(() => stateOf(doc ?? connection), [doc, connection]);
  return useObservable(source, identity);
}

function stateOf(owner: ProxyDoc | ProxyConnection): Observable<SaveState> {
  const emitter = owner as ProxyConnection;
  return {
    getSnapshot: () => owner.saveState,
    getServerSnapshot: () => 'saved',
    subscribe(listener) {
      emitter.on('saveState', listener);
      return () => void emitter.off('saveState', listener);
    }
  };
}
