import {createServer, type Server} from 'node:http';
import {fileURLToPath} from 'node:url';
import type {Browser, BrowserContext} from 'puppeteer-core';
import type {Doc} from 'sharedb/lib/client/index.js';
import {servePage} from '../../examples/editor/pages.js';
import {connectRemotely} from '../server/remote.js';
import {listen, type ShareDBServer, startShareDBServer} from '../server/sharedb-server.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import type {Binding} from './bindings.js';
import type {TypingBrowser} from './browsers.js';
import {build} from './build.js';
import {place} from './place.js';
import {Tab} from './tab.js';

const outDir = fileURLToPath(new URL('../../build/bindings', import.meta.url));
const host = '127.0.0.1';

let pages: Server;
let pagesUrl: string;

before('build the page', async function () {
  this.timeout(600_000);
  await build(outDir);
  pages = createServer((request, response) => void servePage(outDir, request, response));
  pagesUrl = `http://${host}:${await listen(pages, 0, host)}/`;
});

after('stop to serve the page', () => pages?.close());

/** A browser that runs, and how to type into it. */
export interface RunningBrowser {
  kind: TypingBrowser;
  browser: Browser;
}

/** One test's ShareDB server with one document, and a browser profile of its own. */
export class BindingStage {
  readonly server: ShareDBServer;
  readonly #binding: Binding;
  readonly #kind: TypingBrowser;
  readonly #context: BrowserContext;
  readonly #tabs: Tab[] = [];
  readonly #errors: unknown[] = [];
  #remote: Doc | undefined;
  #expected: RegExp | undefined;

  static async open(binding: Binding, {kind, browser}: RunningBrowser, text: string): Promise<BindingStage> {
    const server = await startShareDBServer();
    const stage = new BindingStage(binding, kind, server, await browser.createBrowserContext());
    const {create, type} = binding.format;
    const remote = await stage.connectRemotely();
    await settled(done => remote.create(create(text), type, done));
    return stage;
  }

  private constructor(binding: Binding, kind: TypingBrowser, server: ShareDBServer, context: BrowserContext) {
    this.#binding = binding;
    this.#kind = kind;
    this.server = server;
    this.#context = context;
  }

  /** A tab that shows the document. */
  async openTab(): Promise<Tab> {
    const page = await this.#context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('pageerror', error => this.#errors.push(error));
    page.on('console', message => {
      if (['error', 'warn'].includes(message.type()) && !this.#expected?.test(message.text())) this.#errors.push(message.text());
    });
    const query = new URLSearchParams({binding: this.#binding.name, server: `${this.server.url}/tabs`});
    await page.goto(`${pagesUrl}?${query}`);
    const tab = new Tab(this.#kind, page);
    await tab.until('there is an editor', ({version}) => version !== null);
    this.#tabs.push(tab);
    return tab;
  }

  /** Another client: ShareDB's own on its own WebSocket, subscribed. */
  async connectRemotely(): Promise<Doc> {
    this.#remote?.connection.close();
    const remote = connectRemotely(`${this.server.url}/remote`).get(...place) as Doc;
    this.#remote = remote;
    await settled(done => remote.subscribe(done));
    return remote;
  }

  /** Stops the server. Pages may then log connection errors. */
  async stopServer(): Promise<void> {
    this.#expected = /no connection to the server, trying again/;
    await this.server.stop();
  }

  get remoteText(): string {
    return this.#textOf(this.#remote!);
  }

  /** Makes an edit of another client; resolves when the server has it. */
  async editRemotely(at: number, removed: string, inserted: string): Promise<void> {
    const op = this.#binding.format.replace(at, removed, inserted);
    await settled(done => this.#remote!.submitOp(op as never, {}, done));
  }

  /** The text of every editor, document and of the server, when nothing is under way. */
  async settledTexts(): Promise<Record<string, string>> {
    const server = await this.#fetch();
    const look = () => Promise.all(this.#tabs.map(tab => tab.look()));
    let views = await look();
    await until('nothing is under way', async () => {
      await settled(done => server.fetch(done));
      views = await look();
      return views.every(({hasPending}) => !hasPending) &&
        [this.#remote!, ...views].every(({version}) => version === server.version);
    });
    server.connection.close();
    return {
      'the server': this.#textOf(server),
      'someone else': this.remoteText,
      ...Object.fromEntries(views.flatMap((view, i) => [
        [`the document of tab ${i}`, this.#textOf(view)],
        [`the editor of tab ${i}`, view.text]
      ]))
    };
  }

  /** Fails if a page had an uncaught error or logged a warning. */
  async close(): Promise<void> {
    await this.#context.close();
    this.#remote?.connection.close();
    await this.server.close();
    if (this.#errors.length) throw new AggregateError(this.#errors, `in a page: ${this.#errors.join('; ')}`);
  }

  async #fetch(): Promise<Doc> {
    const doc = connectRemotely(`${this.server.url}/remote`).get(...place) as Doc;
    await settled(done => doc.fetch(done));
    return doc;
  }

  #textOf({data}: {data: unknown}): string {
    return this.#binding.format.textOf(data);
  }
}
