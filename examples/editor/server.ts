/** The example's server: the built page, ShareDB on a WebSocket, and a count of the sockets. */
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {fileURLToPath} from 'node:url';
import WebSocketJSONStream from '@teamwork/websocket-json-stream';
import richText from 'rich-text';
import ShareDB from 'sharedb';
import {WebSocketServer} from 'ws';
import {seed} from './documents.js';
import {DocumentsFile, type MemoryTables} from './documents-file.js';
import {servePage} from './pages.js';

ShareDB.types.register(richText.type);

export interface ServerOptions {
  /** 0 selects a free port. */
  port?: number;
  host?: string;
  /** Does not log sockets that open and close. */
  quiet?: boolean;
  /** The folder that `build()` has filled. */
  pages?: string;
  /** A JSON file that keeps the documents. Without it, they are kept in memory. */
  file?: string;
}

export interface EditorServer {
  readonly url: string;
  readonly port: number;
  readonly backend: ShareDB;
  /** WebSockets that are open now. */
  socketCount(): number;
  /** WebSockets that were ever accepted. */
  totalSockets(): number;
  /** Closes every socket and accepts none. The documents are kept, and pages are still served, as from a cache or a CDN. */
  stop(): Promise<void>;
  /** Accepts sockets again. */
  start(): Promise<void>;
  /** Stops for good. */
  close(): Promise<void>;
}

export async function startServer({
  port = 8080,
  host = '127.0.0.1',
  quiet = false,
  pages = fileURLToPath(new URL('../../build/editor', import.meta.url)),
  file
}: ServerOptions = {}): Promise<EditorServer> {
  const db = new ShareDB.MemoryDB() as ShareDB.DB & MemoryTables;
  const backend = new ShareDB({db, presence: true, doNotForwardSendPresenceErrorsToClient: true});
  const documents = file === undefined ? undefined : new DocumentsFile(file, db);
  documents?.load();
  backend.use('afterWrite', (_context, next) => {
    documents?.saveSoon();
    next();
  });
  await seed(backend);

  let http: Server | undefined;
  let sockets = new WebSocketServer({noServer: true});
  let accepted = 0;
  let closed = false;
  let isRunning = false;

  const log = (event: string) => {
    if (!quiet) console.log(`${event}: ${sockets.clients.size} open, ${accepted} so far`);
  };

  const start = async () => {
    if (closed || isRunning) return;
    isRunning = true;
    if (http) return;
    sockets = new WebSocketServer({noServer: true});
    sockets.on('connection', (socket, request) => {
      accepted++;
      log('WebSocket opened');
      socket.on('close', () => log('WebSocket closed'));
      const stream = new WebSocketJSONStream(socket);
      // A socket that closes in the middle of a message, or sends a malformed one, must not end the server.
      socket.on('error', () => socket.terminate());
      stream.on('error', () => socket.terminate());
      backend.listen(stream, request);
    });
    const server = createServer((request, response) => {
      if (request.url !== '/status') return void servePage(pages, request, response);
      response.writeHead(200, {'content-type': 'application/json', 'cache-control': 'no-store'});
      response.end(JSON.stringify({sockets: sockets.clients.size, totalSockets: accepted}));
    });
    server.on('upgrade', (request, socket, head) => {
      if (!isRunning || request.url?.split('?', 1)[0] !== '/sharedb') return socket.destroy();
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        sockets.emit('connection', webSocket, request);
      });
    });
    http = server;
    try {
      port = await listen(server, port, host);
    } catch (error) {
      http = undefined;
      isRunning = false;
      throw error;
    }
  };

  const stop = async () => {
    isRunning = false;
    const ends = [...sockets.clients].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of sockets.clients) socket.terminate();
    await Promise.all(ends);
  };

  const stopListening = async () => {
    const server = http;
    if (!server) return;
    http = undefined;
    const stopped = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await stopped;
  };

  const close = async () => {
    if (closed) return;
    closed = true;
    await stop();
    await stopListening();
    documents?.save();
    await new Promise<void>((resolve) => backend.close(() => resolve()));
  };

  await start();
  return {
    get url() {
      return `http://${host}:${port}/`;
    },
    get port() {
      return port;
    },
    backend,
    socketCount: () => sockets.clients.size,
    totalSockets: () => accepted,
    start,
    stop,
    close
  };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
