import {Host} from '../host/host.js';
import {bindToServer, connectToServer, type ServerUrl, type SocketLike} from '../host/server-connection.js';
import type {RealConnection} from '../host/upstream.js';
import type {OpenChannel} from '../platform/platform.js';
import type {BackendOrSocket} from './options.js';

/**
 * A host in the tab itself, for this tab alone: the direct connection. It runs the same code as a shared
 * host, over channels that do not leave the page.
 */
export function startPageHost(
  server: {url: ServerUrl} | {backendOrSocket: BackendOrSocket},
  options: {namespace: string; channel: OpenChannel; warn?: ((message: string, detail: unknown) => void) | undefined}
): Host {
  const connection = 'url' in server ? connectToServer(server.url) : connectTo(server.backendOrSocket);
  return new Host({...options, connection});
}

function connectTo(backendOrSocket: BackendOrSocket): RealConnection {
  if (typeof backendOrSocket === 'function') return bindToServer(backendOrSocket());
  if ('connect' in backendOrSocket) return backendOrSocket.connect() as RealConnection;
  return bindToServer(backendOrSocket as SocketLike);
}
