import {TabsError} from '../protocol/errors.js';
import {checkOptions, type BackendOrSocket, type ConnectOptions} from '../options/connect-options.js';
import {absoluteUrl} from '../options/server-url.js';
import {TabConnection} from './tab-connection.js';

/**
 * A ShareDB connection over a backend or socket of this tab's own.
 * @param backendOrSocket serves the direct connection: a ShareDB backend, a WebSocket, or a function that makes one
 */
export function createConnection(backendOrSocket: BackendOrSocket, options?: ConnectOptions): TabConnection;
/**
 * A ShareDB connection that all tabs of a browser share: one WebSocket, held by a SharedWorker. It can be
 * used at once; where a shared worker can't be had, it becomes a direct connection, and says so in
 * `connection.mode` and the event `mode` (mode, reason). Where a server renders pages, it opens nothing.
 * @throws ERR_TABS_BAD_OPTION, or ERR_TABS_NO_HOST where the options name neither a worker nor a server
 */
// The last overload is the one that errors of types are told of.
export function createConnection(options: ConnectOptions): TabConnection;
export function createConnection(first: BackendOrSocket | ConnectOptions = {}, second?: ConnectOptions): TabConnection {
  const backendOrSocket = isBackendOrSocket(first) ? first : undefined;
  const options = (backendOrSocket ? second : (first as ConnectOptions)) ?? {};
  checkOptions(options);
  if (!backendOrSocket && options.url === undefined && !options.sharedWorker) {
    throw new TabsError('ERR_TABS_NO_HOST', 'createConnection needs a url, a sharedWorker, a backend or a socket');
  }
  if (typeof options.url === 'string') absoluteUrl(options.url);
  return new TabConnection(options, backendOrSocket);
}

function isBackendOrSocket(value: object): value is BackendOrSocket {
  return typeof value === 'function' || typeof (value as {connect?: unknown}).connect === 'function' ||
    typeof (value as {send?: unknown}).send === 'function';
}
