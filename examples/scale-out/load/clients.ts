import ReconnectingWebSocket from 'partysocket/ws';
import {Connection} from 'sharedb/lib/client/index.js';
import {WebSocket} from 'ws';
import {ProxyConnection} from 'sharedb-tabs';
import {Host, InMemoryStorage} from 'sharedb-tabs/host';
import {memoryChannels} from '../../../lib/platform/memory.js';
import {PROTOCOL} from '../sockets.js';

/** The part of a connection that the load test uses. ShareDB's connections and this library's both have it. */
export type TabConnection = Pick<Connection, 'get' | 'createSubscribeQuery' | 'close'>;

/** One browser with its tabs. */
export interface LoadBrowser {
  tabs: TabConnection[];
  close(): void;
}

export interface LoadBrowserOptions {
  url: string;
  tabs: number;
  getToken(): string;
}

/** Long enough for a process that runs all browsers. */
const HOST_TIMEOUT_MS = 120_000;

/** A host with tabs, as a browser has them, with channels in memory. */
export function openSharedBrowser({url, tabs, getToken}: LoadBrowserOptions): LoadBrowser {
  const channel = memoryChannels();
  const {connection, close} = connect(url, getToken);
  const host = new Host({connection, channel, store: {storage: new InMemoryStorage()}, warn: () => {}});
  const connections = Array.from({length: tabs}, () => new ProxyConnection({channel, hostTimeout: HOST_TIMEOUT_MS, warn: () => {}}));
  return {
    tabs: connections as unknown as TabConnection[],
    close() {
      for (const tab of connections) tab.close();
      host.close();
      close();
    }
  };
}

/** Tabs with a connection each. */
export function openPlainBrowser({url, tabs, getToken}: LoadBrowserOptions): LoadBrowser {
  const connections = Array.from({length: tabs}, () => connect(url, getToken));
  return {
    tabs: connections.map(({connection}) => connection),
    close() {
      for (const {connection, close} of connections) {
        connection.close();
        close();
      }
    }
  };
}

function connect(url: string, getToken: () => string): {connection: Connection; close(): void} {
  const socket = new ReconnectingWebSocket(url, async () => [PROTOCOL, getToken()], {
    WebSocket, minReconnectionDelay: 250 + Math.random() * 500, maxEnqueuedMessages: 0, connectionTimeout: 60_000
  });
  const connection = new Connection(socket as never);
  connection.on('error', () => {});
  connection.on('connection error' as 'error', () => {});
  return {connection, close: () => socket.close()};
}
