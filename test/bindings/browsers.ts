import {type Browser, launch, type Page} from 'puppeteer-core';
import {firefoxPreferences, launchChromium, requireBrowser} from '../browsers/index.js';

/** A browser whose pages can be typed into. */
export interface TypingBrowser {
  title: string;
  /** How many pages take keys at once. */
  typists: 1 | 2;
  launch(): Promise<Browser>;
  /** Makes a page take keys. */
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
  // Keys reach only the page in front. One that has been edited meanwhile may come back with its caret elsewhere.
  typists: 1,
  launch: () => launch({
    browser: 'firefox',
    executablePath: requireBrowser('firefox'),
    extraPrefsFirefox: firefoxPreferences
  }),
  focus: page => page.bringToFront()
};

export const browsers = [chromium, firefox];
