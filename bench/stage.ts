import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type Browser, launch, type Page} from 'puppeteer-core';
import type {Connection, Doc} from 'sharedb/lib/client/index.js';
import {chromiumFlags, requireBrowser} from '../test/browsers/index.js';
import {connectRemotely} from '../test/server/remote.js';
import {type ShareDBServer, startShareDBServer} from '../test/server/sharedb-server.js';
import {settled} from '../test/waiting/settled.js';
import {until} from '../test/waiting/until.js';
import {type Site, startSite} from './site.js';

/** Of two pages of a headless browser, one is behind: it is to have the same turns as the one in front. */
const flags = [
  ...chromiumFlags, '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding'
];

/** A ShareDB server, and a browser with a profile on disk: one in memory would have an IndexedDB in memory. */
export class Stage {
  readonly #remotes: Connection[] = [];
  readonly #errors: unknown[] = [];

  static async open(pages: string): Promise<Stage> {
    const profile = await mkdtemp(join(tmpdir(), 'sharedb-tabs-bench-'));
    const browser = await launch({
      executablePath: requireBrowser('chromium'), args: flags, userDataDir: profile, protocolTimeout: 180_000
    });
    return new Stage(browser, profile, await startSite(pages), await startShareDBServer());
  }

  private constructor(
    readonly browser: Browser, private readonly profile: string, private readonly site: Site, readonly server: ShareDBServer
  ) {}

  async openPage(): Promise<Page> {
    const page = await this.browser.newPage();
    page.on('pageerror', error => this.#errors.push(error));
    await page.goto(this.site.url);
    return page;
  }

  /** Closes pages, and waits until their shared workers have ended as well. */
  async closePages(...pages: Page[]): Promise<void> {
    for (const page of pages) await page.close();
    await until('the shared workers have ended', () => !this.browser.targets().some(target => target.type() === 'shared_worker'));
  }

  /** Documents of the server, in the collection `bench`. */
  async create(documents: Record<string, object>): Promise<void> {
    const remote = this.#remote();
    await Promise.all(Object.entries(documents).map(([id, data]) => settled(done => remote.get('bench', id).create(data, done))));
  }

  async fetch<Data>(id: string): Promise<Data> {
    const doc = this.#remote().get('bench', id) as Doc<Data>;
    await settled(done => doc.fetch(done));
    return doc.data!;
  }

  /** Fails if a page had an error that nobody caught: then the numbers are worth nothing. */
  expectNoErrors(): void {
    if (this.#errors.length) throw new AggregateError(this.#errors, `in a page: ${this.#errors.splice(0).join('; ')}`);
  }

  async close(): Promise<void> {
    for (const remote of this.#remotes) remote.close();
    await this.browser.close();
    await this.server.close();
    await this.site.close();
    await rm(this.profile, {recursive: true, force: true, maxRetries: 5});
  }

  #remote(): Connection {
    const remote = connectRemotely(`${this.server.url}/remote`);
    this.#remotes.push(remote);
    return remote;
  }
}
