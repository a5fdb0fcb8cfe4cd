import {fileURLToPath} from 'node:url';
import type {Browser, BrowserContext, Page, Viewport} from 'puppeteer-core';
import type {Connection, Doc} from 'sharedb/lib/client/index.js';
import {build} from '../../examples/editor/build.js';
import {type EditorServer, startServer} from '../../examples/editor/server.js';
import {launchChromium} from '../browsers/index.js';
import {connectRemotely} from '../server/remote.js';
import {settled} from '../waiting/settled.js';
import {Tab} from './tab.js';
import {serveFromFolder} from './serve-from-folder.js';
import {textOf} from './text.js';

const pages = fileURLToPath(new URL('../../build/tabs', import.meta.url));
const document = 'scratch';

let browser: Browser | undefined;

before('build the editor and start Chromium', async function () {
  this.timeout(600_000);
  await build({outDir: pages});
  browser = await launchChromium();
});

after('stop Chromium', () => browser?.close());

/** One test's server, with documents of its own, and a browser profile of its own. */
export class ChromiumStage {
  readonly server: EditorServer;
  readonly #context: BrowserContext;
  readonly #errors: unknown[] = [];
  readonly #remotes: Connection[] = [];

  static async open(): Promise<ChromiumStage> {
    const server = await startServer({port: 0, quiet: true, pages});
    return new ChromiumStage(server, await browser!.createBrowserContext());
  }

  private constructor(server: EditorServer, context: BrowserContext) {
    this.server = server;
    this.#context = context;
  }

  /** A tab that shows the document. A busy machine may take long to start its worker. */
  async openTab({query = ''} = {}): Promise<Tab> {
    return this.#show(await this.#newPage(), query);
  }

  /** A page as it is before anything is loaded. */
  async openPage(address: string, viewport?: Viewport, prepare?: (page: Page) => Promise<unknown>): Promise<Page> {
    const page = await this.#newPage();
    await prepare?.(page);
    if (viewport) await page.setViewport(viewport);
    page.on('pageerror', error => this.#errors.push(error));
    await page.goto(`${this.server.url}?host-timeout=10000${address}`);
    return page;
  }

  /** The list of documents, as another client has it. */
  async list(): Promise<Doc<{documents: {id: string; title: string}[]}>> {
    const doc = this.remote().get('lists', 'main') as Doc<{documents: {id: string; title: string}[]}>;
    await settled(done => doc.fetch(done));
    return doc;
  }

  /** The read-only page of the inspector. */
  async openInspector(): Promise<Page> {
    const page = await this.#newPage();
    page.on('pageerror', error => this.#errors.push(error));
    await page.goto(`${this.server.url}inspector.html`);
    return page;
  }

  /** A tab whose page comes from the disk, as from a cache, because the server is stopped. */
  async openTabOffline(query = ''): Promise<Tab> {
    const page = await this.#newPage();
    await serveFromFolder(page, pages);
    return this.#show(page, query);
  }

  /** The tab that an action in another one opens. */
  async openedBy(action: () => Promise<void>): Promise<Tab> {
    const target = new Promise<Page>(resolve => {
      this.#context.once('targetcreated', async target => resolve((await target.page())!));
    });
    await action();
    return this.#ready(await target);
  }

  /** Another client: ShareDB's own on its own WebSocket. */
  remote(): Connection {
    const connection = connectRemotely(`${this.server.url.replace(/^http/, 'ws')}sharedb`);
    this.#remotes.push(connection);
    return connection;
  }

  /** The document that all tabs show, subscribed. */
  async subscribe(connection: Connection) {
    const doc = connection.get('documents', document);
    await settled(done => doc.subscribe(done));
    return doc;
  }

  /** Another client adds lines at the start of the document that all tabs show. */
  async addLines(count: number): Promise<void> {
    const doc = await this.subscribe(this.remote());
    await settled(done => doc.submitOp([{insert: 'A line.\n'.repeat(count)}], {}, done));
  }

  async textOnServer(): Promise<string> {
    const doc = this.server.backend.connect().get('documents', document);
    await settled(done => doc.fetch(done));
    doc.connection.close();
    return textOf(doc);
  }

  /** Fails if a page had an uncaught error. */
  async close(): Promise<void> {
    await this.#context.close();
    for (const connection of this.#remotes) connection.close();
    await this.server.close();
    if (this.#errors.length) throw new AggregateError(this.#errors, `in a page: ${this.#errors.join('; ')}`);
  }

  async #newPage(): Promise<Page> {
    const page = await this.#context.newPage();
    page.setDefaultTimeout(60_000);
    return page;
  }

  async #show(page: Page, query: string): Promise<Tab> {
    const patient = query.includes('host-timeout') ? query : `${query || '?'}&host-timeout=10000`;
    await page.goto(`${this.server.url}${patient}#${document}`);
    return this.#ready(page);
  }

  async #ready(page: Page): Promise<Tab> {
    page.on('pageerror', error => this.#errors.push(error));
    const tab = new Tab(page);
    await tab.untilText('there is text', text => text !== '');
    return tab;
  }
}
