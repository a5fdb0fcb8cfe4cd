import {ConnectGate, type FaultAccess} from '../host/server/connect-gate.js';
import {Host} from '../host/host.js';
import {bindToServer, connectToServer, type Authorize, type ServerUrl, type SocketLike} from '../host/server/server-connection.js';
import type {ServerTimeouts} from '../host/server/server-watch.js';
import type {RealConnection} from '../host/upstream.js';
import type {Clock, Locks, OpenChannel} from '../platform/platform.js';
import type {Beginning, Clearing} from '../protocol/clearing.js';
import {TabsError} from '../protocol/errors.js';
import {warning} from '../protocol/warnings.js';
import {hostLockName} from '../protocol/version.js';
import {OptionWarnings} from './option-differences.js';
import {runHost, type RunHostOptions} from './run-host.js';
import {checkServices} from '../services/check-services.js';
import type {BackendOrSocket, ConnectOptions} from '../options/connect-options.js';
import {NO_URL} from '../options/no-server.js';
import {absoluteServerUrl} from '../options/server-url.js';
import type {TabOptions, WorkerGreeting} from './worker-messages.js';
import {serviceSource} from '../services/service-source.js';

/** The server that a host in the page connects to. */
export type Server =
  | {url: ServerUrl; needsToken: boolean; authorize: Authorize | undefined; serverTimeouts: ServerTimeouts | undefined}
  | {backendOrSocket: BackendOrSocket};

/** A tab whose page may run a host. */
export interface HostingTab {
  readonly namespace: string;
  readonly options: ConnectOptions;
  readonly backendOrSocket: BackendOrSocket | undefined;
  readonly clock: Clock;
  readonly locks: Locks | undefined;
  readonly mark: Mark | undefined;
}

/** The mark of the last clearing. */
interface Mark {
  readonly own: Beginning;
  read(): Clearing | undefined;
  /** Writes a mark if there is none or an earlier one. @returns whether the namespace was cleared after the tab began */
  merge(cleared?: Clearing): boolean;
}

/**
 * Returns the server that the options name.
 * @param what the part that needs the server, for the error's message
 * @throws ERR_TABS_NO_HOST if the options name no server
 */
export function serverOf({options, backendOrSocket}: HostingTab, what: string): Server {
  const {url, getToken, authorize, serverTimeouts} = options;
  if (backendOrSocket) return {backendOrSocket};
  if (url !== undefined) return {url: absoluteServerUrl(url), needsToken: !!getToken, authorize, serverTimeouts};
  throw new TabsError('ERR_TABS_NO_HOST', `${what}, this tab needs a url, a backend or a socket. ${NO_URL}`);
}

/**
 * Starts the host of a direct connection: in the page, for this tab alone. It runs the same code as a shared host, over channels
 * within the page. The first tab that connects directly uses the store for direct connections. Other such tabs have no store, which
 * `status.durable` shows.
 * @param channel opens channels within the page
 */
export async function startDirectHost(server: Server, {namespace, options, locks, mark}: HostingTab, channel: OpenChannel): Promise<Host> {
  const {store, isTransient, queries, warn} = options;
  const own = `${namespace}/direct`;
  const databaseLock = store === false || !locks ? undefined : await tryDatabaseLock(locks, own);
  const faults = faultsOf(options);
  const host: Host = new Host({
    namespace, channel, faults, connection: connectTo(server, () => host.token(), faults?.gate), isTransient, queries, services: servicesOf(options), warn,
    cleared: mark?.read(), isCleared: last => !!mark?.merge(last),
    store: databaseLock ? {...(store || {}), name: own} : false
  });
  if (databaseLock) void host.whenClosed.then(databaseLock.leave);
  return host;
}

/**
 * Starts a host for all tabs in the page of an elected tab. It stops when the signal aborts.
 * @param trouble why the worker of the option `worker` is not the host, for a warning
 * @returns a function that compares another tab's options with those of the host
 */
export function startElectedHost(
  tab: HostingTab, greeting: WorkerGreeting, signal: AbortSignal, trouble: string | undefined
): (given: TabOptions) => void {
  const {steal, after, cleared} = greeting;
  const {namespace, options, clock, locks, mark} = tab;
  const {store, warn, channel, isTransient, queries, build = ''} = options;
  // eslint-disable-next-line no-console
  if (trouble) (warn ?? console.warn)(warning('WARN_TABS_WORKER', 'the worker of the option worker is not used, and this page is the host'), trouble);
  const server = serverOf(tab, 'as a host');
  const faults = faultsOf(options);
  const warnings = new OptionWarnings({}, greeting);
  runHost({
    namespace, build, steal, after, signal, store, isTransient, queries, warn, channel, clock, cleared, locks, faults, isCleared: last => !!mark?.merge(last),
    services: servicesOf(options), place: 'elected-tab', connect: getToken => connectTo(server, getToken, faults?.gate)
  }, {onOpen: host => warnings.open(host)});
  return given => warnings.compare(given);
}

const faultsOf = ({allowFaults}: ConnectOptions): FaultAccess | undefined => (allowFaults ? {gate: new ConnectGate()} : undefined);

function servicesOf({services, serviceOptions}: ConnectOptions): RunHostOptions['services'] {
  checkServices('createConnection', services, serviceOptions);
  return services && serviceSource(services, serviceOptions);
}

/** @returns a function `leave` that releases the lock; undefined if another tab holds the lock or the page can't use locks */
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
  if (typeof (backendOrSocket as {get?: unknown}).get === 'function') {
    throw new TabsError('ERR_TABS_BAD_OPTION', 'createConnection takes a ShareDB backend or a WebSocket, and not a ShareDB Connection');
  }
  if ('connect' in backendOrSocket) return backendOrSocket.connect() as RealConnection;
  return bindToServer(backendOrSocket as SocketLike);
}
