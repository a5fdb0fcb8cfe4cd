import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect} from 'chai';
import type {Browser, Page} from 'puppeteer-core';
import {build} from '../../examples/editor/build.js';
import {until} from '../waiting/until.js';
import {type Engine, killBrowser} from './engines.js';
import {type Fault, Keystrokes} from './keystrokes.js';
import {documentId, Servers} from './servers.js';
import {Tab} from './tab.js';

const pages = fileURLToPath(new URL('../../build/crashes', import.meta.url));
const untouched = 'Nothing here is precious.';

before('build the editor', async function () {
  this.timeout(120_000);
  await build({outDir: pages});
});

/** One test's servers, and a browser whose profile is on disk. */
export class Stage {
  readonly servers: Servers;
  readonly #engine: Engine;
  readonly #profile: string;
  #browser: Browser;
  readonly #tabs: Tab[] = [];
  readonly #keystrokes = new Keystrokes();
  readonly #faults: string[] = [];
  /** What the pages had to say, for a test that fails. */
  readonly #log: string[] = [];
  /** Characters of keystrokes that were missing or there twice. */
  readonly #suspects: string[] = [];

  /** @param query of the page's address: the example's options */
  static async open(engine: Engine, query = ''): Promise<Stage> {
    const servers = await Servers.start(pages);
    const profile = await mkdtemp(join(tmpdir(), 'sharedb-tabs-crashes-'));
    try {
      return new Stage(engine, servers, profile, await engine.launch(profile), query);
    } catch (error) {
      await servers.close();
      throw error;
    }
  }

  private constructor(engine: Engine, servers: Servers, profile: string, browser: Browser, private readonly query: string) {
    this.#engine = engine;
    this.servers = servers;
    this.#profile = profile;
    this.#browser = browser;
  }

  get browser(): Browser {
    return this.#browser;
  }

  /** A tab that shows the document. */
  async openTab(): Promise<Tab> {
    const page = await this.#browser.newPage();
    await page.goto(`${this.servers.url}${this.query}#${documentId}`);
    return this.#ready(page);
  }

  /** A tab that shows the document, and that its own script may close: only who was opened by a script may. */
  async openTabFromScript(): Promise<Tab> {
    const opener = await this.#browser.newPage();
    const opened = new Promise<Page | null>(resolve => opener.once('popup', resolve));
    await opener.evaluate(url => void window.open(url), `${this.servers.url}${this.query}#${documentId}`);
    return this.#ready((await opened)!);
  }

  /** Two tabs that have all that the server has. */
  async openTwoTabs(): Promise<[Tab, Tab]> {
    const tabs: [Tab, Tab] = [await this.openTab(), await this.openTab()];
    for (const tab of tabs) await this.untilSaved(tab);
    return tabs;
  }

  /** Makes a tab ready that has loaded its page anew. */
  async untilReady(tab: Tab): Promise<void> {
    // Until then the name stands for the element of this id.
    await until('the page has its script', () => tab.page.evaluate(() => 'connection' in globalThis.editor).catch(() => false));
    await tab.watch();
    await tab.until('there is text, of the shared worker', ({text, mode}) => text !== '' && mode === 'shared-worker');
  }

  async goOffline(...tabs: Tab[]): Promise<void> {
    await this.servers.goOffline();
    for (const tab of tabs) await tab.untilOffline();
  }

  /** The tab reaches its host, the host the server, and nothing waits to be sent. */
  async untilSaved(tab: Tab): Promise<void> {
    await tab.until('nothing waits to be sent', ({mode, hostState, state, pendingOps, hasPending}) =>
      mode === 'shared-worker' && hostState === 'connected' && state === 'connected' && !pendingOps && !hasPending);
  }

  /** Kills the browser and starts it again, with what it has on disk. */
  async killBrowser(): Promise<void> {
    await killBrowser(this.#browser, this.#profile);
    this.#browser = await this.#engine.launch(this.#profile);
  }

  /**
   * Waits until nothing is under way, and expects that server and tabs have the same text, with each
   * keystroke once and in order.
   * @param atLeast how many keystrokes of a tab that ended have to be there, where that is not all
   */
  async expectAllSaved(tabs: Tab[], atLeast: ReadonlyMap<Tab, number> = new Map()): Promise<string> {
    for (const tab of tabs) await this.untilSaved(tab);
    let texts: string[] = [];
    try {
      await until('server and tabs have the same text', async () => {
        texts = [await this.servers.text(), ...(await Promise.all(tabs.map(async tab => (await tab.look()).text)))];
        return new Set(texts).size === 1;
      });
    } catch (error) {
      const whose = ['the server', ...tabs.map(({typist}) => `the tab of typist ${typist}`)];
      const faults = texts.flatMap((text, i) => this.#faultsOf(text, atLeast).map(fault => `${whose[i]}: ${fault.message}`));
      throw new Error([(error as Error).message, ...faults].join('\n'), {cause: error});
    }
    const text = texts[0]!;
    this.expectAllTyped(text, atLeast);
    const ops = await this.servers.ops();
    expect(new Set(ops).size, 'ops at the server that are no repetition').to.equal(ops.length);
    return text;
  }

  /** Expects each keystroke once and in order. */
  expectAllTyped(text: string, atLeast: ReadonlyMap<Tab, number> = new Map()): void {
    const faults = this.#faultsOf(text, atLeast).map(({message}) => message);
    if (faults.length) throw new Error(faults.join('\n'));
    expect(this.#keystrokes.without(text)).to.equal(untouched);
  }

  #faultsOf(text: string, atLeast: ReadonlyMap<Tab, number>): Fault[] {
    const faults = this.#tabs.flatMap(tab => this.#keystrokes.faultOf(text, tab.typist, atLeast.get(tab) ?? tab.pressed) ?? []);
    this.#suspects.push(...faults.flatMap(({characters}) => characters));
    return faults;
  }

  /** How many keystrokes of a tab a text has. */
  count(tab: Tab, text: string): number {
    return this.#keystrokes.in(text, tab.typist).length;
  }

  /** Says what may explain a failure. */
  tell(): void {
    const told = this.servers.logOf(this.#suspects).map(line => this.#keystrokes.legible(line));
    console.log([
      'The pages said:', ...this.#log,
      'The server was told, of keystrokes that were missing or there twice:', ...told
    ].join('\n'));
  }

  /** Fails if a page had an error that nobody caught. */
  async close(): Promise<void> {
    try {
      await this.#browser.close();
    } finally {
      await this.servers.close();
      await rm(this.#profile, {recursive: true, force: true, maxRetries: 5});
    }
    expect(this.#faults, 'errors in pages').to.be.empty;
  }

  async #ready(page: Page): Promise<Tab> {
    const typist = this.#tabs.length;
    page.on('pageerror', error => this.#faults.push(`tab ${typist}: ${error}`));
    page.on('console', message => this.#log.push(`tab ${typist}: ${this.#keystrokes.legible(message.text())}`));
    const tab = new Tab(this.#engine, page, typist, this.#keystrokes);
    this.#tabs.push(tab);
    await this.untilReady(tab);
    return tab;
  }
}
