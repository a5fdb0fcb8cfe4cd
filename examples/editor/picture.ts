/** `npm run picture`: makes the pictures of the example in README.md, and those of the inspector in docs/inspector.md. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Page} from 'puppeteer-core';
import {launchChromium} from '../../test/browsers/index.js';
import {build} from './build.js';
import {picturesOfInspector} from './inspector-pictures.js';
import {startServer} from './server.js';

const FOLDER = fileURLToPath(new URL('../../docs/images', import.meta.url));

const pages = await mkdtemp(join(tmpdir(), 'editor-picture-'));
await build({outDir: pages});
const server = await startServer({port: 0, quiet: true, pages});
const browser = await launchChromium();
try {
  const tabs: Page[] = [];
  for (let i = 0; i < 3; i++) {
    const page = await browser.newPage();
    await page.setViewport({width: 1180, height: 640, deviceScaleFactor: 1});
    await page.goto(server.url);
    await page.waitForSelector('.ql-editor[contenteditable=true]');
    tabs.push(page);
  }
  const [first, second, third] = tabs as [Page, Page, Page];
  await type(second, '\nThree tabs, one WebSocket.');
  await type(third, '\nEach tab sees the others at once, also without the server.');
  await first.bringToFront();
  await first.waitForFunction(() => document.querySelectorAll('#people li').length === 3 && document.querySelectorAll('.cursor').length > 0);
  await first.screenshot({path: join(FOLDER, 'editor.png')});
  await picturesOfInspector(first, FOLDER, () => type(second, '\nThis line goes to the host, and on to the server.'));
} finally {
  await browser.close();
  await server.close();
  await rm(pages, {recursive: true, force: true});
}

async function type(page: Page, text: string): Promise<void> {
  await page.bringToFront();
  await page.click('.ql-editor');
  await page.keyboard.down('Control');
  await page.keyboard.press('End');
  await page.keyboard.up('Control');
  await page.keyboard.type(text);
}
