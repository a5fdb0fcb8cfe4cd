import {accessSync, constants} from 'node:fs';
import {delimiter, join} from 'node:path';

export interface Browser {
  title: string;
  /** The environment variable with the path of its program. */
  variable: string;
  /** The names of its program in PATH, best first. */
  programs: string[];
  /** Programs that are needed to start it. */
  companions: string[];
  /** Debian's packages. */
  aptPackages: string[];
  /** The option with which its program prints something and ends. */
  probe: '--version' | '--help';
}

export const browsers = {
  chromium: {
    title: 'Chromium',
    variable: 'CHROME_BIN',
    programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    companions: [],
    aptPackages: ['chromium'],
    probe: '--version'
  },
  firefox: {
    title: 'Firefox',
    variable: 'FIREFOX_BIN',
    programs: ['firefox-esr', 'firefox'],
    companions: [],
    aptPackages: ['firefox-esr'],
    probe: '--version'
  },
  // The driver starts the browser that it was built with, which needs a screen and a message bus.
  webkitgtk: {
    title: 'WebKitGTK',
    variable: 'WEBKIT_DRIVER_BIN',
    programs: ['WebKitWebDriver'],
    companions: ['xvfb-run', 'xauth', 'dbus-run-session'],
    aptPackages: ['webkit2gtk-driver', 'xvfb', 'xauth', 'dbus'],
    probe: '--help'
  }
} satisfies Record<string, Browser>;

export type BrowserName = keyof typeof browsers;

/** The path of a browser's program, or undefined. A variable with a path that can't be run is an error. */
export function findBrowser(browser: Browser): string | undefined {
  const named = process.env[browser.variable];
  if (named && !isRunnable(named)) {
    throw new Error(`${browser.variable} is set to ${named}, which is not a program that can be run.`);
  }
  if (!browser.companions.every(findProgram)) return undefined;
  return named || browser.programs.map(findProgram).find(path => path !== undefined);
}

function findProgram(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return folders.map(folder => join(folder, program)).find(isRunnable);
}

function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
