import {readFile} from 'node:fs/promises';
import {extname, join} from 'node:path';
import type {HTTPRequest, Page} from 'puppeteer-core';

const contentTypes: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml'
};

/** Serves a page's files from a folder. Requests for other files go to the network. */
export async function serveFromFolder(page: Page, folder: string): Promise<void> {
  const answer = async (request: HTTPRequest) => {
    const {pathname} = new URL(request.url());
    const name = pathname === '/' ? '/index.html' : pathname;
    const contentType = contentTypes[extname(name)];
    const body = contentType && await readFile(join(folder, name)).catch(() => undefined);
    if (body) await request.respond({body, contentType});
    else await request.continue();
  };
  await page.setRequestInterception(true);
  page.on('request', request => void answer(request));
}
