import type {IncomingMessage, Server} from 'node:http';
import type {Socket} from 'node:net';
import {type WebSocket, WebSocketServer} from 'ws';
import type {Tokens} from './tokens.js';

/** The WebSocket subprotocol. The token comes beside it, so that no log of URLs has it. */
export const PROTOCOL = 'sharedb';

/** Close codes: RFC 6455 leaves those from 4000 on to applications. 1012 is "service restart" of IANA's registry. */
export const TOKEN_ENDED = 4401;
export const SERVICE_RESTART = 1012;

/** The longest delay of a timer, in ms. With a longer one, it would run at once. A socket whose token is valid for longer is closed by then. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export interface SocketsOptions {
  tokens: Tokens;
  /** How often each socket is pinged, in ms: below the idle time-out of everything between. One that has not answered is cut. */
  pingMs: number;
  /** The longest message of a client, in bytes. */
  maxPayload: number;
  /** The time over which `closeAll` spreads its closings, in ms. Clients that are closed at once would reconnect at once. */
  spreadMs: number;
  accept(socket: WebSocket, user: string): void;
}

export interface Traffic {
  open: number;
  accepted: number;
  messagesIn: number;
  messagesOut: number;
  /** Bytes of TCP, including frame headers. */
  bytesIn: number;
  bytesOut: number;
}

/** The WebSockets of one server. Checks the tokens of clients, closes sockets whose token has expired, and detects dead ones. */
export class Sockets {
  private readonly server: WebSocketServer;
  private readonly timer: NodeJS.Timeout;
  private readonly traffic: Traffic = {open: 0, accepted: 0, messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0};
  private readonly streams = new Map<WebSocket, Socket>();

  constructor(http: Server, private readonly options: SocketsOptions) {
    this.server = new WebSocketServer({
      noServer: true, maxPayload: options.maxPayload, handleProtocols: protocols => (protocols.has(PROTOCOL) ? PROTOCOL : false)
    });
    http.on('upgrade', (request: IncomingMessage, stream: Socket, head: Buffer) => {
      // The client may disconnect during the handshake.
      stream.on('error', () => stream.destroy());
      if (request.url?.split('?', 1)[0] !== '/sharedb') return stream.destroy();
      this.server.handleUpgrade(request, stream, head, socket => this.open(socket, stream, request));
    });
    this.timer = setInterval(() => this.ping(), options.pingMs);
  }

  get counts(): Traffic {
    const counts = {...this.traffic, open: this.streams.size};
    for (const {bytesRead, bytesWritten} of this.streams.values()) {
      counts.bytesIn += bytesRead;
      counts.bytesOut += bytesWritten;
    }
    return counts;
  }

  /** Closes all sockets. Their clients connect again, and request what they lack. */
  closeAll(code: number, reason: string): void {
    for (const socket of this.server.clients) {
      setTimeout(() => socket.close(code, reason), Math.random() * this.options.spreadMs).unref();
    }
  }

  end(): void {
    clearInterval(this.timer);
    for (const socket of this.server.clients) socket.close(SERVICE_RESTART, 'This server ends');
  }

  private open(socket: WebSocket, stream: Socket, request: IncomingMessage): void {
    socket.on('error', () => socket.terminate());
    const protocols = request.headers['sec-websocket-protocol']?.split(',').map(protocol => protocol.trim()) ?? [];
    const claim = this.options.tokens.verify(protocols.find(protocol => protocol !== PROTOCOL), 'socket');
    // The socket is closed after the handshake: a page does not get the reason why a handshake failed.
    if (!claim) return socket.close(TOKEN_ENDED, 'The token is missing, forged or too old');
    const expiry = setTimeout(() => socket.close(TOKEN_ENDED, 'The token has expired'), Math.min(claim.expires - Date.now(), MAX_DELAY_MS));
    this.count(socket, stream);
    socket.on('close', () => clearTimeout(expiry));
    this.options.accept(socket, claim.user);
  }

  private count(socket: WebSocket, stream: Socket): void {
    const {traffic, streams} = this;
    traffic.accepted++;
    streams.set(socket, stream);
    socket.on('message', () => { traffic.messagesIn++; });
    const {send} = socket;
    socket.send = (...args: unknown[]) => {
      traffic.messagesOut++;
      (send as (...all: unknown[]) => void).apply(socket, args);
    };
    socket.on('pong', () => { this.silent.delete(socket); });
    socket.on('close', () => {
      streams.delete(socket);
      this.silent.delete(socket);
      traffic.bytesIn += stream.bytesRead;
      traffic.bytesOut += stream.bytesWritten;
    });
  }

  /** The sockets that have not answered the last ping. */
  private readonly silent = new Set<WebSocket>();

  private ping(): void {
    for (const socket of this.streams.keys()) {
      if (this.silent.has(socket)) {
        socket.terminate();
        continue;
      }
      this.silent.add(socket);
      socket.ping();
    }
  }
}
