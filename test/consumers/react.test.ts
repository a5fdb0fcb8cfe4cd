import {expect} from 'chai';
import {cp} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Browser, Page} from 'puppeteer-core';
import {launchChromium} from '../browsers/index.js';
import {type ShareDBServer, startShareDBServer} from '../server/sharedb-server.js';
import {until} from '../waiting/until.js';
import {createEmptyApp, runBin, tarball} from './package.js';
import {serveFolder, type Site} from './serve.js';
import {versions} from './versions.js';

const files = fileURLToPath(new URL('react-app', import.meta.url));

describe('a React app with the packed package', function () {
  this.timeout(240_000);
  let browser: Browser;
  let server: ShareDBServer;
  let site: Site | undefined;

  before(async () => {
    browser = await launchChromium();
  });
  beforeEach(async () => {
    server = await startShareDBServer();
  });
  afterEach(async () => {
    await site?.close();
    site = undefined;
    await server.close();
  });
  after(() => browser?.close());

  for (const [name, react] of Object.entries({'React 18': versions.react18, 'React 19': versions.react19})) {
    it(`shows a document, a query and presence in three tabs, in StrictMode: ${name}`, async () => {
      const app = await createEmptyApp(name.replace(' ', '-').toLowerCase(), [tarball, versions.sharedb, versions.vite, ...react]);
      await cp(files, app, {recursive: true});
      await runBin(app, 'vite', ['build']);
      site = await serveFolder(join(app, 'dist'));
      const path = '/app';
      const context = await browser.createBrowserContext();
      const complaints: string[] = [];
      const tabs: Page[] = [];
      for (let number = 0; number < 3; number++) {
        const page = await context.newPage();
        page.setDefaultTimeout(60_000);
        page.on('pageerror', error => complaints.push(String(error)));
        page.on('console', message => { if (message.type() === 'error') complaints.push(message.text()); });
        await page.goto(`${site.url}?server=${encodeURIComponent(server.url + path)}`);
        if (!number) {
          await untilShows(page, '#doc', 'none');
          await page.click('#create');
        }
        await untilShows(page, '#doc', '0');
        tabs.push(page);
      }
      await tabs[2]!.click('#add');
      await tabs[2]!.click('#here');
      for (const tab of tabs) {
        await untilShows(tab, '#doc', '1');
        await untilShows(tab, '#query', '1');
        await untilShows(tab, '#saved', 'true');
        await untilShows(tab, '#mode', 'shared-worker');
        await untilShows(tab, '#presence', tab === tabs[2] ? '' : 'here');
      }
      expect(server.sockets(path)).to.eql({open: 1, total: 1});
      expect(complaints).to.eql([]);
      await context.close();
    });
  }
});

function untilShows(page: Page, selector: string, text: string): Promise<void> {
  return until(`${selector} shows ${text}`, () => page.$eval(selector, (element, text) => element.textContent === text, text).catch(() => false));
}
