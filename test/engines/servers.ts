import {readFile} from 'node:fs/promises';
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import {join} from 'node:path';
import {text as textOfStream} from 'node:stream/consumers';
import {servePage} from '../../examples/editor/pages.js';
import {type EditorServer, startServer} from '../../examples/editor/server.js';
import {listen} from '../server/sharedb-server.js';
import {settled} from '../waiting/settled.js';
import {textOf} from '../tabs/text.js';
import {pagePrelude, type Said, saidPath, workerPrelude} from './prelude.js';
import {Tunnels} from './tunnels.js';

const host = '127.0.0.1';
export const documentId = 'scratch';

/** The system reuses free ports. For a browser that many tests share, a reused port would be an origin with old data. */
const used = new Set<number>();

async function listenAnew(server: Server, host: string): Promise<number> {
  for (;;) {
    const port = await listen(server, 0, host);
    if (!used.has(port)) {
      used.add(port);
      return port;
    }
    await new Promise(resolve => server.close(resolve));
  }
}

/** The example's server behind another one, which serves the page even when the example's is stopped. */
export class Servers {
  /** Its port gives each test an origin of its own, with separate workers, channels, locks and storage. */
  readonly url: string;
  /** The log messages of pages and workers. */
  readonly said: readonly Said[];
  readonly #running: Running;
  readonly #tunnels: Tunnels;
  readonly #log: readonly string[];
  readonly #front: Front;
  readonly #startAnother: () => Promise<EditorServer>;

  static async start(pages: string): Promise<Servers> {
    const log: string[] = [];
    const said: Said[] = [];
    const note = (what: string, detail: unknown) => log.push(`${Date.now()} ${what} ${JSON.stringify(detail)}`);
    const startAnother = async (): Promise<EditorServer> => {
      const editor = await startServer({port: 0, quiet: true, pages});
      editor.backend.use('receive', ({agent, data}, next) => {
        note(`client ${agent.clientId.slice(0, 6)} said`, data);
        next();
      });
      editor.backend.use('afterWrite', ({op}, next) => {
        note('written', op);
        next();
      });
      editor.backend.use('connect', ({agent}, next) => {
        agents.add(agent);
        next();
      });
      return editor;
    };
    const agents = new Set<unknown>();
    const running = {editor: await startAnother(), agents};
    const tunnels = new Tunnels(host);
    const front = createServer((request, response) => void answer(pages, running.editor, said, request, response));
    front.on('upgrade', (request, socket, head) => tunnels.open(request, socket, head, running.editor.port));
    const port = await listenAnew(front, host);
    return new Servers(`http://${host}:${port}/`, said, running, tunnels, log, {
      start: async () => { await listen(front, port, host); },
      async stop() {
        if (!front.listening) return;
        const closed = new Promise(resolve => front.close(resolve));
        front.closeAllConnections();
        // WebSockets count as connections, but are not among those.
        tunnels.cut();
        await closed;
      }
    }, startAnother);
  }

  private constructor(
    url: string, said: readonly Said[], running: Running, tunnels: Tunnels, log: readonly string[], front: Front,
    startAnother: () => Promise<EditorServer>
  ) {
    this.url = url;
    this.said = said;
    this.#running = running;
    this.#tunnels = tunnels;
    this.#log = log;
    this.#front = front;
    this.#startAnother = startAnother;
  }

  get #editor(): EditorServer {
    return this.#running.editor;
  }

  /** The WebSockets that clients had. */
  get sockets(): Pick<Tunnels, 'mostAtOnce' | 'total'> {
    return this.#tunnels;
  }

  /** Cuts every WebSocket and refuses new ones. */
  goOffline(): Promise<void> {
    return this.#editor.stop();
  }

  goOnline(): Promise<void> {
    return this.#editor.start();
  }

  /** Stops pages, scripts and WebSockets, as if the machine were down. */
  stopPages(): Promise<void> {
    return this.#front.stop();
  }

  startPages(): Promise<void> {
    return this.#front.start();
  }

  /** Restarts the server with another database, which has the example's first documents. */
  async replaceDatabase(): Promise<void> {
    const {editor} = this.#running;
    this.#running.editor = await this.#startAnother();
    await editor.close();
  }

  /** From now on the server closes a WebSocket on which it receives a longer message, as `maxPayload` does. */
  limitMessages(length: number): void {
    this.#editor.backend.use('receive', ({agent, data}, next) => {
      if (JSON.stringify(data).length <= length) next();
      else socketOf(agent).close(1009, 'Message too big');
    });
  }

  /** Closes every WebSocket with this code and reason. */
  closeSockets(code: number, reason: string): void {
    for (const agent of this.#running.agents) socketOf(agent).close(code, reason);
  }

  /** The next WebSocket opens, but ShareDB's greeting never arrives. */
  muteNext(): void {
    this.#tunnels.muteNext();
  }

  /** Drops the network between pages and server without an event. */
  loseNetwork(): void {
    this.#tunnels.lose();
  }

  findNetwork(): void {
    this.#tunnels.find();
  }

  /** From now on the server receives the messages of open WebSockets, but its answers are held back. */
  holdAnswers(): void {
    this.#tunnels.holdAnswers();
  }

  async text(): Promise<string> {
    const doc = this.#editor.backend.connect().get('documents', documentId);
    await settled(done => doc.fetch(done));
    doc.connection.close();
    return textOf(doc);
  }

  /** The identities of the ops that the server has, as `src:seq`. */
  async ops(): Promise<string[]> {
    const ops = await new Promise<{src: string; seq: number}[]>((resolve, reject) => {
      this.#editor.backend.db.getOps('documents', documentId, 0, null, {}, (error: unknown, found: unknown) => {
        if (error) reject(error);
        else resolve(found as {src: string; seq: number}[]);
      });
    });
    return ops.map(({src, seq}) => `${src}:${seq}`);
  }

  /** The messages of clients and the records that contain any of these characters. */
  logOf(characters: readonly string[]): string[] {
    return this.#log.filter(line => characters.some(character => line.includes(character)));
  }

  async close(): Promise<void> {
    await this.#editor.close();
    await this.#front.stop();
  }
}

/** Serves the pages and forwards WebSockets. */
interface Front {
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Running {
  editor: EditorServer;
  /** Of each WebSocket that there ever was. */
  agents: ReadonlySet<unknown>;
}

interface WebSocketOfAgent {
  close(code: number, reason: string): void;
}

/** An agent's stream is a WebSocketJSONStream. */
function socketOf(agent: unknown): WebSocketOfAgent {
  return (agent as {stream: {ws: WebSocketOfAgent}}).stream.ws;
}

async function answer(
  pages: string, editor: EditorServer, said: Said[], request: IncomingMessage, response: ServerResponse
): Promise<void> {
  const {pathname} = new URL(request.url ?? '/', 'http://front');
  const send = (type: string, body: string) => {
    response.writeHead(200, {'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-cache'});
    response.end(body);
  };
  // Browsers send the purpose of a script.
  const isForWorker = ['sharedworker', 'worker'].includes(String(request.headers['sec-fetch-dest']));
  if (pathname === saidPath) {
    // A page that ends may stop in the middle of a message.
    said.push(...await textOfStream(request).then(body => [JSON.parse(body) as Said], () => []));
    send('text/plain', '');
  } else if (pathname === '/') {
    send('text/html', (await readFile(join(pages, 'index.html'), 'utf8')).replace('<head>', `<head>${pagePrelude}`));
  } else if (pathname === '/elsewhere') {
    send('text/html', `<!doctype html><head>${pagePrelude}<title>Elsewhere</title></head>`);
  } else if (pathname === '/status') {
    send('application/json', JSON.stringify({sockets: editor.socketCount()}));
  } else if (isForWorker && pathname.endsWith('.js')) {
    send('text/javascript', workerPrelude + await readFile(join(pages, pathname), 'utf8'));
  } else {
    await servePage(pages, request, response);
  }
}
