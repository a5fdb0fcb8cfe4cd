import {isFunction} from '../platform/option-checks.js';
import {isText} from '../protocol/checks.js';
import {TabsError} from '../protocol/errors.js';
import {checkOptions, type BackendOrSocket, type ConnectOptions, type NoOptions} from '../options/connect-options.js';
import {absoluteUrl} from '../options/server-url.js';
import {TabConnection} from './tab-connection.js';

/**
 * Creates a ShareDB connection over a backend or socket that belongs to this tab alone.
 * @param backendOrSocket the server of a direct connection: a ShareDB backend, a WebSocket, or a function that creates a WebSocket
 * @throws ERR_TABS_BAD_OPTION if an option is unknown or has a wrong value
 */
export function createConnection(backendOrSocket: BackendOrSocket | NoOptions, options?: ConnectOptions): TabConnection;
/**
 * Creates a ShareDB connection that uses one WebSocket together with the other tabs of the browser. The WebSocket is in a shared
 * worker; if that is impossible, in an elected tab; if that is impossible, each tab has its own. `connection.mode` and the event
 * `mode` (mode, reason) report which of these is used. The connection can be used at once. When a server renders pages, it opens
 * nothing.
 * @throws ERR_TABS_BAD_OPTION if an option is unknown or has a wrong value, or ERR_TABS_NO_HOST if the options have neither a
 *   `sharedWorker` nor a `url`
 */
// This overload is the last, because TypeScript reports type errors against the last overload that has the fewest: see `NoOptions`.
export function createConnection(options: ConnectOptions): TabConnection;
export function createConnection(first: BackendOrSocket | NoOptions | ConnectOptions = {}, second?: ConnectOptions): TabConnection {
  const backendOrSocket = isBackendOrSocket(first) ? first : undefined;
  const options = (backendOrSocket ? second : (first as ConnectOptions)) ?? {};
  checkOptions(options);
  if (!backendOrSocket && options.url === undefined && !options.sharedWorker) {
    throw new TabsError('ERR_TABS_NO_HOST', 'createConnection needs a url, a sharedWorker, a backend or a socket');
  }
  if (isText(options.url)) absoluteUrl(options.url);
  return new TabConnection(options, backendOrSocket);
}

function isBackendOrSocket(value: BackendOrSocket | NoOptions | ConnectOptions | null): value is BackendOrSocket {
  const {connect, send, url} = (value ?? {}) as {connect?: unknown; send?: unknown; url?: unknown};
  // An object with `url` and `connect` is options: `connect` is an option of `startHost`.
  return isFunction(value) || isFunction(send) || (isFunction(connect) && !url);
}
