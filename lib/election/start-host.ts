import {types as registry} from 'sharedb/lib/client/index.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import {
  checkServerTimeouts, checkStoreOptions, checkValues, IS_FLAG, IS_NAME, IS_STORE, IS_TRANSIENT
} from '../host/check-options.js';
import type {Host, StoreOptions} from '../host/host.js';
import {checkOfflineQueries, type OfflineQueries} from '../host/queries/local-queries.js';
import {ConnectGate} from '../host/server/connect-gate.js';
import {connectToServer, type Authorize, type ServerUrl} from '../host/server/server-connection.js';
import type {IsTransient} from '../host/server/server-faults.js';
import type {ServerTimeouts} from '../host/server/server-watch.js';
import {browserPlatform, systemClock} from '../platform/browser.js';
import {isFunction, type OptionCheck} from '../platform/option-checks.js';
import {isLater, type Clearing} from '../protocol/clearing.js';
import {isObject, isText} from '../protocol/checks.js';
import {AT_ONCE} from './host-provider.js';
import {OptionWarnings} from './option-differences.js';
import {parseTabOptions} from './option-exchange.js';
import {runHost} from './run-host.js';
import {checkServices} from '../services/check-services.js';
import {PendingPorts} from './pending-ports.js';
import {serviceSource, type ServicesOption} from '../services/service-source.js';
import type {ServiceOptions} from '../services/service-types.js';
import {NO_URL} from '../options/no-server.js';
import {
  isSignal, parsePortHello, parseWorkerGreeting, type WorkerFailure, type WorkerGreeting, type WorkerSignal
} from './worker-messages.js';

/** The options of `startHost`. */
export interface StartHostOptions {
  /** OT types in addition to json0. The tabs and the worker must register the same ones. */
  types?: Type[];
  /** The server's WebSocket URL. If missing, the first tab of a namespace supplies it. */
  url?: ServerUrl;
  /** The only namespace to serve. If missing, the worker serves each namespace that a tab asks for. */
  namespace?: string;
  /**
   * The options of the store, which keeps documents and unsent edits across restarts, or false for none. `cipher` encrypts what is
   * stored. Default: IndexedDB, with the options of the first tab of a namespace.
   */
  store?: StoreOptions | false;
  /**
   * The app's name for this build, for example '2026-11-20.2' or '1.10.3'. It must increase with each deployment: if tabs of two
   * builds are open, the newer worker becomes the host. If missing, the first host stays.
   */
  build?: string;
  /**
   * Adds a tab's token to the request for the WebSocket. Returns the URL, or the URL and the WebSocket's subprotocols. Default: the
   * token becomes the query parameter `token`.
   */
  authorize?: Authorize;
  /** Whether the server requires a token. Default: whether the first tab has a `getToken`. */
  needsToken?: boolean;
  /** How long the host waits for the server before it considers the WebSocket dead, in ms. */
  serverTimeouts?: ServerTimeouts;
  /**
   * Returns whether an error of the server is a temporary fault, so that the op is sent again later. If it returns `undefined`, the
   * library decides: errors with a code of a network or database are faults, and so are a driver's errors about lost connections.
   * All others are refusals.
   */
  isTransient?: IsTransient;
  /** Computes the results of queries while the server is unreachable. Default: the server's last results are used. */
  queries?: OfflineQueries;
  /**
   * The app's services, which run in the host and which each tab can call: by name, functions that create them. A function runs when
   * the first tab calls its service.
   */
  services?: ServicesOption;
  /** How the services are exposed, with the options of `expose` from `sharedb-tabs/remote`. */
  serviceOptions?: ServiceOptions;
  /**
   * Whether the inspector may cut the network, slow it down, and freeze or kill this worker. Only for development builds, because
   * any page of the origin can do this. Default false.
   */
  allowFaults?: boolean;
  /**
   * Creates the connection to the server, instead of a WebSocket to `url`. Returns a ShareDB `Connection`. `url` is the first tab's.
   * `getToken` asks the tabs for a token, and rejects if no tab supplies one.
   */
  connect?: (namespace: string, url: string | undefined, getToken: () => Promise<string>) => unknown;
}

/** A host of this worker, which may still be waiting for the host lock. */
interface Running {
  end: AbortController;
  /** The last clearing before its start, as the tab's greeting gave it. The host's database may have a later one. */
  cleared: Clearing | undefined;
  /** Warns of options of other tabs. */
  warnings: OptionWarnings;
  /** Set when the host accepts tabs. */
  host?: Host;
}

/** How long a worker that can start its host without a tab waits for a tab's greeting, in ms. */
const GREETING_MS = 1000;
/** For each option: the expected value. The type check fails if a name is missing here. */
const CHECKS: Record<keyof StartHostOptions, OptionCheck> = {
  types: ['an array of OT types, e.g. [richText.type]', types => Array.isArray(types) && types.every(type => isFunction(type?.apply))],
  url: ['a non-empty string or a function that returns one', url => (url && isText(url)) || isFunction(url)],
  namespace: IS_NAME, store: IS_STORE, build: ['a string', isText], authorize: ['a function of url and token', isFunction], needsToken: IS_FLAG,
  serverTimeouts: ['an object with options', isObject], isTransient: IS_TRANSIENT, allowFaults: IS_FLAG, serviceOptions: ['an object', isObject],
  connect: ['a function that returns a ShareDB Connection', isFunction],
  // These have checks of their own.
  queries: ['', () => true], services: ['', () => true]
};

let hasStarted = false;
/**
 * Delay before this library reports that the script has started no host, in ms. If the script throws, the browser's report is
 * faster.
 */
const STARTS_MS = 20;

/**
 * Notifies the tabs if the script imports `startHost` and ends without calling it. A call that follows later, for example after an
 * `await`, does not serve the tabs that connected before.
 */
function warnOfMissingStart(): void {
  const scope = globalThis as unknown as WorkerScope;
  // If the script has set a handler, it serves the tabs itself.
  if (!isShared() || scope.onconnect) return;
  let thrown: string | undefined;
  // If a bundler runs the script in a promise, an error becomes a rejection, which the browser does not report to the page.
  globalThis.addEventListener?.('error', ({message, filename, lineno}) => { thrown ??= `${message} (${filename}:${lineno})`; });
  globalThis.addEventListener?.('unhandledrejection', ({reason}) => { thrown ??= placeOf(reason); });
  scope.onconnect = ({ports: [tab]}) => systemClock.after(STARTS_MS, () => {
    if (hasStarted) return;
    tab!.postMessage(thrown === undefined
      ? failure('idle', 'The worker\'s script has run and did not call startHost()')
      : failure('script', `The shared worker's script failed: ${thrown}`));
  });
}

/** Returns the error's message and the first position in its stack. */
function placeOf(error: unknown): string {
  const {stack} = (error ?? {}) as {stack?: unknown};
  const place = typeof stack === 'string' && stack.split('\n').find(line => /:\d+:\d+\)?$/.test(line))?.trim();
  return place ? `${String(error)} (${place})` : String(error);
}

/**
 * Makes this worker the host of its tabs. Call it once and synchronously, in the script that the tabs' option `sharedWorker` or
 * `worker` starts.
 * @throws ERR_TABS_BAD_OPTION if an option is unknown or has a wrong value
 */
export function startHost(options: StartHostOptions = {}): void {
  hasStarted = true;
  checkValues('startHost', options, CHECKS);
  checkStoreOptions('startHost', options.store);
  checkServerTimeouts('startHost', options.serverTimeouts);
  for (const type of options.types ?? []) registry.register(type);
  if (options.queries !== undefined) checkOfflineQueries(options.queries);
  checkServices('startHost', options.services, options.serviceOptions);
  const running = new Map<string, Running>();
  const portsByNamespace = new Map<string, PendingPorts>();
  const pendingPortsOf = (namespace: string): PendingPorts => {
    const pendingPorts = portsByNamespace.get(namespace) ?? new PendingPorts();
    portsByNamespace.set(namespace, pendingPorts);
    return pendingPorts;
  };
  const serve: Serve = greeting => {
    const {namespace, store, steal, after, cleared} = greeting;
    if (options.namespace !== undefined && namespace !== options.namespace) {
      return `This worker serves only the namespace ${options.namespace} (startHost({namespace})), and the page asks for ${namespace}`;
    }
    const current = running.get(namespace);
    if (current?.host?.isClearing && !steal) {
      // The current host deletes the databases and closes. A host that started earlier would lose its data.
      void current.host.whenClosed.then(() => serve(greeting));
      return undefined;
    }
    // A host that started before the last clearing may have data of another user.
    const isOutdated = !!current && isLater(cleared, current.host?.cleared ?? current.cleared);
    if (current && !isOutdated && !steal) {
      current.warnings.compare(greeting);
      return undefined;
    }
    const faults = options.allowFaults ? {gate: new ConnectGate(), kill: endWorker} : undefined;
    const connect = connector(options, greeting, faults?.gate);
    if (!connect) return NO_URL;
    const end = new AbortController();
    const pendingPorts = pendingPortsOf(namespace);
    const isOurs = (): boolean => running.get(namespace)?.end === end;
    const run: Running = {end, cleared, warnings: new OptionWarnings(options, greeting)};
    running.set(namespace, run);
    pendingPorts.expect();
    if (isOutdated) current.end.abort(AT_ONCE);
    runHost({
      namespace, place: isShared() ? 'shared-worker' : 'elected-tab', build: options.build ?? '', steal, after, cleared,
      store: options.store ?? store, isTransient: options.isTransient, queries: options.queries, services: options.services && serviceSource(options.services, options.serviceOptions), faults, locks: browserPlatform().locks, connect, signal: end.signal
    }, {
      onWaiting: () => pendingPorts.close(),
      onOpen: opened => {
        run.host = opened;
        run.warnings.open(opened);
        if (isOurs()) pendingPorts.open((hello, port) => opened.admit(hello, port));
      },
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
    // Data from before the last clearing must not be read, and only a tab's greeting has the mark of that clearing.
    if (options.store === false) begin();
    else systemClock.after(GREETING_MS, begin);
  }
  if (isShared()) serveTabs(serve, pendingPortsOf);
  else serveTab(serve, running);
}

function connector(
  {url: ownUrl, connect, authorize, needsToken: always, serverTimeouts: timeouts}: StartHostOptions, {namespace, url: tabsUrl, needsToken}: GreetingContent,
  gate: ConnectGate | undefined
): ((getToken: () => Promise<string>) => unknown) | undefined {
  if (connect) return getToken => connect(namespace, tabsUrl, getToken);
  const url = ownUrl ?? tabsUrl;
  if (url === undefined) return undefined;
  return getToken => connectToServer(url, {getToken: always ?? needsToken ? getToken : undefined, authorize, timeouts, gate});
}

/** Ends the worker as a crash would: nothing is flushed, and no tab is notified. */
const endWorker = (): void => (globalThis as unknown as WorkerScope).close?.();

interface WorkerScope {
  onconnect?: ((event: {ports: readonly MessagePort[]}) => void) | null;
  addEventListener?(type: 'message', listener: (event: {data: unknown}) => void): void;
  postMessage?(message: WorkerSignal | WorkerFailure): void;
  close?(): void;
}

/** Whether this is a shared worker, not the dedicated worker of a tab. */
function isShared(): boolean {
  return 'onconnect' in globalThis;
}

/** Handles a tab's greeting. @returns the reason why this worker can't be the host; undefined if it can */
type Serve = (greeting: GreetingContent) => string | undefined;

type GreetingContent = Omit<WorkerGreeting, 'type'>;

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

function serveTab(serve: Serve, running: ReadonlyMap<string, Pick<Running, 'end' | 'warnings'>>): void {
  const scope = globalThis as unknown as WorkerScope;
  scope.addEventListener?.('message', ({data}) => {
    const greeting = parseWorkerGreeting(data);
    const reason = greeting && serve(greeting);
    if (reason !== undefined) scope.postMessage?.(failure('refusal', reason));
    const ofOther = parseTabOptions(data);
    if (ofOther) running.get(ofOther.namespace)?.warnings.compare(ofOther);
    if (!isSignal(data, 'sharedb-tabs:stop')) return;
    for (const {end} of running.values()) end.abort();
    const confirm = (): void => {
      if (running.size) systemClock.after(10, confirm);
      else scope.postMessage?.({type: 'sharedb-tabs:stopped'});
    };
    confirm();
  });
  scope.postMessage?.({type: 'sharedb-tabs:ready'});
}

warnOfMissingStart();
