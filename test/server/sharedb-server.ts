import {createServer, type IncomingMessage, type Server} from 'node:http';
import type {AddressInfo, Socket} from 'node:net';
import WebSocketJSONStream from '@teamwork/websocket-json-stream';
import richText from 'rich-text';
import ShareDB from 'sharedb';
import {type WebSocket, WebSocketServer} from 'ws';
import {forbiddenCode, forbiddenWord} from './forbidden.js';

ShareDB.types.register(richText.type);

export interface Sockets {
  /** The number of open WebSockets. */
  open: number;
  /** The number of WebSockets that were ever accepted. */
  total: number;
}

export interface ShareDBServer {
  readonly port: number;
  /** `ws://…`, without a path. Each path is counted separately. */
  readonly url: string;
  sockets(path: string): Sockets;
  /** Closes every socket and stops listening; the documents are kept. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A ShareDB server on a port of its own. Tests can stop and start it and count its sockets.
 * @param onSocket called with each socket before ShareDB gets it
 */
export async function startShareDBServer(onSocket?: (socket: WebSocket, request: IncomingMessage) => void): Promise<ShareDBServer> {
  const host = '127.0.0.1';
  const backend = new ShareDB({presence: true, doNotForwardSendPresenceErrorsToClient: true});
  backend.use('apply', ({op}, next) => {
    if (!JSON.stringify(op).includes(forbiddenWord)) return next();
    next({code: forbiddenCode, message: `${forbiddenWord} is not allowed here`});
  });

  const counts = new Map<string, Sockets>();
  const countsOf = (path: string): Sockets => {
    const known = counts.get(path) ?? {open: 0, total: 0};
    counts.set(path, known);
    return known;
  };
  const sockets = new WebSocketServer({noServer: true});
  const accept = (request: IncomingMessage, socket: Socket, head: Buffer) => {
    sockets.handleUpgrade(request, socket, head, webSocket => {
      const count = countsOf(pathOf(request));
      count.open++;
      count.total++;
      webSocket.once('close', () => count.open--);
      onSocket?.(webSocket, request);
      const stream = new WebSocketJSONStream(webSocket);
      // Without a listener, an op on its way to a closed socket would end the process.
      stream.on('error', () => webSocket.terminate());
      backend.listen(stream, request);
    });
  };

  let http: Server | undefined;
  let port = 0;
  const start = async () => {
    if (http) return;
    http = createServer((_request, response) => response.writeHead(404).end());
    http.on('upgrade', accept);
    port = await listen(http, port, host);
  };
  const stop = async () => {
    const server = http;
    if (!server) return;
    http = undefined;
    const stopped = new Promise(resolve => server.close(resolve));
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    await stopped;
  };
  const close = async () => {
    await stop();
    await new Promise<void>(resolve => backend.close(() => resolve()));
  };

  await start();
  return {port, url: `ws://${host}:${port}`, sockets: path => ({...countsOf(path)}), start, stop, close};
}

function pathOf(request: IncomingMessage): string {
  return new URL(request.url ?? '/', 'ws://server').pathname;
}

export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
