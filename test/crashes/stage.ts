import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect} from 'chai';
import type {Browser, Page} from 'puppeteer-core';
import {build} from '../../examples/editor/build.js';
import {until} from '../waiting/until.js';
import {type Engine, killBrowser} from './engines.js';
import {documentId, log, Servers} from './servers.js';
import {Tab} from './tab.js';
import {faultOf, tokensOf, withoutTokens} from './tokens.js';

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
  readonly #faults: string[] = [];
  /** What the pages had to say, for a test that fails. */
  readonly #log: string[] = [];

  static async open(engine: Engine): Promise<Stage> {
    const servers = await Servers.start(pages);
    const profile = await mkdtemp(join(tmpdir(), 'sharedb-tabs-crashes-'));
    try {
      return new Stage(engine, servers, profile, await engine.launch(profile));
    } catch (error) {
      await servers.close();
      throw error;
    }
  }

  private constructor(engine: Engine, servers: Servers, profile: string, browser: Browser) {
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
    await page.goto(`${this.servers.url}#${documentId}`);
    return this.#ready(page);
  }

  /** A tab that shows the document, and that its own script may close: only who was opened by a script may. */
  async openTabFromScript(): Promise<Tab> {
    const opener = await this.#browser.newPage();
    const opened = new Promise<Page | null>(resolve => opener.once('popup', resolve));
    await opener.evaluate(url => void window.open(url), `${this.servers.url}#${documentId}`);
    return this.#ready((await opened)!);
  }

  /** Two tabs that have all that the server has; the first types at the start, the second at the end. */
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
    await killBrowser(this.#browser);
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
    await until('server and tabs have the same text', async () => {
      texts = [await this.servers.text(), ...(await Promise.all(tabs.map(async tab => (await tab.look()).text)))];
      return new Set(texts).size === 1;
    }).catch((error: Error) => {
      throw new Error(`${error.message}; ${texts.map((text, i) => `${i ? `tab ${tabs[i - 1]!.typist}` : 'server'}: ${this.#describe(text)}`).join('; ')}`);
    });
    const text = texts[0]!;
    this.expectTokens(text, atLeast);
    const ops = await this.servers.ops();
    expect(new Set(ops).size, 'ops at the server that are no repetition').to.equal(ops.length);
    return text;
  }

  /** Expects each keystroke once and in order. */
  expectTokens(text: string, atLeast: ReadonlyMap<Tab, number> = new Map()): void {
    const faults = this.#tabs.flatMap(tab =>
      faultOf(tab.typist, text, {atLeast: atLeast.get(tab) ?? tab.pressed, atMost: tab.pressed}) ?? []);
    expect(faults, faults.join('\n')).to.be.empty;
    expect(withoutTokens(text)).to.equal(untouched);
  }

  /** How many keystrokes of a tab a text has. */
  count(tab: Tab, text: string): number {
    return tokensOf(tab.typist, text).length;
  }

  #describe(text: string): string {
    return this.#tabs.map(tab => `${this.count(tab, text)} of ${tab.pressed} keystrokes of typist ${tab.typist}`).join(', ');
  }

  /** Fails if a page had an error that nobody caught. */
  async close(failed = false): Promise<void> {
    if (failed) { const fs = await import('node:fs'); fs.writeFileSync('/tmp/server.log', log.join('\n')); fs.writeFileSync('/tmp/pages.log', this.#log.join('\n')); }
    if (failed && this.#log.length) console.log(`The pages said:\n${this.#log.slice(-40).join('\n')}`);
    await this.#browser.close();
    await this.servers.close();
    await rm(this.#profile, {recursive: true, force: true, maxRetries: 5});
    expect(this.#faults, 'errors in pages').to.be.empty;
  }

  async #ready(page: Page): Promise<Tab> {
    const typist = this.#tabs.length;
    page.on('pageerror', error => this.#faults.push(`tab ${typist}: ${error}`));
    page.on('console', message => this.#log.push(`tab ${typist}: ${message.text()}`));
    const tab = new Tab(this.#engine, page, typist);
    this.#tabs.push(tab);
    await this.untilReady(tab);
    return tab;
  }
}
