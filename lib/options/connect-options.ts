import type {Authorize, ServerUrl, SocketLike} from '../host/server/server-connection.js';
import type {IsTransient} from '../host/server/server-faults.js';
import type {OfflineQueries} from '../host/queries/local-queries.js';
import type {ServerTimeouts} from '../host/server/server-watch.js';
import {isFlag, isFunction, wrongValue, type OptionCheck} from '../platform/option-checks.js';
import type {Locks, OpenChannel} from '../platform/platform.js';
import {isObject, isText} from '../protocol/checks.js';
import {checkNames} from './option-names.js';
import {DEBUG_SCOPES, parseScopes} from '../protocol/debug.js';
import {TabsError} from '../protocol/errors.js';
import type {StoreDurability} from '../protocol/store-durability.js';
import type {ServicesOption} from '../services/service-source.js';
import type {ServiceOptions} from '../services/service-types.js';

/** How a tab reaches the server: through a worker that all tabs share, through a host in one of the tabs, or with its own connection. */
export type Mode = 'shared-worker' | 'elected-tab' | 'direct';

/** The options of `createConnection`. */
export interface ConnectOptions {
  /**
   * The URL of the ShareDB server's WebSocket. Relative URLs are resolved against the page's URL. A host in a page calls a function at
   * each connection attempt. For a host in a worker, the page calls it once, and the worker keeps the result of the page that started its
   * host. So use `getToken` for tokens, or `url` of `startHost`.
   */
  url?: ServerUrl | undefined;
  /** Separates users and environments: use one namespace per signed-in user. Default 'default'. */
  namespace?: string | undefined;
  /**
   * Creates the worker that hosts the connection. It is a function, so that bundlers see the literal `new SharedWorker(new
   * URL('./sharedb.worker.ts', import.meta.url), {type: 'module', name: 'sharedb'})`.
   */
  sharedWorker?: (() => SharedWorker) | undefined;
  /**
   * Creates a worker for this tab alone. If there is no shared worker and the tabs elect this tab, the worker hosts all tabs. It
   * can use the same script. If missing, the elected tab's page is the host.
   */
  worker?: (() => Worker) | undefined;
  /** `false` is short for `mode: 'direct'`. Default true. */
  useSharedWorker?: boolean | undefined;
  /**
   * 'auto' uses the shared worker; if that is impossible, an elected tab hosts; if that is impossible, each tab connects
   * directly. The other values force one mode, and an `error` event reports if it is impossible. Default 'auto'.
   */
  mode?: 'auto' | Mode | undefined;
  /** How long a host may take to answer, in ms, before the tab tries the next mode or replaces the host. Default 5000. */
  hostTimeout?: number | undefined;
  /** The app's name for this build, used if a tab provides the host. It must equal `build` of its worker's `startHost`. */
  build?: string | undefined;
  /**
   * Whether documents and unsent edits are kept in IndexedDB after all tabs have closed, how durably (see {@link
   * StoreDurability}), how long unopened documents are kept (`maxAge`, in ms) and up to which total size (`maxSize`, in bytes).
   * `startHost({store})` of a worker takes precedence, otherwise a worker has the option of the page that started its host. Default `{durability: 'delayed'}`.
   */
  store?: {
    /** When an edit is shown, sent and durable. Default 'delayed'. */
    durability?: StoreDurability | undefined;
    /** Whether a stored document is updated by a new snapshot or by the ops since its version. Default 'snapshot'. */
    resume?: 'snapshot' | 'ops' | undefined;
    /**
     * How long a document that no tab opens is kept, in ms. Local documents, and documents in use or with unsent ops, are always kept.
     * Default: 90 days.
     */
    maxAge?: number | undefined;
    /** The size, in bytes, above which the documents that were opened longest ago are deleted, with the same exceptions. Default: none. */
    maxSize?: number | undefined;
  } | false | undefined;
  /** Shows the stored state at once, even if the server is reachable, and then updates it. Default false. */
  storedFirst?: boolean | undefined;
  /**
   * Returns the app's own version of a document from its data, for `ensureDocHasRecentData` and `isDocInInventory`. Default:
   * ShareDB's version.
   */
  versionDecoder?: ((data: any) => number | string | null | undefined) | undefined;
  /** Returns a token for the server. The host calls it at each connect, first in the visible or the newest tab. */
  getToken?: (() => string | Promise<string>) | undefined;
  /** How the token is sent to the server if the page is the host: see `authorize` of `startHost`. */
  authorize?: Authorize | undefined;
  /** How long a host in a page waits for the server before it considers the WebSocket dead: see `startHost`. */
  serverTimeouts?: ServerTimeouts | undefined;
  /** Separates temporary faults of the server from refusals if the page is the host: see `isTransient` of `startHost`. */
  isTransient?: IsTransient | undefined;
  /** Computes the results of queries without a server if the page is the host: see `queries` of `startHost`. */
  queries?: OfflineQueries | undefined;
  /** The services, used if this page becomes the host: an object as for `startHost({services})`, or a function that loads one. */
  services?: ServicesOption | undefined;
  /** The same as `serviceOptions` of `startHost`. */
  serviceOptions?: ServiceOptions | undefined;
  /** As `allowFaults` of `startHost`, if the page is the host. Default false. */
  allowFaults?: boolean | undefined;
  /**
   * Logs what the tab and the host do in this tab's console: true for all scopes, or some of 'mode', 'link', 'message', 'host',
   * 'doc', 'store', 'server', for example 'host,server'. The host's warnings and errors are always logged. Default false.
   */
  debug?: boolean | string | undefined;
  /** Opens a channel by name. Replaces BroadcastChannel. */
  channel?: OpenChannel | undefined;
  /** Replaces `navigator.locks`. */
  locks?: Locks | undefined;
  /** Receives warnings. Default: `console.warn`. */
  warn?: ((message: string, detail: unknown) => void) | undefined;
}

/** A ShareDB backend in this process, a WebSocket, or a function that creates one. For the direct connection. */
export type BackendOrSocket = {
  /** Returns a connection of ShareDB, as a backend's `connect` does. */
  connect(): unknown;
} | SocketLike | (() => SocketLike);

/**
 * No value has this type. For an object with options, each of its options is an error against this type. So TypeScript reports a wrong
 * option at that option, against `ConnectOptions`, and not at the name `createConnection`, against each overload.
 */
export interface NoOptions {
  /** No option fits. */
  [option: string]: never;
  /** An empty object does not fit either. */
  [Symbol.toStringTag]: never;
}

/** Whether a value of `store.maxAge` or `store.maxSize` is valid. */
const isLimit = (limit: unknown): boolean => limit === undefined || (typeof limit === 'number' && limit > 0);

/** For each option: the expected value in words, and a check of it. */
const CHECKS: Record<keyof ConnectOptions, OptionCheck> = {
  url: ['a string or a function that returns one', url => isText(url) || isFunction(url)],
  namespace: ['a non-empty string', namespace => namespace && isText(namespace)],
  sharedWorker: ['a function that returns a SharedWorker, not the worker itself', isFunction],
  worker: ['a function that returns a Worker, not the worker itself', isFunction],
  build: ['a string', isText],
  useSharedWorker: ['true or false', isFlag],
  mode: ["'auto', 'shared-worker', 'elected-tab' or 'direct'", mode => ['auto', 'shared-worker', 'elected-tab', 'direct'].includes(mode)],
  getToken: ['a function that returns a token or a promise of one', isFunction],
  authorize: ['a function of url and token', isFunction],
  debug: [`true, false, or some of the names ${DEBUG_SCOPES.join(', ')}`, debug => (isFlag(debug) || isText(debug)) && parseScopes(debug)],
  store: [
    "false or {durability: 'delayed' | 'written' | 'strict', resume: 'snapshot' | 'ops', maxAge, maxSize: numbers above 0}",
    store => store === false || (isObject(store) && [undefined, 'delayed', 'written', 'strict'].includes(store['durability'] as undefined) &&
      [undefined, 'snapshot', 'ops'].includes(store['resume'] as undefined) && isLimit(store['maxAge']) && isLimit(store['maxSize']))
  ],
  versionDecoder: ['a function of the data', isFunction],
  isTransient: ['a function of an error', isFunction],
  queries: ['an object with a function `matches`', queries => isObject(queries) && isFunction(queries['matches'])],
  serverTimeouts: [
    '{hello, answer, pong}, each a number of milliseconds above 0',
    timeouts => isObject(timeouts) && ['hello', 'answer', 'pong'].every(name => timeouts[name] === undefined || (timeouts[name] as number) > 0)
  ],
  storedFirst: ['true or false', isFlag],
  hostTimeout: ['a number of milliseconds above 0', timeout => timeout > 0],
  channel: ['a function that opens a channel by its name', isFunction],
  locks: ['an object like navigator.locks', isObject],
  warn: ['a function of a message and a detail', isFunction],
  services: ['an object of functions, or a function that returns one', value => isObject(value) || isFunction(value)],
  serviceOptions: ['an object', isObject],
  allowFaults: ['true or false', isFlag]
};

/** @throws ERR_TABS_BAD_OPTION with the option's name and what it takes */
export function checkOptions(options: ConnectOptions): void {
  // `clock` is an option for tests.
  checkNames('createConnection', options, [...Object.keys(CHECKS), 'clock']);
  if (options.store) checkNames('createConnection({store})', options.store, ['durability', 'resume', 'maxAge', 'maxSize']);
  if (options.serverTimeouts) checkNames('createConnection({serverTimeouts})', options.serverTimeouts, ['hello', 'answer', 'pong']);
  const wrong = wrongValue('createConnection', options, CHECKS);
  if (wrong) throw new TabsError('ERR_TABS_BAD_OPTION', wrong);
}
