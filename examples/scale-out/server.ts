import {createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse} from 'node:http';
import WebSocketJSONStream from '@teamwork/websocket-json-stream';
import ShareDB from 'sharedb';
import {servePage} from '../editor/pages.js';
import {restrict} from './access.js';
import {publishByPrefix} from './channels.js';
import {NotesDb} from './notes-db.js';
import {RedisBus} from './redis-bus.js';
import {SERVICE_RESTART, Sockets, type Traffic} from './sockets.js';
import {Tokens} from './tokens.js';

export interface ServerOptions {
  port: number;
  databaseUrl: string;
  redisUrl: string;
  /** The same for all servers. */
  secret: string;
  /** The folder that `build()` has filled. */
  pages: string;
  /** How long a socket's token is valid. Default 15 minutes. */
  tokenSeconds?: number | undefined;
  /** See `SocketsOptions`. Defaults 25 s, 1 MiB and 5 s. */
  pingMs?: number | undefined;
  maxPayload?: number | undefined;
  spreadMs?: number | undefined;
  /** If `false`, errors of the database, Redis and ShareDB are not logged. */
  logs?: boolean | undefined;
}

export interface ServerStats extends Traffic {
  agents: number;
  streams: number;
  channels: number;
  /** The CPU time of this process so far, in ms. */
  cpu: number;
  /** The heap and external memory in use, in MB. */
  memory: number;
}

const SESSION_SECONDS = 7 * 24 * 3600;
const SESSION_COOKIE = 'session';

/** One ShareDB server. Any number of them share a database and a Redis. */
export class Server {
  private constructor(
    private readonly http: HttpServer, private readonly backend: ShareDB & {agentsCount: number}, private readonly sockets: Sockets, private readonly bus: RedisBus
  ) {}

  static async start(options: ServerOptions): Promise<Server> {
    const {port, databaseUrl, redisUrl, secret, pages, tokenSeconds = 900, pingMs = 25_000, maxPayload = 1 << 20, spreadMs = 5000} = options;
    const log = (what: string, error: Error): void => {
      if (options.logs !== false) console.error(`server ${port}: ${what}: ${error.message || String(error)}`);
    };
    // ShareDB writes a stack for each error that a client gets.
    ShareDB.logger.setMethods({info: () => {}, ...(options.logs === false && {warn: () => {}, error: () => {}})});
    const tokens = new Tokens(secret);
    const http = createServer((request, response) => {
      // One bad request must not end the server.
      answer(request, response, tokens, {pages, tokenSeconds}).catch((error: Error) => {
        log('a request', error);
        response.destroy();
      });
    });
    const bus = new RedisBus(redisUrl, () => sockets.closeAll(SERVICE_RESTART, 'Messages of other servers may be lost'), log);
    const backend = new ShareDB({
      db: new NotesDb({connectionString: databaseUrl}, log) as unknown as ShareDB.DB,
      pubsub: bus,
      presence: true, doNotForwardSendPresenceErrorsToClient: true,
      errorHandler: (error: Error) => log('ShareDB', error)
    } as ConstructorParameters<typeof ShareDB>[0]);
    restrict(backend);
    publishByPrefix(backend);
    const sockets = new Sockets(http, {
      tokens, pingMs, maxPayload, spreadMs,
      accept(socket, user) {
        const stream = new WebSocketJSONStream(socket);
        // A socket that closes in the middle of a message must not end the server.
        stream.on('error', () => socket.terminate());
        backend.listen(stream, {user} as never);
      }
    });
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(port, '127.0.0.1', resolve);
    });
    return new Server(http, backend as ShareDB & {agentsCount: number}, sockets, bus);
  }

  get stats(): ServerStats {
    const {user, system} = process.cpuUsage();
    const {heapUsed, external} = process.memoryUsage();
    return {
      ...this.sockets.counts,
      agents: this.backend.agentsCount, streams: this.bus.streamsCount, channels: this.bus.channelsCount,
      cpu: (user + system) / 1000, memory: (heapUsed + external) / 2 ** 20
    };
  }

  /** Accepts no more sockets, and closes the open ones. */
  async close(): Promise<void> {
    this.http.close();
    this.sockets.end();
    await new Promise<void>(resolve => this.backend.close(() => resolve()));
    this.http.closeAllConnections();
  }
}

/** Handles sign-ins, tokens and the page. A real app identifies its users in its own way. Here, a name is enough. */
async function answer(
  request: IncomingMessage, response: ServerResponse, tokens: Tokens, {pages, tokenSeconds}: {pages: string; tokenSeconds: number}
): Promise<void> {
  const address = request.url ?? '/';
  const say = (status: number, text: string, headers: Record<string, string> = {}): void => {
    response.writeHead(status, {'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers}).end(text);
  };
  // An address is whatever a client has sent, such as `//`.
  if (!URL.canParse(address, 'http://server')) return say(400, 'Bad request');
  const {pathname, searchParams} = new URL(address, 'http://server');
  const session = (): string | undefined => {
    const cookies = request.headers.cookie?.split(';').map(cookie => cookie.trim().split('=')) ?? [];
    return tokens.verify(cookies.find(([name]) => name === SESSION_COOKIE)?.[1], 'session')?.user;
  };
  if (request.method === 'POST' && pathname === '/sign-in') {
    const user = searchParams.get('user') ?? '';
    if (!/^[a-z]{1,20}$/.test(user) || ['team', 'notice'].includes(user)) return say(400, 'A name has small letters only');
    const cookie = `${SESSION_COOKIE}=${tokens.issue(user, 'session', SESSION_SECONDS)}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${SESSION_SECONDS}`;
    return say(200, user, {'set-cookie': cookie});
  }
  if (request.method === 'POST' && pathname === '/sign-out') {
    return say(200, '', {'set-cookie': `${SESSION_COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0`});
  }
  if (pathname === '/session' || pathname === '/token') {
    const user = session();
    if (user === undefined) return say(401, 'Not signed in');
    return say(200, pathname === '/session' ? user : tokens.issue(user, 'socket', tokenSeconds));
  }
  if (pathname === '/health') return say(200, 'ok');
  await servePage(pages, request, response);
}
