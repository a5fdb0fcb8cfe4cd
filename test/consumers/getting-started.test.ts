import {expect} from 'chai';
import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {createServer} from 'node:http';
import {connect} from 'node:net';
import type {Browser, Page} from 'puppeteer-core';
import {Connection, type Doc} from 'sharedb/lib/client/index.js';
import {WebSocket} from 'ws';
import {launchChromium} from '../browsers/index.js';
import {listen} from '../server/sharedb-server.js';
import {until} from '../waiting/until.js';
import {codeBlocks, commands} from './code-blocks.js';
import {cleanEnvironment} from './execute.js';
import {AS_NPM_INSTALL_MAKES_IT, createEmptyApp, tarball} from './package.js';
import {type Site, serveWith} from './serve.js';
import {versions} from './versions.js';

const page = new URL('../../docs/getting-started.md', import.meta.url);
/** The port in the page's text. The test replaces it with a free one. */
const DOCUMENTED_PORT = /\b8081\b/g;

describe('the getting-started page', function () {
  this.timeout(240_000);
  let browser: Browser;
  let server: ChildProcess;
  let site: Site;
  let port: number;

  before(async () => {
    const markdown = await readFile(page, 'utf8');
    const app = await createEmptyApp('getting-started', installedBy(markdown), AS_NPM_INSTALL_MAKES_IT);
    port = await freePort();
    const files = codeBlocks(markdown);
    expect(Object.keys(files)).to.have.members(['server.mjs', 'sharedb.worker.js', 'main.js', 'index.html']);
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(app, name), text.replace(DOCUMENTED_PORT, String(port)));
    }
    const [install, startServer, startPage] = commands(markdown).map(command => command.split(' '));
    expect([install![0], startServer![0], startPage![0]]).to.eql(['npm', 'node', 'npx']);
    server = spawn(process.execPath, startServer!.slice(1), {cwd: app, env: cleanEnvironment(), stdio: 'inherit'});
    await until('the server listens', () => accepts(port));
    site = await serveWith(app, startPage![1]!, [...startPage!.slice(2), '--host', '127.0.0.1', '--port', '0']);
    browser = await launchChromium();
  });

  after(async () => {
    await browser?.close();
    await site?.close();
    if (server?.kill('SIGKILL')) await once(server, 'exit');
  });

  it('leads from an empty folder to a counter that two tabs share, also while the server is suspended', async () => {
    const errors: unknown[] = [];
    const openTab = async () => {
      const tab = await browser.newPage();
      tab.setDefaultTimeout(60_000);
      tab.on('pageerror', error => errors.push(error));
      await tab.goto(site.url);
      return tab;
    };
    const first = await openTab();
    await untilButtonSays(first, 'Clicked 0 times');
    const second = await openTab();
    await untilButtonSays(second, 'Clicked 0 times');
    await second.click('button');
    await second.click('button');
    await untilButtonSays(second, 'Clicked 2 times');
    await untilButtonSays(first, 'Clicked 2 times');

    server.kill('SIGSTOP');
    await second.click('button');
    await untilButtonSays(first, 'Clicked 3 times');
    await first.bringToFront();
    await first.click('button');
    await untilButtonSays(second, 'Clicked 4 times');
    server.kill('SIGCONT');
    await until('the server has each click once', async () => (await clicksAtServer(port)) === 4);
    await untilButtonSays(first, 'Clicked 4 times');
    expect(errors).to.eql([]);
  });
});

/** What a client of its own gets from the server. */
async function clicksAtServer(port: number): Promise<number | undefined> {
  const connection = new Connection(new WebSocket(`ws://localhost:${port}`) as never);
  try {
    const doc = connection.get('examples', 'counter') as Doc<{clicks: number}>;
    await new Promise<void>((resolve, reject) => doc.fetch(error => { if (error) reject(error as unknown as Error); else resolve(); }));
    return doc.data?.clicks;
  } finally {
    connection.close();
  }
}

/** What the page's commands install, with the packed package in place of the published one. */
function installedBy(markdown: string): string[] {
  // The first two. Others are for apps in TypeScript.
  const [first, second] = [...markdown.matchAll(/(?:^|`)npm install (?:--save-dev )?([^`\n]+)/gm)].map(([, names]) => names!.split(' '));
  const pinned: Record<string, string> = {'sharedb-tabs': tarball, 'sharedb': versions.sharedb, 'vite': versions.vite};
  return [...first!, ...second!].map(name => pinned[name] ?? name);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  const port = await listen(probe, 0, '127.0.0.1');
  probe.close();
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, 'localhost', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function untilButtonSays(tab: Page, text: string): Promise<void> {
  return until(`the button says ${text}`, async () => {
    // The development server may reload the page under the question.
    const shown = await tab.$eval('button', button => button.textContent).catch(() => undefined);
    return shown === text;
  });
}
