import {createContext, createElement, useContext, type ReactElement, type ReactNode} from 'react';
import type {ProxyConnection} from '../tab/proxy-connection.js';

const ConnectionContext = createContext<ProxyConnection | undefined>(undefined);

/**
 * Provides a connection to all components below it.
 * @param props.connection the result of `createConnection`. Create it once, outside of any component.
 */
export function ConnectionProvider({connection, children}: {connection: ProxyConnection; children?: ReactNode}): ReactElement {
  return createElement(ConnectionContext.Provider, {value: connection}, children);
}

/**
 * A component that uses members of the result of `createConnection`, such as `mode`, names its type: `useConnection<TabConnection>()`.
 * @returns the connection of the nearest {@link ConnectionProvider}
 * @throws Error if there is no provider above the component
 */
export function useConnection<Provided extends ProxyConnection = ProxyConnection>(): Provided {
  const connection = useContext(ConnectionContext);
  if (!connection) throw new Error('sharedb-tabs/react: no connection. Put <ConnectionProvider connection={…}> above this component.');
  return connection as Provided;
}
