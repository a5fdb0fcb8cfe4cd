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

/** A ShareDB connection over a WebSocket that reconnects by itself, with growing pauses. */
export function connectToServer(url: ServerUrl): RealConnection {
  const socket = new ReconnectingWebSocket(url as string | (() => Promise<string>), [], {
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

export function bindToServer(socket: SocketLike): RealConnection {
  return new Connection(socket as never) as unknown as RealConnection;
}
