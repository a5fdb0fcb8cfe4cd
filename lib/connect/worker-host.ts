import {types as registry} from 'sharedb/lib/client/index.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import {Host, type StoreOptions} from '../host/host.js';
import {connectToServer, type ServerUrl} from '../host/server-connection.js';
import type {RealConnection} from '../host/upstream.js';
import type {Locks} from '../platform/platform.js';
import {TabsError} from '../protocol/errors.js';
import {hostLockName} from '../protocol/version.js';
import {parseWorkerGreeting, type WorkerGreeting} from './worker-greeting.js';

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
  /** The connection to the server, where it is not a plain WebSocket at `url`. */
  connect?: (namespace: string, url: string | undefined) => unknown;
}

/**
 * Makes this worker the host of its tabs. Call it once, synchronously, in the script that the tabs'
 * `sharedWorker` option starts.
 * @throws ERR_TABS_BAD_OPTION where a type is not an OT type
 */
export function startHost(options: StartHostOptions = {}): void {
  for (const type of options.types ?? []) {
    if (!type || typeof type.apply !== 'function') {
      throw new TabsError('ERR_TABS_BAD_OPTION', 'startHost({types}) takes OT types, e.g. [richText.type]');
    }
    registry.register(type);
  }
  const hosts = new Set<string>();
  const serve = ({namespace, url, store}: Omit<WorkerGreeting, 'type'>): void => {
    if (hosts.has(namespace)) return;
    if (options.namespace !== undefined && namespace !== options.namespace) return;
    const connect = connector(options, namespace, url);
    if (!connect) return;
    hosts.add(namespace);
    whenInOffice(namespace, async () => {
      const host = new Host({namespace, connection: connect(), store: options.store ?? store});
      await host.whenClosed;
      hosts.delete(namespace);
    });
  };
  if (options.namespace !== undefined && (options.url || options.connect)) {
    serve({namespace: options.namespace, url: undefined, store: undefined});
  }
  onGreeting(serve);
}

function connector(
  {url: ownUrl, connect}: StartHostOptions, namespace: string, tabsUrl: string | undefined
): (() => RealConnection) | undefined {
  if (connect) return () => connect(namespace, tabsUrl) as RealConnection;
  const url = ownUrl ?? tabsUrl;
  return url === undefined ? undefined : () => connectToServer(url);
}

/** The lock of a namespace admits one host; it is held until the host has stopped, or the worker has died. */
function whenInOffice(namespace: string, serve: () => Promise<void>): void {
  const locks = navigator.locks as Locks | undefined;
  if (locks) void locks.request(hostLockName(namespace), {mode: 'exclusive'}, serve);
  else void serve();
}

interface WorkerScope {
  onconnect?: ((event: {ports: readonly MessagePort[]}) => void) | null;
}

function onGreeting(listener: (greeting: WorkerGreeting) => void): void {
  (globalThis as unknown as WorkerScope).onconnect = ({ports: [port]}) => {
    port!.onmessage = ({data}) => {
      const greeting = parseWorkerGreeting(data);
      if (greeting) listener(greeting);
    };
  };
}
