import {once} from 'node:events';
import {readdir} from 'node:fs/promises';
import {type Browser, launch, type LaunchOptions, type Page} from 'puppeteer-core';
import {chromiumFlags, firefoxPreferences, requireBrowser} from '../browsers/index.js';
import {until} from '../waiting/until.js';

/** A browser that keeps what its pages store in a folder, from one start to the next. */
export interface Engine {
  title: 'Chromium' | 'Firefox';
  launch(profile: string): Promise<Browser>;
  /** Makes a page take keys. */
  focus(page: Page): Promise<void>;
  /** One keystroke that gives this character. */
  press(page: Page, character: string): Promise<void>;
}

// A page that hangs fails its test by itself, not by the test's timeout, which would not say where.
const protocolTimeout = 30_000;

export const chromium: Engine = {
  title: 'Chromium',
  launch: userDataDir => start('Chromium', {
    executablePath: executable('chromium'), args: chromiumFlags, userDataDir, protocolTimeout
  }),
  // Several tabs are typed into at once, but only one is in front.
  focus: page => page.emulateFocusedPage(true),
  press: (page, character) => page.keyboard.sendCharacter(character)
};

export const firefox: Engine = {
  title: 'Firefox',
  launch: userDataDir => start('Firefox', {
    browser: 'firefox', executablePath: executable('firefox'), extraPrefsFirefox: firefoxPreferences, userDataDir, protocolTimeout
  }),
  // Keys reach only the page in front.
  focus: page => page.bringToFront(),
  press: (page, character) => page.keyboard.press(character as Parameters<Page['keyboard']['press']>[0])
};

export const engines = [chromium, firefox];

/** Ends a browser as the system does that runs out of memory: all its processes at once, none of them warned. */
export async function killBrowser(browser: Browser, profile: string): Promise<void> {
  const main = browser.process()!;
  const exited = once(main, 'exit');
  // Puppeteer gives each browser a process group of its own, where there are any.
  if (process.platform === 'win32') main.kill('SIGKILL');
  else process.kill(-main.pid!, 'SIGKILL');
  await exited;
  // Puppeteer has settings of its own in Firefox's profile, which it takes back when the process has ended.
  await until('the profile is in order', async () => !(await readdir(profile)).some(name => name.endsWith('.puppeteer')));
}

const executables = new Map<string, string>();

function executable(name: 'chromium' | 'firefox'): string {
  const path = executables.get(name) ?? requireBrowser(name);
  executables.set(name, path);
  return path;
}

/** A browser that does not start gets a second try, which is said. */
async function start(title: string, options: LaunchOptions): Promise<Browser> {
  try {
    return await launch(options);
  } catch (error) {
    console.warn(`${title} did not start, trying once more: ${error}`);
    return launch(options);
  }
}
