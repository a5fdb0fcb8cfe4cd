import {useMemo} from 'react';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {useConnection} from './context.js';
import type {Observable} from './observer.js';
import {identity, useObservable} from './use-observable.js';

/**
 * Whether the server has acknowledged all edits.
 * @param doc checks this tab's edits of one document. Without it: the edits of all tabs in all documents.
 */
export function useSaved(doc?: ProxyDoc): boolean {
  const connection = useConnection();
  const source = useMemo(() => (doc ? savedDoc(doc) : savedAll(connection)), [doc, connection]);
  return useObservable(source, identity);
}

function savedDoc(doc: ProxyDoc): Observable<boolean> {
  return {
    getSnapshot: () => !doc.hasWritePending(),
    getServerSnapshot: () => true,
    subscribe(listener) {
      for (const event of DOC_EVENTS) doc.on(event, listener);
      return () => {
        for (const event of DOC_EVENTS) doc.off(event, listener);
      };
    }
  };
}

function savedAll(connection: ProxyConnection): Observable<boolean> {
  return {
    getSnapshot: () => connection.status.pendingOps === 0 && !connection.hasWritePending(),
    getServerSnapshot: () => true,
    subscribe(listener) {
      let isOver = false;
      // An op makes the connection send. The status may report the acknowledgement before this tab's document has it.
      const onSend = (): void => {
        listener();
        if (connection.hasWritePending()) connection.whenNothingPending(() => { if (!isOver) listener(); });
      };
      connection.on('send', onSend);
      connection.on('status', listener);
      return () => {
        isOver = true;
        connection.off('send', onSend);
        connection.off('status', listener);
      };
    }
  };
}

const DOC_EVENTS = ['op', 'create', 'del', 'load', 'no write pending', 'nothing pending'] as const;
