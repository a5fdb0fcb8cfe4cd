import {expect} from 'chai';
import type {Browser, Page} from 'puppeteer-core';
import {launchChromium} from '../browsers/index.js';
import {connectRemotely} from '../server/remote.js';
import {type ShareDBServer, startShareDBServer} from '../server/sharedb-server.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {bundlers} from './bundlers.js';
import {createApp} from './package.js';
import type {Site} from './serve.js';

describe('an app with the packed package', function () {
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

  for (const [index, {title, serve}] of bundlers.entries()) {
    it(`built by ${title} shares a socket between its tabs, without any configuration`, async () => {
      const app = await createApp(`app-${index}`, []);
      site = await serve(app);
      await createGreeting(server.url);

      const path = '/app';
      const context = await browser.createBrowserContext();
      const errors: unknown[] = [];
      const openTab = async () => {
        const page = await context.newPage();
        page.setDefaultTimeout(60_000);
        page.on('pageerror', error => errors.push(error));
        await page.goto(`${site!.url}?server=${encodeURIComponent(server.url + path)}`);
        await untilShows(page, 'text', 'Hello');
        return page;
      };
      const [first, second] = [await openTab(), await openTab()];
      await untilShows(first, 'mode', 'shared-worker');
      await untilShows(second, 'mode', 'shared-worker');
      expect(server.sockets(path)).to.eql({open: 1, total: 1});

      // A page in the background gets no clicks.
      await first.bringToFront();
      await first.type('#words', 'Oh. ');
      await first.click('#write');
      await untilShows(second, 'text', 'Oh. Hello');
      await untilShows(first, 'text', 'Oh. Hello');
      expect(errors).to.eql([]);
      await context.close();
    });
  }
});

/** The document is of a type that only the app registers. */
async function createGreeting(url: string): Promise<void> {
  const connection = connectRemotely(`${url}/remote`);
  const doc = connection.get('documents', 'greeting');
  await settled(done => doc.create([{insert: 'Hello'}], 'rich-text', done));
  connection.close();
}

async function untilShows(page: Page, id: string, expected: string): Promise<void> {
  let shown: string | null | undefined;
  try {
    await until(`#${id} shows ${expected}`, async () => {
      // A development server may reload the page under the question.
      shown = await page.$eval(`#${id}`, element => element.textContent).catch(() => undefined);
      return shown === expected;
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}; it shows ${shown}`);
  }
}
