import {useMemo} from 'react';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {Status} from '../tab/events.js';
import {useConnection} from './context.js';
import type {Observable} from './observer.js';
import {identity, useObservable} from './use-observable.js';

/** The status of the connection, with its states and mode. */
export interface ConnectionStatus extends Status {
  /** The state of the host's connection to the server: 'connecting', 'connected', 'disconnected', 'closed' or 'stopped'. */
  readonly state: string;
  /** Whether the tab reaches its host. */
  readonly hostState: ProxyConnection['hostState'];
  /** The hosting mode; undefined until it is known. */
  readonly mode: 'shared-worker' | 'elected-tab' | 'direct' | undefined;
}

/** Renders again when the connection's status, state, host state or mode changes. */
export function useStatus(): ConnectionStatus {
  const connection = useConnection();
  const source = useMemo(() => statusOf(connection), [connection]);
  return useObservable(source, identity);
}

function statusOf(connection: ProxyConnection): Observable<ConnectionStatus> {
  const take = (): ConnectionStatus => ({
    ...connection.status, state: connection.state, hostState: connection.hostState,
    mode: (connection as {mode?: ConnectionStatus['mode']}).mode
  });
  let snapshot = take();
  return {
    getSnapshot: () => snapshot,
    getServerSnapshot: () => ON_SERVER,
    subscribe(listener) {
      const change = (): void => {
        snapshot = take();
        listener();
      };
      for (const event of EVENTS) connection.on(event, change);
      // Picks up changes between the render and this subscription.
      change();
      return () => {
        for (const event of EVENTS) connection.off(event, change);
      };
    }
  };
}

/** The status of a connection that `createConnection` has just made. */
const ON_SERVER: ConnectionStatus = {
  state: 'connecting', hostState: 'connecting', mode: undefined,
  tabs: 0, pendingOps: 0, pendingDocs: 0, durable: false, pendingWrites: 0, deadLetters: 0, lastError: undefined
};

const EVENTS = ['status', 'state', 'hostState', 'mode'] as const;
