import {Connection} from 'sharedb/lib/client/index.js';
import {WebSocket as ReconnectingWebSocket} from 'partysocket';
import {systemClock} from '../../platform/browser.js';
import {TabsError} from '../../protocol/errors.js';
import {closeReason} from './close-reason.js';
import type {ConnectGate} from './connect-gate.js';
import type {CloseInfo} from './fatal-ops.js';
import {ServerWatch, type ServerTimeouts} from './server-watch.js';
import type {RealConnection} from '../upstream.js';

/** The server's URL, or a function that returns it. A host calls the function at each connection attempt. See `url` of `createConnection`. */
export type ServerUrl = string | (() => string | Promise<string>);

/** A WebSocket, or an object with the same interface, for ShareDB's `Connection`. */
export interface SocketLike {
  /** 0: connecting, 1: open, 2: closing, 3: closed. */
  readyState: number;
  /** Sends a message. */
  send(data: string): void;
  /** Closes the connection for good. */
  close(): void;
  /** Closes the connection and opens another one, as in partysocket and reconnecting-websocket. */
  reconnect?(code?: number, reason?: string): void;
  /** Whether the socket opens another connection after a loss. If it is false, `reconnect` is not called on `online`. */
  readonly shouldReconnect?: boolean;
  /** Adds a listener that is called each time that the connection opens. */
  addEventListener?(type: 'open', listener: () => void): void;
}

/** `WebSocket.OPEN` */
const OPEN = 1;

/** Adds a token to the request for the WebSocket. Returns the URL, or the URL and subprotocols. */
export type Authorize = (url: string, token: string) => string | {
  /** The URL to connect to. */
  url: string;
  /** The WebSocket's subprotocols, of which one can carry the token. */
  protocols: string | string[];
};

const inQuery: Authorize = (url, token) => {
  const withToken = new URL(url);
  withToken.searchParams.set('token', token);
  return withToken.href;
};

export interface ServerConnectionOptions {
  /** Returns a token. Called at each connection attempt. If missing, no token is sent. */
  getToken?: (() => Promise<string>) | undefined;
  /** Default: the token becomes the query parameter `token`. */
  authorize?: Authorize | undefined;
  timeouts?: ServerTimeouts | undefined;
  /** Checked at each connection attempt, if an inspector may cut the network. */
  gate?: ConnectGate | undefined;
}

/** The close code with which this host closes a dead WebSocket. RFC 6455 reserves codes from 4000 on for applications. */
const GIVEN_UP = 4408;

/**
 * Creates a ShareDB connection over a WebSocket that reconnects with increasing delays, also after it was found dead without a `close`
 * event.
 */
export function connectToServer(url: ServerUrl, {getToken, authorize = inQuery, timeouts, gate}: ServerConnectionOptions = {}): RealConnection {
  const address: Address = getToken || typeof url === 'function' ? computed(url, getToken, authorize) : {url, protocols: []};
  const socket = new ReconnectingWebSocket(gate ? gated(address.url, gate) : address.url, address.protocols, {
    minReconnectionDelay: 250 + Math.random() * 500,
    maxReconnectionDelay: 10_000,
    reconnectionDelayGrowFactor: 1.5,
    // ShareDB itself sends lost messages again. Messages for the last connection must not be sent before its handshake.
    maxEnqueuedMessages: 0
  });
  const connection = bindToServer(socket as unknown as SocketLike, timeouts, () => withoutQuery(socket.url));
  addReasons(socket, connection, address);
  return connection;
}

const TO_CHECK = 'Check that the server runs, that the url has its host, port and path, that it is wss: on a page of https:, and that ' +
  'connect-src of the Content-Security-Policy allows it';

/** Adds reasons to the socket's events, which ShareDB passes on: an `error` event has no message, and a `close` event may have a wrong code. */
function addReasons(socket: ReconnectingWebSocket, connection: RealConnection, address: Address): void {
  const {onclose} = socket;
  // When the socket reports an error, its own count already includes the next attempt.
  let attempt = 0;
  socket.addEventListener('open', () => { attempt = 0; });
  socket.onclose = event => onclose?.call(socket, closeOf(event, socket.shouldReconnect) as never);
  socket.onerror = event => {
    attempt++;
    const {failure} = address;
    if (failure) return void reportError(connection, failure instanceof TabsError ? failure : noAddress(failure, attempt));
    const text = (event as {message?: unknown}).message;
    const detail = typeof text === 'string' && text && text !== 'TIMEOUT' ? `: ${text}` : '';
    const where = withoutQuery(socket.url);
    const error = new TabsError('ERR_TABS_SERVER_UNREACHABLE',
      `The WebSocket to ${where} could not be opened (attempt ${attempt})${detail}. ${TO_CHECK}`);
    reportError(connection, error);
  };
}

/**
 * Returns the code and reason of a `close` event. partysocket reports a failed connection, for which browsers use the code 1006, with the
 * code 1000. Such an event is partysocket's own: its properties are own properties, which in a browser's event are in the prototype.
 */
function closeOf(event: {code: number; reason: string}, isFailure: boolean): CloseInfo {
  const {code, reason} = event;
  return {code: isFailure && code === 1000 && Object.hasOwn(event, 'wasClean') ? 1006 : code, reason: reason || ''};
}

const gated = (url: string | (() => Promise<string>), gate: ConnectGate) => async (): Promise<string> => {
  gate.check();
  return typeof url === 'function' ? url() : url;
};

/** The WebSocket's URL and subprotocols, for each attempt. */
interface Address {
  readonly url: string | (() => Promise<string>);
  readonly protocols: string[] | (() => Promise<string | string[]>);
  /** Why the last attempt had no URL. */
  failure?: Error | undefined;
}

/** Computes the address for each attempt. The socket calls `url` first, so both functions use the same token. */
function computed(url: ServerUrl, getToken: (() => Promise<string>) | undefined, authorize: Authorize): Address {
  let next: Promise<{url: string; protocols: string | string[]}>;
  const compute = async (): Promise<{url: string; protocols: string | string[]}> => {
    const plain: unknown = typeof url === 'function' ? await url() : url;
    if (typeof plain !== 'string') throw new TypeError('the option url returned no string');
    const result: ReturnType<Authorize> | undefined = getToken ? authorize(plain, await getToken()) : plain;
    if (typeof result === 'string') return {url: result, protocols: []};
    if (typeof result?.url !== 'string') throw new TypeError('the option authorize returned neither a url nor {url, protocols}');
    return result;
  };
  const address: Address = {
    url: () => {
      address.failure = undefined;
      next = compute().catch((error: unknown) => { throw (address.failure = error instanceof Error ? error : new Error(String(error))); });
      return next.then(to => to.url);
    },
    protocols: () => next.then(to => to.protocols)
  };
  return address;
}

const noAddress = ({message}: Error, attempt: number): TabsError =>
  new TabsError('ERR_TABS_SERVER_UNREACHABLE', `There is no url for the WebSocket (attempt ${attempt}): ${message}. Check the options url and authorize`);

/** Creates a ShareDB connection over a socket. If the socket can reconnect, it is checked: see {@link ServerWatch}. */
export function bindToServer(socket: SocketLike, timeouts?: ServerTimeouts, where = (): string => 'the server'): RealConnection {
  const connection = new Connection(socket as never) as unknown as RealConnection;
  if (typeof socket.reconnect === 'function') watch(socket as WatchedSocket, connection, timeouts, where);
  return connection;
}

/** Removes the query of a URL for messages, because it may contain a token. */
const withoutQuery = (url: string): string => (url || 'the server').replace(/[?#].*$/, '');

const inBrackets = (close: ReturnType<typeof closeReason>): string =>
  typeof close === 'object' ? ` (code ${close.code}${close.reason && `, ${close.reason}`})` : '';

const reportError = (connection: RealConnection, error: Error): boolean =>
  (connection as unknown as {emit(event: string, error: Error): boolean}).emit('connection error', error);

type WatchedSocket = SocketLike & Required<Pick<SocketLike, 'reconnect'>>;

function watch(socket: WatchedSocket, connection: RealConnection, timeouts: ServerTimeouts | undefined, where: () => string): void {
  const reportNoGreeting = (text: string): boolean =>
    reportError(connection, new TabsError('ERR_TABS_SERVER_UNREACHABLE', `${where()} ${text}`));
  const server = new ServerWatch(connection, {
    clock: systemClock, timeouts,
    onNoGreeting: () => reportNoGreeting("accepts a WebSocket, but ShareDB's handshake does not arrive: check that ShareDB listens at this url"),
    onClosedEarly: reason => reportNoGreeting(
      `accepts a WebSocket, and closes it before ShareDB's handshake${inBrackets(closeReason(reason))}: check the token, if there is one, and that ShareDB listens at this url`
    ),
    reconnect: reason => socket.reconnect(GIVEN_UP, reason)
  });
  socket.addEventListener?.('open', () => server.noteOpen());
  if (socket.readyState === OPEN) server.noteOpen();
  const onOnline = (): void => {
    if (socket.readyState === OPEN) server.check();
    else if (socket.shouldReconnect !== false) socket.reconnect();
  };
  globalThis.addEventListener?.('online', onOnline);
  (connection.on as (event: string, listener: () => void) => unknown)('closed', () => globalThis.removeEventListener?.('online', onOnline));
}
