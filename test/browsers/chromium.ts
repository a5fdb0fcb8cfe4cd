import {type Browser, launch} from 'puppeteer-core';
import {chromiumFlags} from './flags.js';
import {requireBrowser} from './require.js';

/** A Chromium to drive. One that does not start gets a second try, which is said. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = requireBrowser('chromium');
  // A page that hangs fails its test by itself, not by the test's timeout, which would not say where.
  const start = () => launch({executablePath, args: chromiumFlags, protocolTimeout: 30_000});
  try {
    return await start();
  } catch (error) {
    console.warn(`Chromium did not start, trying once more: ${error}`);
    return start();
  }
}
