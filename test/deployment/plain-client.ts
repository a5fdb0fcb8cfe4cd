import ReconnectingWebSocket from 'partysocket/ws';
import {Connection, type Doc} from 'sharedb/lib/client/index.js';
import {WebSocket} from 'ws';
import {PROTOCOL} from '../../examples/scale-out/sockets.js';
import {settled} from '../waiting/settled.js';

/** The pause before a failed subscription is repeated, in ms. */
const RETRY_MS = 500;

/** Somebody with ShareDB's own client, on a WebSocket to one of the servers. It reconnects, and has a new token each time. */
export class PlainClient {
  readonly connection: Connection;
  /** The codes that its WebSockets were closed with. */
  readonly codes: number[] = [];
  /** What went wrong with it, as its app was told. */
  readonly errors: {code?: string; message: string}[] = [];
  private readonly socket: ReconnectingWebSocket;
  private isClosed = false;

  constructor(readonly name: string, port: number, getToken: () => string) {
    this.socket = new ReconnectingWebSocket(`ws://127.0.0.1:${port}/sharedb`, async () => [PROTOCOL, getToken()], {
      WebSocket, minReconnectionDelay: 100, maxReconnectionDelay: 1000, maxEnqueuedMessages: 0
    });
    this.socket.addEventListener('close', ({code}) => this.codes.push(code));
    this.connection = new Connection(this.socket as never);
    // A connection that is refused, while a server is away.
    this.connection.on('error', () => {});
    this.connection.on('connection error' as 'error', () => {});
  }

  async open(id: string): Promise<Doc<{text: string}>> {
    const doc = this.connection.get('notes', id);
    doc.on('error', error => {
      this.errors.push(error as {message: string});
      if (!doc.subscribed) this.subscribeAgain(doc);
    });
    await settled(done => doc.subscribe(done));
    return doc;
  }

  /** ShareDB leaves it to the app to repeat a subscription that has failed, for example because the database was away at a reconnect. */
  private subscribeAgain(doc: Doc<{text: string}>): void {
    setTimeout(() => {
      if (!this.isClosed) doc.subscribe(error => { if (error) this.subscribeAgain(doc); });
    }, RETRY_MS).unref();
  }

  close(): void {
    this.isClosed = true;
    this.connection.close();
    this.socket.close();
  }
}
