import {once} from 'node:events';
import {readdir} from 'node:fs/promises';
import {type Browser as Puppet, type Page as PuppetPage, ProtocolError} from 'puppeteer-core';
import {until} from '../../waiting/until.js';
import {type Browser, type Page, protocolTimeout} from './driver.js';

/** What Chromium and Firefox have in common. */
export abstract class PuppeteerBrowser implements Browser {
  constructor(protected readonly puppet: Puppet, private readonly profile: string | undefined) {}

  protected abstract wrap(page: PuppetPage): Page;

  get isRunning(): boolean {
    return this.puppet.connected;
  }

  async newPage(): Promise<Page> {
    const page = await this.puppet.newPage();
    page.setDefaultTimeout(protocolTimeout);
    return this.wrap(page);
  }

  async openedBy(action: () => Promise<unknown>): Promise<Page> {
    const known = new Set(await this.puppet.pages());
    await action();
    let opened: PuppetPage | undefined;
    await until('a page was opened', async () => {
      opened = (await this.puppet.pages()).find(page => !known.has(page));
      return opened !== undefined;
    });
    return this.wrap(opened!);
  }

  close(): Promise<void> {
    return this.puppet.close();
  }

  async kill(): Promise<void> {
    const main = this.puppet.process()!;
    const exited = once(main, 'exit');
    // Puppeteer gives each browser a process group of its own, where there are any.
    if (process.platform === 'win32') main.kill('SIGKILL');
    else process.kill(-main.pid!, 'SIGKILL');
    await exited;
    const {profile} = this;
    if (profile === undefined) return;
    // Puppeteer changes settings in Firefox's profile, and restores them after the process has ended.
    await until('the profile is in order', async () => !(await readdir(profile)).some(name => name.endsWith('.puppeteer')));
  }
}

export abstract class PuppeteerPage implements Page {
  isStuck = false;

  constructor(protected readonly puppet: PuppetPage) {}

  abstract press(character: string): Promise<void>;
  /** Makes the page accept keys. */
  protected abstract toFront(): Promise<void>;

  get isClosed(): boolean {
    return this.puppet.isClosed();
  }

  async goto(url: string): Promise<void> {
    await this.puppet.goto(url);
  }

  async reload(): Promise<void> {
    await this.puppet.reload();
  }

  evaluate<Args extends unknown[], Result>(run: (...args: Args) => Result, ...args: Args): Promise<Awaited<Result>> {
    return this.noting(this.puppet.evaluate(run as (...args: unknown[]) => unknown, ...args) as Promise<Awaited<Result>>);
  }

  private async noting<Result>(answer: Promise<Result>): Promise<Result> {
    try {
      return await answer;
    } catch (error) {
      this.isStuck ||= error instanceof ProtocolError && error.message.includes('timed out');
      throw error;
    }
  }

  async focus(selector: string): Promise<void> {
    await this.toFront();
    await this.noting(this.puppet.focus(selector));
  }

  async pressWithControl(key: 'Home' | 'End'): Promise<void> {
    const {keyboard} = this.puppet;
    await keyboard.down('Control');
    await keyboard.press(key);
    await keyboard.up('Control');
  }

  async close(): Promise<void> {
    if (!this.isClosed) await this.puppet.close({runBeforeUnload: false});
  }
}
