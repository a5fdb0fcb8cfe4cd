import {types as registry} from 'sharedb/lib/client/index.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import type {StoreOptions} from '../host/host.js';
import {checkOfflineQueries, type OfflineQueries} from '../host/queries/local-queries.js';
import {ConnectGate} from '../host/server/connect-gate.js';
import {connectToServer, type Authorize, type ServerUrl} from '../host/server/server-connection.js';
import type {IsTransient} from '../host/server/server-faults.js';
import type {ServerTimeouts} from '../host/server/server-watch.js';
import {browserPlatform, systemClock} from '../platform/browser.js';
import {TabsError} from '../protocol/errors.js';
import {checkNames} from '../options/option-names.js';
import {runHost} from './run-host.js';
import {checkServices} from '../services/check-services.js';
import {isLimit} from '../options/connect-options.js';
import {PendingPorts} from './pending-ports.js';
import {serviceSource, type ServicesOption} from '../services/service-source.js';
import type {ServiceOptions} from '../services/service-types.js';
import {NO_URL} from '../options/no-server.js';
import {
  isSignal, parsePortHello, parseWorkerGreeting, type WorkerFailure, type WorkerGreeting, type WorkerSignal
} from './worker-messages.js';

/** The options of `startHost`. */
export interface StartHostOptions {
  /** OT types beside json0. Tabs and worker have to know the same ones. */
  types?: Type[];
  /** The server. Without it, the first tab of a namespace says where it is. */
  url?: ServerUrl;
  /** Serve only this namespace, at once. Without it, every namespace that a tab asks for. */
  namespace?: string;
  /**
   * Keeps documents, and edits that the server has not got, over restarts; `cipher` encrypts them. Default:
   * IndexedDB, as the first tab of a namespace asks for it.
   */
  store?: StoreOptions | false;
  /**
   * What the app calls this build, e.g. '2026-11-20.2' or '1.10.3', growing with each deploy: where tabs of two
   * builds are open, the newer worker becomes the host. Without it, the first one stays.
   */
  build?: string;
  /**
   * How a tab's token gets to the server: gives the url, or the url and the WebSocket's protocols. Default: the
   * query parameter `token`.
   */
  authorize?: Authorize;
  /** Whether the server wants a token. Default: what the first tab says, by having a `getToken` or not. */
  needsToken?: boolean;
  /** How long the host waits for the server before it takes the WebSocket for dead, in ms. */
  serverTimeouts?: ServerTimeouts;
  /**
   * Whether the server could not take an op for a reason that passes, so that the op is sent again later. `undefined` leaves it to
   * the library: codes that begin with `ERR_` are refusals, other errors are faults.
   */
  isTransient?: IsTransient;
  /** Works out the results of queries without a server. Default: the server's last results are given. */
  queries?: OfflineQueries;
  /**
   * Code of the app that runs in the host and is called from every tab: functions that make an object each, by their names. They
   * are called when the first tab calls the service.
   */
  services?: ServicesOption;
  /** How the services are exposed, as for `expose` of `sharedb-tabs/remote`. */
  serviceOptions?: ServiceOptions;
  /**
   * The inspector may cut the network, slow it down, and freeze or kill this worker. For development builds: any page of the origin
   * could do it. Default false.
   */
  allowFaults?: boolean;
  /**
   * The connection to the server, where it is not a plain WebSocket at `url`: a ShareDB `Connection`. `getToken`
   * asks the tabs for a token, and rejects where none gives one.
   */
  connect?: (namespace: string, url: string | undefined, getToken: () => Promise<string>) => unknown;
}

/** So long, in ms, a worker that could start its host by itself waits for a tab's greeting. */
const GREETING_MS = 1000;
/** Every option: a type that lacks one does not compile. */
const NAMES: Record<keyof StartHostOptions, true> = {
  types: true, url: true, namespace: true, store: true, build: true, authorize: true, needsToken: true, serverTimeouts: true, isTransient: true,
  connect: true, allowFaults: true, queries: true, services: true, serviceOptions: true
};

let hasStarted = false;
/** A script that throws is told by the browser itself, in ms before this library says that it has started nothing. */
const STARTS_MS = 20;

/**
 * A script that imports `startHost` and does not get to call it: its tabs are told at once. A script that starts the host later, after
 * an `await`, loses the tabs that have connected before.
 */
function tellOfMissingStart(): void {
  const scope = globalThis as unknown as WorkerScope;
  // Not where something else is to serve the tabs.
  if (!isShared() || scope.onconnect) return;
  let thrown: string | undefined;
  // A script that a bundler runs in a promise fails by a rejection, of which the browser does not tell the page.
  globalThis.addEventListener?.('error', ({message, filename, lineno}) => { thrown ??= `${message} (${filename}:${lineno})`; });
  globalThis.addEventListener?.('unhandledrejection', ({reason}) => { thrown ??= placeOf(reason); });
  scope.onconnect = ({ports: [tab]}) => systemClock.after(STARTS_MS, () => {
    if (hasStarted) return;
    tab!.postMessage(thrown === undefined
      ? failure('idle', 'The worker\'s script has run and did not call startHost()')
      : failure('script', `The shared worker's script failed: ${thrown}`));
  });
}

/** The message, and where its stack begins. */
function placeOf(error: unknown): string {
  const {stack} = (error ?? {}) as {stack?: unknown};
  const place = typeof stack === 'string' && stack.split('\n').find(line => /:\d+:\d+\)?$/.test(line))?.trim();
  return place ? `${String(error)} (${place})` : String(error);
}

/**
 * Makes this worker the host of its tabs. Call it once, synchronously, in the script that the tabs'
 * `sharedWorker` option starts.
 * @throws ERR_TABS_BAD_OPTION where a type is not an OT type, or `store.maxAge` or `store.maxSize` not a number above 0, or `queries` no
 *   matcher, or a service not a function
 */
export function startHost(options: StartHostOptions = {}): void {
  hasStarted = true;
  checkNames('startHost', options, Object.keys(NAMES));
  for (const type of options.types ?? []) {
    if (!type || typeof type.apply !== 'function') {
      throw new TabsError('ERR_TABS_BAD_OPTION', 'startHost({types}) takes OT types, e.g. [richText.type]');
    }
    registry.register(type);
  }
  if (!isLimit((options.store || undefined)?.maxAge)) {
    throw new TabsError('ERR_TABS_BAD_OPTION', 'startHost({store: {maxAge}}) takes a number of milliseconds above 0');
  }
  if (!isLimit((options.store || undefined)?.maxSize)) {
    throw new TabsError('ERR_TABS_BAD_OPTION', 'startHost({store: {maxSize}}) takes a number of bytes above 0');
  }
  if (options.queries) checkOfflineQueries(options.queries);
  checkServices('startHost', options.services);
  const running = new Map<string, AbortController>();
  const portsByNamespace = new Map<string, PendingPorts>();
  const pendingPortsOf = (namespace: string): PendingPorts => {
    const pendingPorts = portsByNamespace.get(namespace) ?? new PendingPorts();
    portsByNamespace.set(namespace, pendingPorts);
    return pendingPorts;
  };
  const serve: Serve = greeting => {
    const {namespace, store, steal, after, cleared} = greeting;
    if (options.namespace !== undefined && namespace !== options.namespace) {
      return `This worker serves the namespace ${options.namespace} only (startHost({namespace})), and the page asks for ${namespace}`;
    }
    if (running.has(namespace) && !steal) return undefined;
    const faults = options.allowFaults ? {gate: new ConnectGate(), kill: endWorker} : undefined;
    const connect = connector(options, greeting, faults?.gate);
    if (!connect) return NO_URL;
    const end = new AbortController();
    const pendingPorts = pendingPortsOf(namespace);
    const isOurs = (): boolean => running.get(namespace) === end;
    running.set(namespace, end);
    pendingPorts.expect();
    runHost({
      namespace, place: isShared() ? 'shared-worker' : 'elected-tab', build: options.build ?? '', steal, after, cleared,
      store: options.store ?? store, isTransient: options.isTransient, queries: options.queries, services: options.services && serviceSource(options.services, options.serviceOptions), faults, locks: browserPlatform().locks, connect, signal: end.signal
    }, {
      onWaiting: () => pendingPorts.close(),
      onOpen: opened => { if (isOurs()) pendingPorts.open((hello, port) => opened.admit(hello, port)); },
      onStopped: () => {
        if (!isOurs()) return;
        running.delete(namespace);
        pendingPorts.close();
      }
    });
    return undefined;
  };
  const {namespace: own} = options;
  if (own !== undefined && (options.url || options.connect)) {
    const begin = (): unknown => serve({namespace: own, url: undefined, store: undefined, needsToken: options.needsToken ?? false, steal: false, after: 0});
    // Only the tabs know when the namespace was cleared, and what is stored from before that may not be read.
    if (options.store === false) begin();
    else systemClock.after(GREETING_MS, begin);
  }
  if (isShared()) serveTabs(serve, pendingPortsOf);
  else serveTab(serve, running);
}

function connector(
  {url: ownUrl, connect, authorize, needsToken: always, serverTimeouts: timeouts}: StartHostOptions, {namespace, url: tabsUrl, needsToken}: Omit<WorkerGreeting, 'type'>,
  gate: ConnectGate | undefined
): ((getToken: () => Promise<string>) => unknown) | undefined {
  if (connect) return getToken => connect(namespace, tabsUrl, getToken);
  const url = ownUrl ?? tabsUrl;
  if (url === undefined) return undefined;
  return getToken => connectToServer(url, {getToken: always ?? needsToken ? getToken : undefined, authorize, timeouts, gate});
}

/** As a crash would: nothing is flushed, and no tab is told. */
const endWorker = (): void => (globalThis as unknown as WorkerScope).close?.();

interface WorkerScope {
  onconnect?: ((event: {ports: readonly MessagePort[]}) => void) | null;
  addEventListener?(type: 'message', listener: (event: {data: unknown}) => void): void;
  postMessage?(message: WorkerSignal | WorkerFailure): void;
  close?(): void;
}

/** Whether this worker is shared by all tabs, or one tab's own. */
function isShared(): boolean {
  return 'onconnect' in globalThis;
}

/** @returns why this worker can't be the host */
type Serve = (greeting: Omit<WorkerGreeting, 'type'>) => string | undefined;

const failure = (kind: WorkerFailure['kind'], reason: string): WorkerFailure => ({type: 'sharedb-tabs:failed', kind, reason});

function serveTabs(serve: Serve, pendingPortsOf: (namespace: string) => PendingPorts): void {
  (globalThis as unknown as WorkerScope).onconnect = ({ports: [tab]}) => {
    let withdraw = (): void => {};
    tab!.onmessage = ({data, ports: [port]}) => {
      const greeting = parseWorkerGreeting(data);
      if (greeting) {
        const reason = serve(greeting);
        return reason === undefined ? undefined : tab!.postMessage(failure('refusal', reason));
      }
      if (isSignal(data, 'sharedb-tabs:leave')) return withdraw();
      const message = port && parsePortHello(data);
      if (!message) return undefined;
      const {namespace, hello} = message;
      const pendingPorts = pendingPortsOf(namespace);
      withdraw = () => pendingPorts.withdraw(hello.tabId);
      return pendingPorts.receive(hello, port);
    };
  };
}

function serveTab(serve: Serve, running: ReadonlyMap<string, AbortController>): void {
  const scope = globalThis as unknown as WorkerScope;
  scope.addEventListener?.('message', ({data}) => {
    const greeting = parseWorkerGreeting(data);
    const reason = greeting && serve(greeting);
    if (reason !== undefined) scope.postMessage?.(failure('refusal', reason));
    if (!isSignal(data, 'sharedb-tabs:stop')) return;
    for (const end of running.values()) end.abort();
    const tell = (): void => {
      if (running.size) systemClock.after(10, tell);
      else scope.postMessage?.({type: 'sharedb-tabs:stopped'});
    };
    tell();
  });
  scope.postMessage?.({type: 'sharedb-tabs:ready'});
}

tellOfMissingStart();
