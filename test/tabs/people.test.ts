import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {ChromiumStage} from './stage.js';
import type {Tab} from './tab.js';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

describe('the example', function () {
  this.timeout(180_000);
  let stage: ChromiumStage;

  beforeEach(async () => {
    stage = await ChromiumStage.open();
  });
  afterEach(() => stage.close());

  const peopleIn = ({page}: Tab): Promise<number> => page.$$eval('#people li', items => items.length);

  it('shows who is here, and where the cursors of others are, also without the server', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab()];
    for (const tab of [first, second]) await until('both are here', async () => (await peopleIn(tab)) === 2);
    await stage.server.stop();
    await first.page.bringToFront();
    await first.page.click('.ql-editor');
    await until('the second tab shows a cursor', () => second.page.$$eval('.cursor', cursors => cursors.length === 1 && !!cursors[0]!.getAttribute('data-name')));
    await first.page.close();
    await until('the first has gone', async () => (await peopleIn(second)) === 1);
    await until('its cursor too', () => second.page.$$eval('.cursor', cursors => cursors.length === 0));
  });

  it('says what plain ShareDB would take', async () => {
    const [first] = [await stage.openTab(), await stage.openTab()];
    await until('two', () => first.page.$eval('#status-plain', element => element.textContent === '2'));
  });

  it('survives a reload while the server is away', async () => {
    const tab = await stage.openTab();
    await tab.page.click('.ql-editor');
    await tab.page.keyboard.type('kept ');
    await tab.page.evaluate(() => (globalThis as unknown as {editor: {connection: {flushWrites(): Promise<void>}}}).editor.connection.flushWrites());
    await stage.server.stop();
    await tab.page.reload();
    await until('the text is there', () => tab.page.$eval('.ql-editor', element => element.textContent!.includes('kept ')));
    await stage.server.start();
    await until('the server has it', async () => (await stage.textOnServer()).includes('kept '));
  });

  for (const [title, viewport] of Object.entries({desktops: {width: 1280, height: 800}, phones: {width: 390, height: 844, isMobile: true, hasTouch: true}})) {
    it(`has nothing that axe objects to, on ${title}`, async () => {
      const tab = await stage.openTab();
      await stage.openTab();
      await tab.page.bringToFront();
      await tab.page.setViewport(viewport);
      await until('both are here', async () => (await peopleIn(tab)) === 2);
      await tab.page.evaluate(await readFile(axe, 'utf8'));
      const found = await tab.page.evaluate(async () => {
        const {violations} = await (globalThis as unknown as {axe: {run(): Promise<{violations: {id: string; nodes: {html: string}[]}[]}>}}).axe.run();
        return violations.map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html).join(' ')}`);
      });
      expect(found).to.eql([]);
    });
  }
});
