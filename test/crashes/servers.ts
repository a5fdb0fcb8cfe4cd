import {createServer, type IncomingMessage} from 'node:http';
import {connect} from 'node:net';
import type {Duplex} from 'node:stream';
import {servePage} from '../../examples/editor/pages.js';
import {type EditorServer, startServer} from '../../examples/editor/server.js';
import {listen} from '../server/sharedb-server.js';
import {settled} from '../waiting/settled.js';
import {textOf} from '../tabs/text.js';

const host = '127.0.0.1';
export const log: string[] = [];
export const documentId = 'scratch';

/** The example's server behind another one, which goes on serving the page when the example's is stopped. */
export class Servers {
  readonly url: string;
  readonly #editor: EditorServer;
  readonly #close: () => Promise<void>;

  static async start(pages: string): Promise<Servers> {
    const editor = await startServer({port: 0, quiet: true, pages});
    // Without a listener, the answer to an op whose socket was just cut would end the process.
    editor.backend.use('connect', ({stream}, next) => {
      (stream as Duplex).on('error', () => {});
      next();
    });
    editor.backend.use('receive', (context: any, next) => {
      log.push(`${Date.now()} ${context.agent.clientId.slice(0,4)} got ${JSON.stringify(context.data)}`);
      next();
    });
    editor.backend.use('reply', (context: any, next) => {
      log.push(`${Date.now()} ${context.agent.clientId.slice(0,4)} reply ${JSON.stringify(context.reply)}`);
      next();
    });
    editor.backend.use('afterWrite', (context: any, next) => {
      log.push(`${Date.now()} commit ${JSON.stringify(context.op)}`);
      next();
    });
    const front = createServer((request, response) => {
      if (request.url !== '/status') return void servePage(pages, request, response);
      response.writeHead(200, {'content-type': 'application/json'});
      response.end(JSON.stringify({sockets: editor.socketCount()}));
    });
    front.on('upgrade', (request, socket, head) => tunnel(request, socket, head, editor.port));
    const port = await listen(front, 0, host);
    return new Servers(`http://${host}:${port}/`, editor, async () => {
      const closed = new Promise(resolve => front.close(resolve));
      front.closeAllConnections();
      await closed;
    });
  }

  private constructor(url: string, editor: EditorServer, close: () => Promise<void>) {
    this.url = url;
    this.#editor = editor;
    this.#close = close;
  }

  /** Cuts every WebSocket and refuses new ones. */
  goOffline(): Promise<void> {
    return this.#editor.stop();
  }

  goOnline(): Promise<void> {
    return this.#editor.start();
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

  async close(): Promise<void> {
    await this.#editor.close();
    await this.#close();
  }
}

/** Hands a WebSocket on; while nobody listens there, it is refused. */
function tunnel(request: IncomingMessage, socket: Duplex, head: Buffer, port: number): void {
  const server = connect(port, host);
  const close = () => {
    socket.destroy();
    server.destroy();
  };
  socket.on('error', close).on('close', close);
  server.on('error', close).on('close', close);
  server.once('connect', () => {
    const {rawHeaders} = request;
    const headers = rawHeaders.flatMap((name, i) => (i % 2 ? [] : [`${name}: ${rawHeaders[i + 1]}\r\n`]));
    server.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join('')}\r\n`);
    server.write(head);
    server.pipe(socket).pipe(server);
  });
}
