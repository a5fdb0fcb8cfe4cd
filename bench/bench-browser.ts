import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Browser, Page} from 'puppeteer-core';
import {until} from '../test/waiting/until.js';
import {type EngineName, launchEngine} from './engines.js';
import {cpuOf, type Usage, usageOf} from './processes.js';

/** How long a worker may take to end after its last page, in ms, in a browser that does not report its workers. */
const WORKER_END_MS = 300;

/** A browser with a profile on disk: one in memory would have an IndexedDB in memory. */
export class BenchBrowser {
  readonly #errors: unknown[] = [];
  readonly #pages = new Set<Page>();

  static async open(engine: EngineName, site: string): Promise<BenchBrowser> {
    const profile = await mkdtemp(join(tmpdir(), 'sharedb-tabs-bench-'));
    return new BenchBrowser(await launchEngine(engine, profile), engine, profile, site);
  }

  private constructor(
    readonly browser: Browser, readonly engine: EngineName, private readonly profile: string, private readonly site: string
  ) {}

  version(): Promise<string> {
    return this.browser.version();
  }

  async openPage(path = '', type: 'tab' | 'window' = 'tab'): Promise<Page> {
    const page = await this.browser.newPage({type});
    this.#pages.add(page);
    page.on('pageerror', error => this.#errors.push(error));
    // On a busy machine, Puppeteer may return a page before the page has its frame.
    await until('the page has a frame', () => hasFrame(page));
    await page.goto(this.site + path);
    return page;
  }

  /** Closes pages; after the last one, waits until their shared workers have ended as well. */
  async closePages(...pages: Page[]): Promise<void> {
    for (const page of pages) {
      await page.close();
      this.#pages.delete(page);
    }
    if (this.#pages.size) return;
    if (this.engine === 'firefox') await new Promise(resolve => setTimeout(resolve, WORKER_END_MS));
    else await until('the shared workers have ended', () => !this.browser.targets().some(target => target.type() === 'shared_worker'));
  }

  usage(): Promise<Usage> {
    return usageOf(this.#pid);
  }

  cpu(): Promise<number> {
    return cpuOf(this.#pid);
  }

  /** Throws if a page had an uncaught error, because the figures may then be wrong. */
  expectNoErrors(): void {
    if (this.#errors.length) throw new AggregateError(this.#errors, `in a page: ${this.#errors.splice(0).join('; ')}`);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await rm(this.profile, {recursive: true, force: true, maxRetries: 5});
  }

  get #pid(): number {
    return this.browser.process()!.pid!;
  }
}

function hasFrame(page: Page): boolean {
  try {
    return !!page.mainFrame();
  } catch {
    return false;
  }
}
