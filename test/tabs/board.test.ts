import {expect} from 'chai';
import type {KeyInput, Page} from 'puppeteer-core';
import {build} from '../../examples/collections/build.js';
import type {Board} from '../../examples/collections/kanban.js';
import {startServer} from '../../examples/editor/server.js';
import {until} from '../waiting/until.js';
import {PageStage} from './page-stage.js';

/** The global that the example sets for tests: see its main.ts. */
declare const example: {board: Board};

describe('the example with a board, in real tabs', function () {
  this.timeout(120_000);
  const stage = new PageStage('board', {build, startServer});

  async function open(): Promise<Page> {
    const page = await stage.open();
    await page.waitForFunction(() => document.getElementById('said')!.textContent === 'Ready', {timeout: 60_000});
    return page;
  }

  const shown = (page: Page): Promise<string> =>
    page.$$eval('ol', lists => lists.map(list => [...list.querySelectorAll('span')].map(title => title.textContent).join(' ')).join(' | '));

  async function expectBoard(all: Page[], expected: string): Promise<void> {
    let last = '';
    for (const page of all) {
      await until(`each tab shows ${expected}`, async () => (last = await shown(page)) === expected)
        .catch((error: Error) => { throw new Error(`${error.message}; it shows ${last}`); });
    }
  }

  async function press(page: Page, title: string, key: KeyInput): Promise<void> {
    const session = await page.createCDPSession();
    await session.send('Emulation.setFocusEmulationEnabled', {enabled: true});
    await page.$$eval('li', (cards, wanted) => cards.find(card => card.textContent!.startsWith(wanted))!.focus(), title);
    await page.keyboard.press(key);
  }

  it('has each card in one column, also when two tabs move it at once, and undoes a tab\'s own move after the host has died', async () => {
    const all = [await open(), await open(), await open()] as [Page, Page, Page];
    for (const title of ['A', 'B', 'C']) {
      await all[0].type('#title', title);
      await all[0].keyboard.press('Enter');
      await expectBoard(all, `${'A B C'.slice(0, 2 * 'ABC'.indexOf(title) + 1)} |  | `);
    }
    const b = await all[0].evaluate(() => example.board.cardsOf('to do')[1]!);
    const moved = await Promise.all(all.map(page => page.evaluate(id => example.board.move(id, 'to do', 'doing', 0), b)));
    expect(moved.filter(Boolean)).to.have.length(1);
    await expectBoard(all, 'A C | B | ');
    await press(all[1], 'C', 'ArrowUp');
    await expectBoard(all, 'C A | B | ');
    await stage.killWorker();
    await all[1].click('#undo');
    await expectBoard(all, 'A C | B | ');
    await all[2].reload();
    await expectBoard(all, 'A C | B | ');
    expect(await all[2].$eval('#undo', button => (button as HTMLButtonElement).disabled)).to.equal(true);
  });
});
