import {launch, type Page as PuppetPage} from 'puppeteer-core';
import {firefoxPreferences, requireBrowser} from '../../browsers/index.js';
import {until} from '../../waiting/until.js';
import {type Engine, type Page, protocolTimeout, withSecondTry} from './driver.js';
import {busiestOf, descendantsOf, isRunning} from './processes.js';
import {PuppeteerBrowser, PuppeteerPage} from './puppeteer.js';

let executablePath: string | undefined;

export const firefox: Engine = {
  title: 'Firefox',
  async launch(profile, {blocksSiteData = false} = {}) {
    executablePath ??= requireBrowser('firefox');
    const options = {
      browser: 'firefox' as const, executablePath, protocolTimeout,
      // 2 is BEHAVIOR_REJECT of nsICookieService.
      extraPrefsFirefox: {...firefoxPreferences, ...(blocksSiteData && {'network.cookie.cookieBehavior': 2})},
      ...(profile && {userDataDir: profile})
    };
    return new FirefoxBrowser(await withSecondTry('Firefox', () => launch(options)), profile);
  }
};

class FirefoxBrowser extends PuppeteerBrowser {
  protected override wrap(page: PuppetPage): Page {
    return new FirefoxPage(page, this.puppet.process()!.pid!);
  }
}

class FirefoxPage extends PuppeteerPage {
  #crashed = false;

  constructor(page: PuppetPage, private readonly browserPid: number) {
    super(page);
  }

  // Keys reach only the page in front.
  protected override toFront(): Promise<void> {
    return this.puppet.bringToFront();
  }

  override press(character: string): Promise<void> {
    return this.puppet.keyboard.press(character as Parameters<PuppetPage['keyboard']['press']>[0]);
  }

  /** Firefox has no command for it. The page's process is found by its load while the page is busy. */
  async crash(): Promise<void> {
    const pid = await busiestOf(() => descendantsOf(this.browserPid), milliseconds => this.evaluate(duration => {
      const end = performance.now() + duration;
      while (performance.now() < end);
    }, milliseconds));
    this.#crashed = true;
    process.kill(pid, 'SIGKILL');
    await until('its process has ended', () => !isRunning(pid));
  }

  override async close(): Promise<void> {
    // The page that reports a crashed tab may not answer.
    if (this.#crashed) void super.close().catch(() => {});
    else await super.close();
  }
}
