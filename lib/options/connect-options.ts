import type {Authorize, ServerUrl, SocketLike} from '../host/server/server-connection.js';
import type {IsTransient} from '../host/server/server-faults.js';
import type {OfflineQueries} from '../host/queries/local-queries.js';
import type {ServerTimeouts} from '../host/server/server-watch.js';
import type {Locks, OpenChannel} from '../platform/platform.js';
import {isObject, isText} from '../protocol/checks.js';
import {checkNames} from './option-names.js';
import {DEBUG_SCOPES, parseScopes} from '../protocol/debug.js';
import {TabsError} from '../protocol/errors.js';
import type {StoreDurability} from '../protocol/store-durability.js';
import type {ServicesOption} from '../services/service-source.js';
import type {ServiceOptions} from '../services/service-types.js';

/**
 * How a tab reaches the server: through a worker that all tabs share, through a host that one of the tabs
 * provides, or by a connection of its own.
 */
export type Mode = 'shared-worker' | 'elected-tab' | 'direct';

/** The options of `createConnection`. */
export interface ConnectOptions {
  /** The ShareDB server's WebSocket. Relative URLs count from the page's. */
  url?: ServerUrl | undefined;
  /** Users and environments apart: one per signed-in user. Default 'default'. */
  namespace?: string | undefined;
  /**
   * Starts the worker that hosts the connection. A function, so that bundlers see the literal
   * `new SharedWorker(new URL('../connect/sharedb.worker.ts', import.meta.url), {type: 'module', name: 'sharedb'})`.
   */
  sharedWorker?: (() => SharedWorker) | undefined;
  /**
   * Starts a worker of this tab's own, in which it is the host of all tabs where there is no shared worker and
   * the tabs have elected it. The same script can serve. Without it, the tab's page is the host.
   */
  worker?: (() => Worker) | undefined;
  /** `false` is short for `mode: 'direct'`. Default true. */
  useSharedWorker?: boolean | undefined;
  /**
   * 'auto' takes the shared worker; where it can't be had, an elected tab is the host; where that can't be, each
   * tab connects directly. The others force one way, and an `error` tells where it can't be had. Default 'auto'.
   */
  mode?: 'auto' | Mode | undefined;
  /** How long a host may take until it answers, in ms, before the next way is taken. Default 5000. */
  hostTimeout?: number | undefined;
  /** What the app calls this build, where a tab provides the host: the same as `build` of its worker's `startHost`. */
  build?: string | undefined;
  /**
   * Whether documents, and edits that the server has not got, are kept in IndexedDB over the end of all tabs,
   * and how surely: see {@link StoreDurability}; and for how long, and up to how many bytes, documents that nobody opens are kept. What a worker's `startHost({store})` says goes before.
   * Default `{durability: 'relaxed'}`.
   */
  store?: {durability?: StoreDurability | undefined; resume?: 'snapshot' | 'ops' | undefined; maxAge?: number | undefined; maxSize?: number | undefined} | false | undefined;
  /** Shows the stored state at once, also while the server is there, and brings it up to date then. Default false. */
  storedFirst?: boolean | undefined;
  /** The app's own version of a document's data, for `ensureDocHasRecentData` and `isDocInInventory`. Default: ShareDB's. */
  versionDecoder?: ((data: any) => number | string | null | undefined) | undefined;
  /** Gives the host a token for the server; asked for each (re)connect, of the visible or newest tab first. */
  getToken?: (() => string | Promise<string>) | undefined;
  /** How the token gets to the server, where the page is the host: see `authorize` of `startHost`. */
  authorize?: Authorize | undefined;
  /** How long a host in a page waits for the server before it takes the WebSocket for dead: see `startHost`. */
  serverTimeouts?: ServerTimeouts | undefined;
  /** Tells faults of the server from refusals, where the page is the host: see `isTransient` of `startHost`. */
  isTransient?: IsTransient | undefined;
  /** Works out the results of queries without a server, where the page is the host: see `queries` of `startHost`. */
  queries?: OfflineQueries | undefined;
  /**
   * The services of a host in this page, where it comes to that: an object as `startHost({services})` takes it, or a function
   * that loads one.
   */
  services?: ServicesOption | undefined;
  /** As `serviceOptions` of `startHost`. */
  serviceOptions?: ServiceOptions | undefined;
  /** As `allowFaults` of `startHost`, where the page is the host. Default false. */
  allowFaults?: boolean | undefined;
  /**
   * Tells in this tab's console what tab and host do: true, or some of 'mode', 'link', 'message', 'host', 'doc',
   * 'store', 'server', as in 'host,server'. The host's warnings and errors come in any case. Default false.
   */
  debug?: boolean | string | undefined;
  /** Opens a channel by name, in place of BroadcastChannel. */
  channel?: OpenChannel | undefined;
  /** In place of `navigator.locks`. */
  locks?: Locks | undefined;
  /** What is dropped and why. Default: `console.warn`. */
  warn?: ((message: string, detail: unknown) => void) | undefined;
}

/** A ShareDB backend in this process, a WebSocket, or a function that makes one: for the direct connection. */
export type BackendOrSocket = {connect(): unknown} | SocketLike | (() => SocketLike);

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isFlag = (value: unknown): boolean => typeof value === 'boolean';

/** Whether a value of `store.maxAge` or `store.maxSize` is valid. */
export const isLimit = (limit: unknown): boolean => limit === undefined || (typeof limit === 'number' && limit > 0);

/** What each option takes, in words, and whether a value is of it. */
const TAKES: Record<keyof ConnectOptions, [words: string, fits: (value: any) => unknown]> = {
  url: ['a string or a function that gives one', url => isText(url) || isFunction(url)],
  namespace: ['a string that is not empty', namespace => namespace && isText(namespace)],
  sharedWorker: ['a function that returns a SharedWorker, not the worker itself', isFunction],
  worker: ['a function that returns a Worker, not the worker itself', isFunction],
  build: ['a string', isText],
  useSharedWorker: ['true or false', isFlag],
  mode: ["'auto', 'shared-worker', 'elected-tab' or 'direct'", mode => ['auto', 'shared-worker', 'elected-tab', 'direct'].includes(mode)],
  getToken: ['a function that gives a token, or a promise of one', isFunction],
  authorize: ['a function of url and token', isFunction],
  debug: [`true, false, or names out of ${DEBUG_SCOPES.join(', ')}`, debug => (isFlag(debug) || isText(debug)) && parseScopes(debug)],
  store: [
    "false or {durability: 'delayed' | 'relaxed' | 'strict', resume: 'snapshot' | 'ops', " +
      'maxAge: a number of milliseconds above 0, maxSize: a number of bytes above 0}',
    store => store === false || (isObject(store) && [undefined, 'delayed', 'relaxed', 'strict'].includes(store['durability'] as undefined) &&
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
  services: ['an object of functions, or a function that gives one', value => isObject(value) || isFunction(value)],
  serviceOptions: ['an object', isObject],
  allowFaults: ['true or false', isFlag]
};

/** @throws ERR_TABS_BAD_OPTION, saying which and what it takes */
export function checkOptions(options: ConnectOptions): void {
  // `clock` is for tests.
  checkNames('createConnection', options, [...Object.keys(TAKES), 'clock']);
  if (options.store) checkNames('createConnection({store})', options.store, ['durability', 'resume', 'maxAge', 'maxSize']);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || !Object.hasOwn(TAKES, name)) continue;
    const [words, fits] = TAKES[name as keyof ConnectOptions]!;
    if (!fits(value)) throw new TabsError('ERR_TABS_BAD_OPTION', `createConnection: option ${name} takes ${words}`);
  }
}
