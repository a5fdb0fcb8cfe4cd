import {type Browser, launch} from 'puppeteer-core';
import {chromiumFlags} from './flags.js';
import {requireBrowser} from './require.js';

/** Launches a Chromium. If it does not start, a second try is made and logged. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = requireBrowser('chromium');
  // A page that hangs fails here, with a place, before the test's own timeout.
  const start = () => launch({executablePath, args: chromiumFlags, protocolTimeout: 60_000});
  try {
    return await start();
  } catch (error) {
    console.warn(`Chromium did not start, trying once more: ${error}`);
    return start();
  }
}
