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

/** The system gives free ports out again: to a browser that is shared by many tests that would be an origin with a past. */
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

/** The example's server behind another one, which goes on serving the page when the example's is stopped. */
export class Servers {
  /** Its port makes each test an origin of its own: workers, channels, locks and storage are shared with no other. */
  readonly url: string;
  /** What pages and workers had to say. */
  readonly said: readonly Said[];
  readonly #editor: EditorServer;
  readonly #tunnels: Tunnels;
  readonly #log: readonly string[];
  readonly #close: () => Promise<void>;

  static async start(pages: string): Promise<Servers> {
    const editor = await startServer({port: 0, quiet: true, pages});
    const log: string[] = [];
    const said: Said[] = [];
    const note = (what: string, detail: unknown) => log.push(`${Date.now()} ${what} ${JSON.stringify(detail)}`);
    editor.backend.use('receive', ({agent, data}, next) => {
      note(`client ${agent.clientId.slice(0, 6)} said`, data);
      next();
    });
    editor.backend.use('afterWrite', ({op}, next) => {
      note('written', op);
      next();
    });
    const tunnels = new Tunnels(host);
    const front = createServer((request, response) => void answer(pages, editor, said, request, response));
    front.on('upgrade', (request, socket, head) => tunnels.open(request, socket, head, editor.port));
    const port = await listenAnew(front, host);
    return new Servers(`http://${host}:${port}/`, said, editor, tunnels, log, async () => {
      const closed = new Promise(resolve => front.close(resolve));
      front.closeAllConnections();
      await closed;
    });
  }

  private constructor(
    url: string, said: readonly Said[], editor: EditorServer, tunnels: Tunnels, log: readonly string[], close: () => Promise<void>
  ) {
    this.url = url;
    this.said = said;
    this.#editor = editor;
    this.#tunnels = tunnels;
    this.#log = log;
    this.#close = close;
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

  /** The network between pages and server is gone, and nobody is told. */
  loseNetwork(): void {
    this.#tunnels.lose();
  }

  findNetwork(): void {
    this.#tunnels.find();
  }

  /** From now on the server hears what is said on the WebSockets that are open now, but nobody hears its answers. */
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

  /** What clients said and what was written with any of these characters in it. */
  logOf(characters: readonly string[]): string[] {
    return this.#log.filter(line => characters.some(character => line.includes(character)));
  }

  async close(): Promise<void> {
    await this.#editor.close();
    await this.#close();
  }
}

async function answer(
  pages: string, editor: EditorServer, said: Said[], request: IncomingMessage, response: ServerResponse
): Promise<void> {
  const {pathname} = new URL(request.url ?? '/', 'http://front');
  const send = (type: string, body: string) => {
    response.writeHead(200, {'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-cache'});
    response.end(body);
  };
  // Browsers tell what they want a script for.
  const isForWorker = ['sharedworker', 'worker'].includes(String(request.headers['sec-fetch-dest']));
  if (pathname === saidPath) {
    // A page that ends may end in the middle of a word.
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
