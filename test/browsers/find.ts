import {accessSync, constants} from 'node:fs';
import {delimiter, join} from 'node:path';

export interface Browser {
  title: string;
  /** The environment variable that names its program. */
  variable: string;
  /** What its program is called in PATH, best first. */
  programs: string[];
  /** Debian's package. */
  aptPackage: string;
}

export const browsers = {
  chromium: {
    title: 'Chromium',
    variable: 'CHROME_BIN',
    programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    aptPackage: 'chromium'
  },
  firefox: {
    title: 'Firefox',
    variable: 'FIREFOX_BIN',
    programs: ['firefox-esr', 'firefox'],
    aptPackage: 'firefox-esr'
  }
} satisfies Record<string, Browser>;

export type BrowserName = keyof typeof browsers;

/** The path of a browser's program, or undefined. A variable that names nothing runnable is an error, not a miss. */
export function findBrowser(browser: Browser): string | undefined {
  const named = process.env[browser.variable];
  if (named) {
    if (isRunnable(named)) return named;
    throw new Error(`${browser.variable} is set to ${named}, which is not a program that can be run.`);
  }
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return browser.programs
    .flatMap(program => folders.map(folder => join(folder, program)))
    .find(isRunnable);
}

function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
