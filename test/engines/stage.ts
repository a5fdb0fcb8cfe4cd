import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect} from 'chai';
import type {ProxyDoc, TabConnection} from '../../lib/index.js';
import {build} from '../../examples/editor/build.js';
import {until} from '../waiting/until.js';
import {sharedBrowser} from './browsers.js';
import type {Browser, Engine, Page} from './drivers/index.js';
import type {Hosting} from './hosting.js';
import {type Fault, Keystrokes} from './keystrokes.js';
import {endChannel, parameters, whoIs} from './prelude.js';
import {documentId, Servers} from './servers.js';
import {Tab} from './tab.js';

const pages = fileURLToPath(new URL('../../build/engines', import.meta.url));
/** Twenty pages that load at once can take longer than the usual `hostTimeout`. */
const patient = {'host-timeout': '30000'};
const untouched = 'Nothing here is precious.';

declare global {
  /** Tells a waiting page to load the editor. */
  var starter: BroadcastChannel | undefined;
}

before('build the editor', async function () {
  this.timeout(600_000);
  await build({outDir: pages});
});

export type StoreOption = 'with' | 'without' | 'written';

export interface StageOptions {
  /** Whether the test has a browser of its own, which keeps its storage when it is killed. Default false. */
  onDisk?: boolean;
  /** Whether the test has a browser of its own, in which pages can't store anything. Default false. */
  blocksSiteData?: boolean;
  /** Whether the editor has its store. 'written': other tabs show an edit only after it is written. Default 'with'. */
  store?: StoreOption;
}

/** One test's servers, with an origin of their own, and its tabs in a browser. */
export class EngineStage {
  readonly servers: Servers;
  readonly hosting: Hosting;
  readonly #engine: Engine;
  /** The folder of a browser that only this test has. */
  readonly #profile: string | undefined;
  #browser: Browser;
  readonly #pages: Page[] = [];
  readonly #tabs: Tab[] = [];
  readonly #keystrokes = new Keystrokes();
  /** The characters of missing or duplicated keystrokes. */
  readonly #suspects: string[] = [];

  static async open(engine: Engine, hosting: Hosting, {onDisk = false, blocksSiteData = false, store = 'with'}: StageOptions = {}): Promise<EngineStage> {
    const servers = await Servers.start(pages);
    try {
      if (!onDisk && !blocksSiteData) return new EngineStage(engine, hosting, servers, store, await sharedBrowser(engine));
      const profile = await mkdtemp(join(tmpdir(), 'sharedb-tabs-engines-'));
      return new EngineStage(engine, hosting, servers, store, await engine.launch(profile, {blocksSiteData}), profile);
    } catch (error) {
      await servers.close();
      throw error;
    }
  }

  private constructor(
    engine: Engine, hosting: Hosting, servers: Servers, private readonly store: StoreOption, browser: Browser, profile?: string
  ) {
    this.#engine = engine;
    this.hosting = hosting;
    this.servers = servers;
    this.#browser = browser;
    this.#profile = profile;
  }

  get browser(): Browser {
    return this.#browser;
  }

  /**
   * Whether the failure is the browser's: it has ended by itself, or its storage does not answer. When a shared worker ends with
   * its last tab in the middle of a write, WebKitGTK keeps the transaction open for ever, and everybody waits for it (seen with
   * plain IndexedDB in 12 of 29 reloads). Chromium 156 stops about one page in a hundred that comes from the back/forward cache with
   * its shared worker: it neither runs nor answers, and its process is idle.
   */
  get isBrowsersFault(): boolean {
    return !this.#browser.isRunning || this.#tabs.some(({hasReturned, page}) => hasReturned && page.isStuck) ||
      (this.#engine.title === 'WebKitGTK' && this.hosting === 'shared-worker' && this.#tabs.some(tab => tab.sawStuckStorage));
  }

  /** A tab that shows the document. @param mode its hosting mode */
  async openTab(mode: string = this.hosting, query: Record<string, string> = {}): Promise<Tab> {
    const page = await this.#newPage();
    const tab = this.#tab(page);
    await page.goto(this.#url(tab, query));
    await tab.untilReady(mode);
    return tab;
  }

  /** Tabs that load the page at the same moment. */
  async openTabsAtOnce(count: number): Promise<Tab[]> {
    const tabs: Tab[] = [];
    for (let i = 0; i < count; i++) {
      const tab = this.#tab(await this.#newPage());
      tabs.push(tab);
      await tab.page.goto(`${this.servers.url}elsewhere`);
      await tab.page.evaluate(url => {
        globalThis.starter = new BroadcastChannel('start');
        globalThis.starter.onmessage = () => location.replace(url);
      }, this.#url(tab, patient));
    }
    // Not through the driver, whose commands may wait for each other.
    await tabs[0]!.page.evaluate(url => void setTimeout(() => {
      globalThis.starter!.postMessage('');
      location.replace(url);
    }), this.#url(tabs[0]!, patient));
    for (const tab of tabs) await this.untilReady(tab);
    return tabs;
  }

  /** A tab that shows the document and that its own script may close: only pages opened by a script may. */
  async openTabFromScript(): Promise<Tab> {
    const opener = await this.#newPage();
    await opener.goto(`${this.servers.url}elsewhere`);
    const typist = this.#tabs.length;
    const page = await this.#browser.openedBy(async () => {
      // Browsers do not block a pop-up that a key opens.
      await opener.evaluate(url => {
        document.body.innerHTML = '<input id="opener">';
        document.querySelector('input')!.addEventListener('keydown', () => window.open(url), {once: true});
      }, this.#url({typist}));
      await opener.focus('#opener');
      await opener.pressWithControl('End');
    });
    this.#pages.push(page);
    const tab = this.#tab(page);
    await this.untilReady(tab);
    return tab;
  }

  /** Two tabs, opened one after the other, that have everything that the server has. */
  async openTwoTabs(): Promise<[Tab, Tab]> {
    const tabs: [Tab, Tab] = [await this.openTab(), await this.openTab()];
    for (const tab of tabs) await this.untilSaved(tab);
    return tabs;
  }

  /** Shows the document in frames of a page (each is a tab for the host), makes one edit in each, and removes them. */
  async inFrames(tab: Tab, count: number): Promise<void> {
    await tab.page.evaluate((url, frames) => {
      for (let i = 0; i < frames; i++) {
        const frame = document.createElement('iframe');
        frame.src = url;
        document.body.append(frame);
      }
    }, this.#url(tab, patient), count);
    await until('all frames have the document, and nothing waits to be sent', () => tab.page.evaluate(mode => {
      return [...document.querySelectorAll('iframe')].every(({contentWindow}) => {
        const {connection, doc} = (contentWindow as unknown as {editor?: {connection?: TabConnection; doc?: ProxyDoc}}).editor ?? {};
        return connection?.mode === mode && doc?.type && !doc.hasPending();
      });
    }, this.hosting));
    await tab.page.evaluate(() => {
      for (const frame of document.querySelectorAll('iframe')) frame.remove();
    });
  }

  /** The editor in a frame of another page. Its log messages are the only information. */
  async openFrame(kind: 'sandbox'): Promise<{tab: Tab; said(): string[]; type(): Promise<void>}> {
    const page = await this.#newPage();
    await page.goto(`${this.servers.url}elsewhere`);
    const tab = this.#tab(page);
    await page.evaluate((url, attribute) => {
      const frame = document.createElement('iframe');
      frame.setAttribute(attribute, 'allow-scripts');
      frame.src = url;
      document.body.append(frame);
    }, this.#url(tab, {[parameters.tells]: ''}), kind);
    return {
      tab,
      said: () => this.servers.said.filter(({who}) => who === whoIs(tab.typist)).map(({text}) => text),
      type: () => page.evaluate(character => document.querySelector('iframe')!.contentWindow!.postMessage(character, '*'), tab.nextKey())
    };
  }

  /** Makes the shared worker end itself at once, without a message to anybody. */
  async endWorker({page}: Tab): Promise<void> {
    await page.evaluate(name => {
      const channel = new BroadcastChannel(name);
      channel.postMessage('');
      channel.close();
    }, endChannel);
  }

  /** Waits until a reloaded tab is ready. */
  untilReady(tab: Tab): Promise<void> {
    return tab.untilReady(this.hosting);
  }

  async goOffline(...tabs: Tab[]): Promise<void> {
    await this.servers.goOffline();
    for (const tab of tabs) await tab.untilOffline();
  }

  /** Waits until the tab reaches its host, the host reaches the server, and nothing waits to be sent. */
  async untilSaved(tab: Tab): Promise<void> {
    await tab.until('nothing waits to be sent', ({hostState, state, pendingOps, hasPending}) =>
      hostState === 'connected' && state === 'connected' && !pendingOps && !hasPending);
  }

  /** Kills the browser and starts it again with its disk. */
  async killBrowser(): Promise<void> {
    await this.#browser.kill!();
    this.#pages.length = 0;
    this.#browser = await this.#engine.launch(this.#profile);
  }

  /**
   * Waits until nothing is under way. Then server and tabs must have the same text, with each keystroke once and in order.
   * @param atLeast how many keystrokes of a tab that ended must be there, if not all
   */
  async expectAllSaved(tabs: readonly Tab[], atLeast: ReadonlyMap<Tab, number> = new Map()): Promise<string> {
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

  /** Prints information that may explain a failure. */
  tell(): void {
    const said = [...this.servers.said].sort((a, b) => a.at - b.at);
    const told = this.servers.logOf(this.#suspects);
    const {mostAtOnce, total} = this.servers.sockets;
    console.log([
      'Pages and workers said:', ...said.map(({at, who, text}) => this.#keystrokes.legible(`${at} ${who}: ${text}`)),
      `The server had ${total} WebSockets, ${mostAtOnce} at once.`,
      'It was told, of keystrokes that were missing or there twice:', ...told.map(line => this.#keystrokes.legible(line))
    ].join('\n'));
  }

  /** Fails if a page or a worker had an uncaught error. */
  async close(): Promise<void> {
    try {
      if (this.#profile !== undefined) await this.#browser.close();
      else if (this.#browser.isRunning) for (const page of this.#pages) await page.close();
    } finally {
      await this.servers.close();
      if (this.#profile !== undefined) await rm(this.#profile, {recursive: true, force: true, maxRetries: 5});
    }
    const faults = this.servers.said.filter(({isFault}) => isFault).map(({who, text}) => `${who}: ${text}`);
    expect(faults, 'errors that nobody caught').to.be.empty;
  }

  async #newPage(): Promise<Page> {
    const page = await this.#browser.newPage();
    this.#pages.push(page);
    return page;
  }

  #tab(page: Page): Tab {
    const tab = new Tab(page, this.#tabs.length, this.#keystrokes, this.servers.said);
    this.#tabs.push(tab);
    return tab;
  }

  #url({typist}: {typist: number}, more: Record<string, string> = {}): string {
    const query = new URLSearchParams({[parameters.tab]: String(typist), ...more});
    if (this.hosting === 'elected-tab') query.set(parameters.withoutSharedWorker, '');
    if (this.store === 'without') query.set('no-store', '');
    if (this.store === 'written') query.set('written', '');
    return `${this.servers.url}?${query}#${documentId}`;
  }
}
