import {join} from 'node:path';
import type {ElementHandle, Page} from 'puppeteer-core';

const TAG = 'sharedb-tabs-inspector';

/**
 * Takes a picture of each view that docs/inspector.md shows.
 * @param edit types something in another tab
 */
export async function picturesOfInspector(page: Page, folder: string, edit: () => Promise<void>): Promise<void> {
  await page.setViewport({width: 1180, height: 900, deviceScaleFactor: 1});
  await page.click('#open-inspector');
  const panel = (await page.waitForSelector(TAG))!;
  // The height of the content, because the docked panel scrolls.
  await panel.evaluate(element => { (element as HTMLElement).style.blockSize = 'auto'; });
  const take = async (name: string, view: string, awaited: string): Promise<void> => {
    await press(panel, view);
    await page.waitForFunction((element, text) => element.shadowRoot!.textContent!.includes(text), {}, panel, awaited);
    await panel.screenshot({path: join(folder, `inspector-${name}.png`)});
  };
  await press(panel, 'Timeline');
  await page.evaluate(element => {
    const whose = element.shadowRoot!.querySelector<HTMLSelectElement>('select[aria-label="Whose messages"]')!;
    whose.value = 'all';
    whose.dispatchEvent(new Event('change'));
  }, panel);
  await edit();
  await page.bringToFront();
  await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: 'dark'}]);
  await panel.evaluate(element => { (element as HTMLElement).style.blockSize = '420px'; });
  await take('timeline', 'Timeline', 'host to server');
  await panel.evaluate(element => { (element as HTMLElement).style.blockSize = 'auto'; });
  await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: 'light'}]);
  await take('overview', 'Overview', ' ms');
  await take('documents', 'Documents', 'rich-text');
  await page.evaluate(() => {
    const {connection} = globalThis.editor as {connection: {createSubscribeQuery(collection: string, query: object, options: null, done: () => void): unknown}};
    return new Promise<void>(resolve => { connection.createSubscribeQuery('documents', {title: 'Welcome'}, null, resolve); });
  });
  await take('queries', 'Queries', 'the server');
  await take('faults', 'Faults', 'as it is');
}

function press(panel: ElementHandle, name: string): Promise<void> {
  return panel.evaluate((element, name) => {
    [...element.shadowRoot!.querySelectorAll('button')].find(button => button.textContent === name)!.click();
  }, name);
}
