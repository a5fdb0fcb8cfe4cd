import {expect} from 'chai';
import {createServer, type Server} from 'node:http';
import {mkdir, readFile, rm, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {pathToFileURL} from 'node:url';
import type {Browser, BrowserContext, Page} from 'puppeteer-core';
import {servePage} from '../../examples/editor/pages.js';
import {launchChromium} from '../browsers/index.js';
import {listen, type ShareDBServer, startShareDBServer} from '../server/sharedb-server.js';
import {until} from '../waiting/until.js';
import {codeBlocks, commands, section} from './code-blocks.js';
import {AS_NPM_INSTALL_MAKES_IT, createFolder, runBin} from './package.js';
import {serveFolder, serveWith, type Site} from './serve.js';

/** The server that the recipes speak of. */
const DOCUMENTED_SERVER = 'ws://localhost:8081';
const path = '/app';

describe('the recipes, as in the docs', function () {
  this.timeout(240_000);
  let markdown: string;
  let browser: Browser;
  let context: BrowserContext;
  let server: ShareDBServer;
  let complaints: string[];
  const sites: Site[] = [];

  before(async () => {
    markdown = await readFile(new URL('../../docs/recipes.md', import.meta.url), 'utf8');
    browser = await launchChromium();
  });
  beforeEach(async () => {
    server = await startShareDBServer();
    context = await browser.createBrowserContext();
    complaints = [];
  });
  afterEach(async () => {
    await context.close();
    for (const site of sites.splice(0)) await site.close();
    await server.close();
  });
  after(() => browser?.close());

  /** An app with the files of these sections, and with the worker that all recipes share. */
  async function write(...headings: string[]): Promise<string> {
    const app = await createFolder(headings.at(-1)!.toLowerCase().replace(/\W+/g, '-'), AS_NPM_INSTALL_MAKES_IT);
    const parts = [markdown.split(/^## /m)[0]!, ...headings.map(heading => section(markdown, heading))];
    for (const [name, text] of Object.entries(Object.assign({}, ...parts.map(codeBlocks)) as Record<string, string>)) {
      await mkdir(dirname(join(app, name)), {recursive: true});
      await writeFile(join(app, name), text.replace(DOCUMENTED_SERVER, server.url + path));
    }
    return app;
  }

  /** Runs what a section runs by `npx`. */
  async function run(app: string, heading: string): Promise<void> {
    const [name, ...args] = commands(section(markdown, heading)).filter(line => line.startsWith('npx ')).at(-1)!.split(' ').slice(1);
    await runBin(app, name!, args);
  }

  async function open(url: string): Promise<Page> {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('pageerror', error => complaints.push(String(error)));
    page.on('console', message => { if (/error|warn/.test(message.type()) && !/favicon/.test(message.location().url ?? '')) complaints.push(message.text()); });
    await page.goto(url);
    return page;
  }

  /** @param isBuilt a development server may load the page once more, when it has found what the page imports */
  async function twoTabsShareACounter(url: string, {sockets = 1, isBuilt = true} = {}): Promise<Page[]> {
    if (!isBuilt) {
      for (let warming = 0; warming < 2; warming++) {
        const page = await open(url);
        await shows(page, 0);
        await page.close();
      }
      complaints.length = 0;
    }
    const first = await open(url);
    await shows(first, 0);
    const second = await open(url);
    await shows(second, 0);
    await second.click('button');
    await shows(first, 1);
    await first.bringToFront();
    await first.click('button');
    for (const tab of [first, second]) await shows(tab, 2);
    expect(server.sockets(path).open).to.equal(sockets);
    if (!isBuilt) return [first, second];
    expect(server.sockets(path).total).to.equal(sockets);
    expect(complaints).to.eql([]);
    return [first, second];
  }

  const serve = async (folder: string, headers: Record<string, string> = {}): Promise<string> => {
    const site = await serveWithHeaders(folder, headers);
    sites.push(site);
    return site.url;
  };
  const serveBy = async (app: string, name: string, args: string[]): Promise<string> => {
    const site = await serveWith(app, name, args);
    sites.push(site);
    return site.url;
  };
  const viteArgs = ['--host', '127.0.0.1', '--port', '0'];

  for (const heading of ['Vite and React', 'Vite and Vue', 'Svelte']) {
    it(`${heading}: development server, which only warns of ShareDB's util`, async () => {
      const app = await write(heading);
      await twoTabsShareACounter(await serveBy(app, 'vite', viteArgs), {isBuilt: false});
      for (const complaint of complaints) expect(complaint).to.match(/^Module "util" has been externalized/);
    });

    it(`${heading}: build`, async () => {
      const app = await write(heading);
      await runBin(app, 'vite', ['build']);
      await twoTabsShareACounter(await serve(join(app, 'dist')));
    });
  }

  it('Next.js: build', async () => {
    const app = await write('Next.js');
    await runBin(app, 'next', ['build']);
    const url = await serveBy(app, 'next', ['start', '--hostname', '127.0.0.1', '--port', String(await freePort())]);
    await twoTabsShareACounter(url);
  });

  it('Next.js: development server, which opens no socket itself', async () => {
    const app = await write('Next.js');
    const url = await serveBy(app, 'next', ['dev', '--hostname', '127.0.0.1', '--port', String(await freePort())]);
    await (await fetch(url)).text();
    expect(server.sockets(path)).to.eql({open: 0, total: 0});
    await twoTabsShareACounter(url, {isBuilt: false});
  });

  it('webpack 5: development server, which covers the page with no warning', async () => {
    const heading = 'webpack 5';
    const app = await write(heading);
    const served = commands(section(markdown, heading)).find(line => line.startsWith('npx webpack serve '))!;
    const url = await serveBy(app, 'webpack', [...served.split(' ').slice(2), '--host', '127.0.0.1', '--port', String(await freePort())]);
    const tabs = [...await twoTabsShareACounter(url), await open(url)];
    for (const tab of tabs) {
      await shows(tab, 2);
      expect(await tab.$('#webpack-dev-server-client-overlay')).to.equal(null);
    }
    expect(server.sockets(path)).to.eql({open: 1, total: 1});
    expect(complaints).to.eql([]);
  });

  it('esbuild: development server', async () => {
    const app = await write('webpack 5', 'esbuild');
    const served = commands(section(markdown, 'esbuild')).find(line => line.includes('--servedir'))!;
    await twoTabsShareACounter(await serveBy(app, 'esbuild', [...served.split(' ').slice(2), `--serve=127.0.0.1:${await freePort()}`]));
  });

  it("webpack 5: the warning that its configuration removes is the only one, and an app with ShareDB alone has it too", async () => {
    const app = await write('webpack 5');
    await rm(join(app, 'webpack.config.mjs'));
    await writeFile(join(app, 'plain.js'), "import {Connection} from 'sharedb/lib/client/index.js';\nnew Connection(new WebSocket('/'));\n");
    const stats = JSON.parse(await runBin(app, 'webpack', ['--mode', 'development', '--json', '--entry', './main.js', '--entry', './plain.js'])) as
      {warnings: {message: string; moduleName: string}[]};
    for (const {message, moduleName} of stats.warnings) {
      expect(message).to.include("Can't resolve 'util'");
      expect(moduleName).to.match(/node_modules\/sharedb\/lib\/util\.js$/);
    }
    expect(stats.warnings).not.to.eql([]);
  });

  for (const heading of ['webpack 5', 'esbuild', 'Rollup']) {
    it(`${heading}: build`, async () => {
      const app = await write('webpack 5', heading);
      await run(app, heading);
      await twoTabsShareACounter(await serve(join(app, 'dist')));
    });
  }

  it('a strict Content-Security-Policy', async () => {
    const app = await write('webpack 5', 'A strict Content-Security-Policy');
    await run(app, 'esbuild');
    const policy = /^Content-Security-Policy: (.+)$/m.exec(section(markdown, 'A strict Content-Security-Policy'))![1]!;
    const url = await serve(join(app, 'dist'), {'content-security-policy': policy.replace('wss://example.com', server.url)});
    await twoTabsShareACounter(url);
  });

  it('a service worker, and a start without network', async () => {
    const heading = 'A service worker, and a start without network';
    const app = await write('webpack 5', heading);
    const register = /^navigator\.serviceWorker.*$/m.exec(section(markdown, heading))![0];
    await writeFile(join(app, 'main.js'), `${await readFile(join(app, 'main.js'), 'utf8')}\n${register}\n`);
    await run(app, heading);
    const url = await serve(join(app, 'dist'));
    const tabs = await twoTabsShareACounter(url);
    await tabs[0]!.evaluate(async () => { await navigator.serviceWorker.ready; });
    for (const tab of tabs) await tab.close();
    await sites.pop()!.close();
    await server.stop();
    complaints.length = 0;
    const tab = await open(url);
    await shows(tab, 2);
    await tab.click('button');
    await shows(tab, 3);
    const another = await open(url);
    await shows(another, 3);
  });

  it('a page of file:', async () => {
    const app = await write('Electron, and pages of `file:`');
    await run(app, 'Electron, and pages of `file:`');
    await twoTabsShareACounter(pathToFileURL(join(app, 'dist', 'index.html')).href, {sockets: 2});
  });
});

async function shows(page: Page, count: number): Promise<void> {
  let shown: unknown;
  try {
    await until(`the button says ${count}`, async () => {
      // A development server may reload the page under the question.
      shown = await page.$eval('button', button => button.textContent).catch(() => undefined);
      return shown === `Clicked ${count} times`;
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}; it shows ${String(shown)}`);
  }
}

async function serveWithHeaders(folder: string, headers: Record<string, string>): Promise<Site> {
  if (!Object.keys(headers).length) return serveFolder(folder);
  const server: Server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    void servePage(folder, request, response);
  });
  const port = await listen(server, 0, '127.0.0.1');
  return {
    url: `http://127.0.0.1:${port}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    }
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  const port = await listen(probe, 0, '127.0.0.1');
  await new Promise(resolve => probe.close(resolve));
  return port;
}
