import {type Browser, launch, type Page} from 'puppeteer-core';
import {firefoxPreferences, launchChromium, requireBrowser} from '../browsers/index.js';

/** A browser whose pages can be typed into. */
export interface TypingBrowser {
  title: string;
  /** How many pages accept keys at once. */
  typists: 1 | 2;
  launch(): Promise<Browser>;
  /** Makes a page accept keys. */
  focus(page: Page): Promise<void>;
}

const chromium: TypingBrowser = {
  title: 'Chromium',
  typists: 2,
  launch: launchChromium,
  focus: page => page.emulateFocusedPage(true)
};

const firefox: TypingBrowser = {
  title: 'Firefox',
  // Keys reach only the page in front. A page that was edited in the background may have its caret elsewhere afterwards.
  typists: 1,
  launch: () => launch({
    browser: 'firefox',
    executablePath: requireBrowser('firefox'),
    extraPrefsFirefox: firefoxPreferences
  }),
  focus: page => page.bringToFront()
};

export const browsers = [chromium, firefox];
