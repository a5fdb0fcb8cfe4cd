import {Connection} from 'sharedb/lib/client/index.js';
import {WebSocket as ReconnectingWebSocket} from 'partysocket';
import {systemClock} from '../../platform/browser.js';
import {TabsError} from '../../protocol/errors.js';
import type {ConnectGate} from './connect-gate.js';
import type {CloseInfo} from './fatal-ops.js';
import {ServerWatch, type ServerTimeouts} from './server-watch.js';
import type {RealConnection} from '../upstream.js';

/** Where a host finds its server: a URL, or a function that gives one for each (re)connect. */
export type ServerUrl = string | (() => string | Promise<string>);

/** A WebSocket or what behaves like one; ShareDB's `Connection` binds to it. */
export interface SocketLike {
  /** 0: connecting, 1: open, 2: closing, 3: closed. */
  readyState: number;
  /** Sends a message. */
  send(data: string): void;
  /** Closes the connection for good. */
  close(): void;
  /** Gives the connection up and opens another one, as partysocket and reconnecting-websocket do. */
  reconnect?(code?: number, reason?: string): void;
  /** Whether it opens another connection after a loss. `reconnect` is not called if it is false. */
  readonly shouldReconnect?: boolean;
  /** Calls the listener each time that the connection is open. */
  addEventListener?(type: 'open', listener: () => void): void;
}

/** `WebSocket.OPEN` */
const OPEN = 1;

/** How a token gets to the server. */
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
  /** Asked for each (re)connect, where the server wants a token. */
  getToken?: (() => Promise<string>) | undefined;
  /** Default: the query parameter `token`. */
  authorize?: Authorize | undefined;
  timeouts?: ServerTimeouts | undefined;
  /** Asked for each (re)connect, where somebody may cut the network on purpose. */
  gate?: ConnectGate | undefined;
}

/** Close code of a WebSocket that this host gives up itself. RFC 6455 leaves those from 4000 on to applications. */
const GIVEN_UP = 4408;

/** A ShareDB connection over a WebSocket that reconnects by itself, with growing pauses, also where it is dead without saying so. */
export function connectToServer(url: ServerUrl, {getToken, authorize = inQuery, timeouts, gate}: ServerConnectionOptions = {}): RealConnection {
  const address = getToken ? authorized(url, getToken, authorize) : {url: url as string | (() => Promise<string>), protocols: []};
  const socket = new ReconnectingWebSocket(gate ? gated(address.url, gate) : address.url, address.protocols, {
    minReconnectionDelay: 250 + Math.random() * 500,
    maxReconnectionDelay: 10_000,
    reconnectionDelayGrowFactor: 1.5,
    // ShareDB sends again what was lost: what is left over from the last connection must not come first.
    maxEnqueuedMessages: 0
  });
  const connection = bindToServer(socket as unknown as SocketLike, timeouts, () => withoutQuery(socket.url));
  tellReasons(socket, connection);
  return connection;
}

const TO_CHECK = 'Check that the server runs, that the url has its host, port and path, that it is wss: on a page of https:, and that ' +
  'connect-src of the Content-Security-Policy allows it';

/** ShareDB hands on what the socket says: an event that has no message, and one that has lost its code. */
function tellReasons(socket: ReconnectingWebSocket, connection: RealConnection): void {
  const {onclose} = socket;
  // The socket's own count includes the next attempt already when it reports an error.
  let attempt = 0;
  socket.addEventListener('open', () => { attempt = 0; });
  socket.onclose = event => onclose?.call(socket, closeOf(event, socket.shouldReconnect) as never);
  socket.onerror = event => {
    attempt++;
    const told = (event as {message?: unknown}).message;
    const detail = typeof told === 'string' && told && told !== 'TIMEOUT' ? `: ${told}` : '';
    const where = withoutQuery(socket.url);
    const error = new TabsError('ERR_TABS_SERVER_UNREACHABLE',
      `The WebSocket to ${where} could not be opened (attempt ${attempt})${detail}. ${TO_CHECK}`);
    tellError(connection, error);
  };
}

/**
 * partysocket reports a connection that has failed, for which browsers have the code 1006, as if it had been closed regularly. Such
 * an event is its own, with properties that a browser's event has from its prototype.
 */
function closeOf(event: {code: number; reason: string}, isFailure: boolean): CloseInfo {
  const {code, reason} = event;
  return {code: isFailure && code === 1000 && Object.hasOwn(event, 'wasClean') ? 1006 : code, reason: reason || ''};
}

const gated = (url: string | (() => Promise<string>), gate: ConnectGate) => async (): Promise<string> => {
  gate.check();
  return typeof url === 'function' ? url() : url;
};

/** The socket asks for its url first, then for its protocols: both are of the same token. */
function authorized(url: ServerUrl, getToken: () => Promise<string>, authorize: Authorize): {
  url: () => Promise<string>; protocols: () => Promise<string | string[]>;
} {
  let next: Promise<{url: string; protocols: string | string[]}>;
  const address = async (): Promise<{url: string; protocols: string | string[]}> => {
    const result = authorize(typeof url === 'function' ? await url() : url, await getToken());
    return typeof result === 'string' ? {url: result, protocols: []} : result;
  };
  return {
    url: () => {
      next = address();
      return next.then(to => to.url);
    },
    protocols: () => next.then(to => to.protocols)
  };
}

/** A socket that can reconnect is watched: see {@link ServerWatch}. */
export function bindToServer(socket: SocketLike, timeouts?: ServerTimeouts, where = (): string => 'the server'): RealConnection {
  const connection = new Connection(socket as never) as unknown as RealConnection;
  if (typeof socket.reconnect === 'function') watch(socket as WatchedSocket, connection, timeouts, where);
  return connection;
}

/** It may have a token. */
const withoutQuery = (url: string): string => (url || 'the server').replace(/[?#].*$/, '');

const tellError = (connection: RealConnection, error: Error): boolean =>
  (connection as unknown as {emit(event: string, error: Error): boolean}).emit('connection error', error);

type WatchedSocket = SocketLike & Required<Pick<SocketLike, 'reconnect'>>;

function watch(socket: WatchedSocket, connection: RealConnection, timeouts: ServerTimeouts | undefined, where: () => string): void {
  const server = new ServerWatch(connection, {
    clock: systemClock, timeouts,
    onNoGreeting: () => tellError(connection, new TabsError(
      'ERR_TABS_SERVER_UNREACHABLE', `${where()} accepts a WebSocket, but ShareDB's handshake does not arrive: check that ShareDB listens at this url`
    )),
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
