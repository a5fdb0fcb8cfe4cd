import {ConnectGate, type FaultAccess} from '../host/server/connect-gate.js';
import {Host, type StoreOptions} from '../host/host.js';
import {bindToServer, connectToServer, type Authorize, type ServerUrl, type SocketLike} from '../host/server/server-connection.js';
import type {OfflineQueries} from '../host/queries/local-queries.js';
import type {IsTransient} from '../host/server/server-faults.js';
import type {ServerTimeouts} from '../host/server/server-watch.js';
import type {RealConnection} from '../host/upstream.js';
import type {Locks, OpenChannel} from '../platform/platform.js';
import type {Clearing} from '../protocol/clearing.js';
import {hostLockName} from '../protocol/version.js';
import {runHost, type RunHostOptions} from './run-host.js';
import {checkServices} from '../services/check-services.js';
import type {BackendOrSocket, ConnectOptions} from '../options/connect-options.js';
import {serviceSource} from '../services/service-source.js';

/** The parts of the app that a host in a page needs. */
export type HostedApp = Pick<ConnectOptions, 'services' | 'serviceOptions' | 'allowFaults'>;

export {ReturnToSharedHost} from './return-to-shared-host.js';

/** The server that a host in the page connects to. */
export type Server =
  | {url: ServerUrl; needsToken: boolean; authorize: Authorize | undefined; serverTimeouts: ServerTimeouts | undefined}
  | {backendOrSocket: BackendOrSocket};

export interface DirectHostOptions {
  namespace: string;
  channel: OpenChannel;
  store: StoreOptions | false | undefined;
  locks: Locks | undefined;
  cleared: Clearing | undefined;
  isCleared: (() => boolean) | undefined;
  isTransient?: IsTransient | undefined;
  queries?: OfflineQueries | undefined;
  /** The app whose services the host runs. */
  app: HostedApp;
  warn?: ((message: string, detail: unknown) => void) | undefined;
}

/**
 * Starts a host in the tab itself, for this tab alone: the direct connection. It runs the same code as a shared host, over
 * channels inside the page. The first tab that connects directly gets the store for direct connections. Other such tabs have no
 * store, and their status says so.
 */
export async function startDirectHost(
  server: Server, {namespace, channel, store, locks, isTransient, queries, app, warn, cleared, isCleared}: DirectHostOptions
): Promise<Host> {
  const own = `${namespace}/direct`;
  const databaseLock = store === false || !locks ? undefined : await tryDatabaseLock(locks, own);
  const faults = faultsOf(app);
  const host: Host = new Host({
    namespace, channel, faults, connection: connectTo(server, () => host.token(), faults?.gate), isTransient, queries, services: servicesOf(app), warn,
    cleared, isCleared,
    store: databaseLock ? {...(store || {}), name: own} : false
  });
  if (databaseLock) void host.whenClosed.then(databaseLock.leave);
  return host;
}

/** Starts a host in the page of an elected tab, for all tabs. */
export function startElectedHost(server: Server, {app, ...options}: Omit<RunHostOptions, 'connect' | 'place' | 'services' | 'faults'> & {app: HostedApp}): void {
  const faults = faultsOf(app);
  runHost({...options, faults, services: servicesOf(app), place: 'elected-tab', connect: getToken => connectTo(server, getToken, faults?.gate)});
}

const faultsOf = ({allowFaults}: HostedApp): FaultAccess | undefined => (allowFaults ? {gate: new ConnectGate()} : undefined);

function servicesOf({services, serviceOptions}: HostedApp): RunHostOptions['services'] {
  checkServices('createConnection', services);
  return services && serviceSource(services, serviceOptions);
}

/** @returns undefined if another tab holds the lock, or if this page can't use locks */
function tryDatabaseLock(locks: Locks, namespace: string): Promise<{leave: () => void} | undefined> {
  return new Promise(resolve => {
    locks.request(hostLockName(namespace), {ifAvailable: true}, lock => {
      if (!lock) return resolve(undefined);
      return new Promise<void>(leave => resolve({leave}));
    }).catch(() => resolve(undefined));
  });
}

function connectTo(server: Server, getToken: () => Promise<string>, gate: ConnectGate | undefined): RealConnection {
  if ('url' in server) {
    const {url, needsToken, authorize, serverTimeouts: timeouts} = server;
    return connectToServer(url, {getToken: needsToken ? getToken : undefined, authorize, timeouts, gate});
  }
  const {backendOrSocket} = server;
  if (typeof backendOrSocket === 'function') return bindToServer(backendOrSocket());
  if ('connect' in backendOrSocket) return backendOrSocket.connect() as RealConnection;
  return bindToServer(backendOrSocket as SocketLike);
}
