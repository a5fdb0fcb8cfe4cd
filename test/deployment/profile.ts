import type {Browser, BrowserContext} from 'puppeteer-core';
import {Proxy} from '../../examples/scale-out/proxy.js';
import {until} from '../waiting/until.js';
import {PATIENCE} from './patience.js';
import {Tab} from './tab.js';

/** A browser profile, whose network is a proxy of its own. */
export class Profile {
  readonly tabs: Tab[] = [];
  private readonly errors: unknown[] = [];

  private constructor(readonly name: string, private readonly context: BrowserContext, readonly network: Proxy) {}

  static async open(name: string, browser: Browser, targets: readonly number[], idleMs: number): Promise<Profile> {
    return new Profile(name, await browser.createBrowserContext(), await Proxy.listen({targets, idleMs}));
  }

  /** A tab of a user that shows a note. */
  async openTab(user: string, note: string): Promise<Tab> {
    const page = await this.context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', error => this.errors.push(error));
    await page.goto(`${this.network.url}?user=${user}&note=${encodeURIComponent(note)}`);
    const tab = new Tab(`${this.name}, tab ${this.tabs.length + 1}`, page);
    await until(`${tab.name} shows the note or an error`, async () => {
      const isOpen = await page.$eval('#text', field => !(field as HTMLTextAreaElement).disabled);
      return isOpen || await tab.shown('error') !== '';
    }, PATIENCE);
    this.tabs.push(tab);
    return tab;
  }

  async closeTabs(): Promise<void> {
    await Promise.all(this.tabs.splice(0).map(tab => tab.page.close()));
  }

  /** Fails if a page had an error that nobody caught. */
  async close(): Promise<void> {
    await this.context.close();
    await this.network.close();
    if (this.errors.length) throw new AggregateError(this.errors, `in a page of ${this.name}: ${this.errors.join('; ')}`);
  }
}
