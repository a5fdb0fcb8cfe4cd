import {createServer, type IncomingMessage} from 'node:http';
import {connect} from 'node:net';
import type {Duplex} from 'node:stream';
import {servePage} from '../../examples/editor/pages.js';
import {type EditorServer, startServer} from '../../examples/editor/server.js';
import {listen} from '../server/sharedb-server.js';
import {settled} from '../waiting/settled.js';
import {textOf} from '../tabs/text.js';

const host = '127.0.0.1';
export const documentId = 'scratch';

/** The example's server behind another one, which goes on serving the page when the example's is stopped. */
export class Servers {
  readonly url: string;
  readonly #editor: EditorServer;
  readonly #tunnels: Tunnels;
  readonly #log: readonly string[];
  readonly #close: () => Promise<void>;

  static async start(pages: string): Promise<Servers> {
    const editor = await startServer({port: 0, quiet: true, pages});
    const log: string[] = [];
    const note = (what: string, detail: unknown) => log.push(`${Date.now()} ${what} ${JSON.stringify(detail)}`);
    editor.backend.use('receive', ({agent, data}, next) => {
      note(`client ${agent.clientId.slice(0, 6)} said`, data);
      next();
    });
    editor.backend.use('afterWrite', ({op}, next) => {
      note('written', op);
      next();
    });
    const front = createServer((request, response) => {
      if (request.url !== '/status') return void servePage(pages, request, response);
      response.writeHead(200, {'content-type': 'application/json'});
      response.end(JSON.stringify({sockets: editor.socketCount()}));
    });
    const tunnels = new Tunnels();
    front.on('upgrade', (request, socket, head) => tunnels.open(request, socket, head, editor.port));
    const port = await listen(front, 0, host);
    return new Servers(`http://${host}:${port}/`, editor, tunnels, log, async () => {
      const closed = new Promise(resolve => front.close(resolve));
      front.closeAllConnections();
      await closed;
    });
  }

  private constructor(
    url: string, editor: EditorServer, tunnels: Tunnels, log: readonly string[], close: () => Promise<void>
  ) {
    this.url = url;
    this.#editor = editor;
    this.#tunnels = tunnels;
    this.#log = log;
    this.#close = close;
  }

  /** Cuts every WebSocket and refuses new ones. */
  goOffline(): Promise<void> {
    return this.#editor.stop();
  }

  goOnline(): Promise<void> {
    return this.#editor.start();
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

/** Hands WebSockets on to the example's server; while it is stopped, they are refused. */
class Tunnels {
  readonly #open = new Set<{hold(): void}>();

  open({method, url, rawHeaders}: IncomingMessage, client: Duplex, head: Buffer, port: number): void {
    const server = connect(port, host);
    const tunnel = {hold: () => server.unpipe(client).pause()};
    const close = () => {
      this.#open.delete(tunnel);
      client.destroy();
      server.destroy();
    };
    for (const end of [client, server]) end.on('error', close).on('close', close);
    // Where answers are held, nothing else ends the other half.
    client.on('end', close);
    server.once('connect', () => {
      this.#open.add(tunnel);
      const headers = rawHeaders.flatMap((name, i) => (i % 2 ? [] : [`${name}: ${rawHeaders[i + 1]}\r\n`]));
      server.write(`${method} ${url} HTTP/1.1\r\n${headers.join('')}\r\n`);
      server.write(head);
      server.pipe(client).pipe(server);
    });
  }

  holdAnswers(): void {
    for (const tunnel of this.#open) tunnel.hold();
  }
}
