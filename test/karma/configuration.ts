import {mkdirSync, rmSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {chromiumFlags, firefoxFlags, firefoxPreferences, requireBrowser} from '../browsers/index.js';
import {reporterPlugin} from './reporter.js';
import {serverPlugin, startServers} from './servers.js';
import {webpackConfiguration} from './webpack.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** To run some tests only: `KARMA_TESTS=test/karma/wedged.test.ts KARMA_BROWSERS=HeadlessFirefox npm run test:karma`. */
const tests = process.env['KARMA_TESTS'] ?? 'test/karma/**/*.test.ts';
const browsers = process.env['KARMA_BROWSERS']?.split(',') ?? ['HeadlessChromium', 'HeadlessFirefox'];
// karma-webpack serves nothing but the tests by itself. Worker scripts and tab pages are found only
// if webpack writes to a folder that Karma serves as well.
const outDir = fileURLToPath(new URL('../../build/karma', import.meta.url));

/** Starts the ShareDB server too: the page must know its port. */
export async function configuration(): Promise<object> {
  process.env['CHROME_BIN'] = requireBrowser('chromium');
  process.env['FIREFOX_BIN'] = requireBrowser('firefox');
  rmSync(outDir, {recursive: true, force: true});
  mkdirSync(outDir, {recursive: true});
  const servers = await startServers();

  return {
    basePath: root,
    frameworks: ['sharedb', 'mocha', 'webpack'],
    plugins: ['karma-mocha', 'karma-webpack', 'karma-chrome-launcher', 'karma-firefox-launcher',
      serverPlugin(servers), reporterPlugin],
    files: [
      tests,
      {pattern: `${outDir}/**/*`, included: false, watched: false}
    ],
    preprocessors: {[tests]: ['webpack']},
    webpack: webpackConfiguration(root, outDir),

    browsers,
    customLaunchers: {
      HeadlessChromium: {base: 'Chromium', flags: chromiumFlags, displayName: 'Chromium'},
      HeadlessFirefox: {base: 'Firefox', flags: firefoxFlags, prefs: firefoxPreferences, displayName: 'Firefox'}
    },
    // The tests stop and start the one server, so browsers take turns.
    concurrency: 1,
    // For a browser that does not start; Karma reports the retry.
    retryLimit: 1,
    captureTimeout: 120_000,
    // A busy machine may stop a browser for half a minute.
    pingTimeout: 60_000,
    browserDisconnectTimeout: 60_000,
    // Until its connection is a WebSocket, Karma's client reports 50 results at once. If it never becomes one, the client is
    // silent for long.
    browserNoActivityTimeout: 240_000,

    reporters: ['counting'],
    colors: process.stdout.isTTY || Boolean(process.env['FORCE_COLOR']),
    client: {
      clearContext: false,
      mocha: {timeout: 120_000, forbidOnly: true},
      sharedb: {
        url: servers.shareDB.url,
        control: servers.control.url,
        tabPage: '/base/build/karma/tab.html',
        seed: process.env['SEED']
      }
    },
    autoWatch: false,
    singleRun: true
  };
}
