import type {Page} from 'puppeteer-core';
import type {Connection, Doc} from 'sharedb/lib/client/index.js';
import {connectRemotely} from '../test/server/remote.js';
import {settled} from '../test/waiting/settled.js';
import {BenchBrowser} from './bench-browser.js';
import type {EngineName} from './engines.js';
import {type BenchServer, startBenchServer} from './server/server.js';
import {type Site, startSite} from './site.js';

export interface StageOptions {
  /** The folder of the built pages. */
  pages: string;
  engine: EngineName;
  /** Fewer rounds and smaller numbers, to check that the benchmark works. */
  quick: boolean;
}

/** A ShareDB server and a browser, and further browsers if several are compared. */
export class BenchStage {
  readonly #remotes: Connection[] = [];
  readonly #browsers: BenchBrowser[] = [];

  static async open(options: StageOptions): Promise<BenchStage> {
    const stage = new BenchStage(options, await startSite(options.pages), await startBenchServer());
    await stage.openBrowser().catch(async (error: unknown) => {
      await stage.close();
      throw error;
    });
    return stage;
  }

  private constructor(private readonly options: StageOptions, private readonly site: Site, readonly server: BenchServer) {}

  get quick(): boolean {
    return this.options.quick;
  }

  /** The browser that is opened with the stage. */
  get browser(): BenchBrowser {
    return this.#browsers[0]!;
  }

  async openBrowser(): Promise<BenchBrowser> {
    const browser = await BenchBrowser.open(this.options.engine, this.site.url);
    this.#browsers.push(browser);
    return browser;
  }

  async closeBrowser(browser: BenchBrowser): Promise<void> {
    browser.expectNoErrors();
    this.#browsers.splice(this.#browsers.indexOf(browser), 1);
    await browser.close();
  }

  openPage(): Promise<Page> {
    return this.browser.openPage();
  }

  closePages(...pages: Page[]): Promise<void> {
    return this.browser.closePages(...pages);
  }

  /** Creates documents at the server, in the collection `bench`. */
  async create(documents: Record<string, object>, type = 'json0'): Promise<void> {
    const remote = this.remote();
    await Promise.all(Object.entries(documents).map(([id, data]) => settled(done => remote.get('bench', id).create(data, type, done))));
    // Otherwise it would still follow the documents that it has created.
    remote.close();
  }

  async fetch<Data>(id: string): Promise<Data> {
    const remote = this.remote();
    const doc = remote.get('bench', id) as Doc<Data>;
    await settled(done => doc.fetch(done));
    remote.close();
    return doc.data!;
  }

  /** Opens another client of the server, on the path `/remote`. */
  remote(): Connection {
    const remote = connectRemotely(`${this.server.url}/remote`);
    this.#remotes.push(remote);
    return remote;
  }

  expectNoErrors(): void {
    for (const browser of this.#browsers) browser.expectNoErrors();
  }

  async close(): Promise<void> {
    for (const remote of this.#remotes) remote.close();
    for (const browser of this.#browsers) await browser.close();
    await this.server.close();
    await this.site.close();
  }
}
