import {Host, type StoreOptions} from '../host/host.js';
import {bindToServer, connectToServer, type ServerUrl, type SocketLike} from '../host/server-connection.js';
import type {RealConnection} from '../host/upstream.js';
import type {Locks, OpenChannel} from '../platform/platform.js';
import {hostLockName} from '../protocol/version.js';
import type {BackendOrSocket} from './options.js';

export interface PageHostOptions {
  namespace: string;
  channel: OpenChannel;
  store: StoreOptions | false | undefined;
  locks: Locks | undefined;
  warn?: ((message: string, detail: unknown) => void) | undefined;
}

/**
 * A host in the tab itself, for this tab alone: the direct connection. It runs the same code as a shared
 * host, over channels that do not leave the page. Of several tabs that connect directly, the first has the
 * store of direct connections; the others go without, and their status says so.
 */
export async function startPageHost(
  server: {url: ServerUrl} | {backendOrSocket: BackendOrSocket},
  {namespace, channel, store, locks, warn}: PageHostOptions
): Promise<Host> {
  const own = `${namespace}/direct`;
  const office = store === false || !locks ? undefined : await tryOffice(locks, own);
  const connection = 'url' in server ? connectToServer(server.url) : connectTo(server.backendOrSocket);
  const host = new Host({namespace, channel, connection, warn, store: office ? {...(store || {}), name: own} : false});
  if (office) void host.whenClosed.then(office.leave);
  return host;
}

/** @returns undefined when another tab has it */
function tryOffice(locks: Locks, namespace: string): Promise<{leave: () => void} | undefined> {
  return new Promise(resolve => {
    void locks.request(hostLockName(namespace), {ifAvailable: true}, lock => {
      if (!lock) return resolve(undefined);
      return new Promise<void>(leave => resolve({leave}));
    });
  });
}

function connectTo(backendOrSocket: BackendOrSocket): RealConnection {
  if (typeof backendOrSocket === 'function') return bindToServer(backendOrSocket());
  if ('connect' in backendOrSocket) return backendOrSocket.connect() as RealConnection;
  return bindToServer(backendOrSocket as SocketLike);
}
