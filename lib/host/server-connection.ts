import {Connection} from 'sharedb/lib/client/index.js';
import {WebSocket as ReconnectingWebSocket} from 'partysocket';
import type {RealConnection} from './upstream.js';

/** Where a host finds its server: a URL, or a function that gives one for each (re)connect. */
export type ServerUrl = string | (() => string | Promise<string>);

/** A WebSocket or what behaves like one; ShareDB's `Connection` binds to it. */
export interface SocketLike {
  readyState: number;
  send(data: string): void;
  close(): void;
}

/** How a token gets to the server. */
export type Authorize = (url: string, token: string) => string | {url: string; protocols: string | string[]};

const inQuery: Authorize = (url, token) => {
  const withToken = new URL(url);
  withToken.searchParams.set('token', token);
  return withToken.href;
};

/**
 * A ShareDB connection over a WebSocket that reconnects by itself, with growing pauses.
 * @param getToken asked for each (re)connect, where the server wants a token
 * @param authorize default: the query parameter `token`
 */
export function connectToServer(url: ServerUrl, getToken?: () => Promise<string>, authorize: Authorize = inQuery): RealConnection {
  const address = getToken ? authorized(url, getToken, authorize) : {url: url as string | (() => Promise<string>), protocols: []};
  const socket = new ReconnectingWebSocket(address.url, address.protocols, {
    minReconnectionDelay: 250 + Math.random() * 500,
    maxReconnectionDelay: 10_000,
    reconnectionDelayGrowFactor: 1.5,
    // ShareDB sends again what was lost: what is left over from the last connection must not come first.
    maxEnqueuedMessages: 0
  });
  const reconnectNow = (): void => {
    if (socket.readyState !== socket.OPEN && socket.shouldReconnect) socket.reconnect();
  };
  globalThis.addEventListener?.('online', reconnectNow);
  const connection = bindToServer(socket as unknown as SocketLike);
  (connection.on as (event: string, listener: () => void) => unknown)('closed', () =>
    globalThis.removeEventListener?.('online', reconnectNow));
  return connection;
}

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

export function bindToServer(socket: SocketLike): RealConnection {
  return new Connection(socket as never) as unknown as RealConnection;
}
