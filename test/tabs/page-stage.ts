import {fileURLToPath} from 'node:url';
import {expect} from 'chai';
import type {Browser, BrowserContext, Page} from 'puppeteer-core';
import type {EditorServer, ServerOptions} from '../../examples/editor/server.js';
import {launchChromium} from '../browsers/index.js';
import {until} from '../waiting/until.js';

/** An example with one page, in tabs of Chromium: each case has a server and a browser profile of its own. */
export class PageStage {
  server!: EditorServer;
  #browser!: Browser;
  #context!: BrowserContext;
  readonly #errors: unknown[] = [];

  /** Registers the hooks of the suite that is being described. Each case ends with an error if a page has thrown one. */
  constructor(name: string, {build, startServer}: {
    build: (options: {outDir: string}) => Promise<void>; startServer: (options: ServerOptions) => Promise<EditorServer>;
  }) {
    const pages = fileURLToPath(new URL(`../../build/tabs-${name}`, import.meta.url));
    before(async () => {
      await build({outDir: pages});
      this.#browser = await launchChromium();
    });
    after(() => this.#browser?.close());

    beforeEach(async () => {
      this.#errors.length = 0;
      this.server = await startServer({port: 0, quiet: true, pages});
      this.#context = await this.#browser.createBrowserContext();
    });
    afterEach(async () => {
      await this.#context.close();
      await this.server.close();
      expect(this.#errors).to.eql([]);
    });
  }

  /** A tab with the page. */
  async open(query = ''): Promise<Page> {
    const page = await this.#context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('pageerror', error => this.#errors.push(error));
    await page.goto(`${this.server.url}${query}`);
    return page;
  }

  /** Ends the SharedWorker of the pages, as a crash does. */
  async killWorker(): Promise<void> {
    const session = await this.#browser.target().createCDPSession();
    let workers: string[] = [];
    // The browser may still list one that has just ended.
    await until('there is one SharedWorker', async () => {
      const {targetInfos} = await session.send('Target.getTargets');
      workers = targetInfos.filter(({type, url}) => type === 'shared_worker' && url.startsWith(this.server.url)).map(({targetId}) => targetId);
      return workers.length === 1;
    });
    await session.send('Target.closeTarget', {targetId: workers[0]!});
    await session.detach();
  }
}
