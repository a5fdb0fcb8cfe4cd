import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {ChromiumStage} from './stage.js';
import type {Tab} from './tab.js';

describe('the example', function () {
  this.timeout(180_000);
  let stage: ChromiumStage;

  beforeEach(async () => {
    stage = await ChromiumStage.open();
  });
  afterEach(() => stage.close());

  const peopleIn = ({page}: Tab): Promise<number> => page.$$eval('#people li', items => items.length);

  it('shows the present users and the cursors of others, also without the server', async () => {
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

  it('shows the cursors of others beside their text, also after scrolling', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab()];
    await stage.addLines(40);
    await second.untilText('the lines are there', text => text.split('\n').length === 41);
    await second.putCursorAt('end');
    // The op for a line break at the end does not move a position before it.
    await second.enter('\nThe last line.');
    await first.untilText('the lines are there', text => text.split('\n').length === 42);
    const {page} = first;
    await page.bringToFront();
    const distance = () => page.evaluate(() => {
      const cursor = document.querySelector('.cursor')?.getBoundingClientRect();
      const line = document.querySelector('.ql-editor > :last-child')!.getBoundingClientRect();
      return cursor && Math.abs(cursor.bottom - line.bottom);
    });
    for (const by of [1e6, -20]) {
      await page.$eval('#editor', (element, by) => { element.scrollBy(0, by); }, by);
      await until('the cursor is in the last line', async () => (await distance() ?? Infinity) < 10);
      const point = await page.$eval('.cursor', element => {
        const {left, top} = element.getBoundingClientRect();
        const {top: start, bottom} = document.querySelector('#editor')!.getBoundingClientRect();
        return {left, isInside: top > start && top < bottom};
      });
      expect(point.isInside, 'visible').to.equal(true);
    }
    await page.$eval('#editor', element => { element.scrollTo(0, 0); });
    expect(await distance()).to.be.below(10);
  });

  it('gives people with equal names different ones, and the first keeps its own', async () => {
    const first = await stage.openTab();
    const name = () => first.page.$eval('#people li', ({textContent}) => textContent!.replace(' (you)', ''));
    const kept = await name();
    const others: Tab[] = [];
    for (let i = 0; i < 2; i++) {
      const page = await stage.openPage('#scratch', undefined, tab => tab.evaluateOnNewDocument((name: string) => {
        sessionStorage.setItem('person', JSON.stringify({name, hue: 0, since: Date.now()}));
      }, kept));
      others.push({page} as Tab);
    }
    for (const {page} of [first, ...others]) {
      await until('three different names', () => page.$$eval('#people li', items => (
        items.length === 3 && new Set(items.map(({textContent}) => textContent!.replace(' (you)', ''))).size === 3
      )));
    }
    expect(await name()).to.equal(kept);
  });

  it('shows what plain ShareDB would need', async () => {
    const [first] = [await stage.openTab(), await stage.openTab()];
    await until('two', () => first.page.$eval('#status-plain', element => element.textContent === '2'));
  });

  it('survives a reload while the server is unreachable', async () => {
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
});
