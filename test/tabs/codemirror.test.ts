import type {KeyInput, Page} from 'puppeteer-core';
import {build} from '../../examples/codemirror/build.js';
import {startServer} from '../../examples/codemirror/server.js';
import {until} from '../waiting/until.js';
import {PageStage} from './page-stage.js';

const START = 'Type here.';

describe('the example with CodeMirror, in real tabs', function () {
  this.timeout(180_000);
  const stage = new PageStage('codemirror', {build, startServer});

  async function open(query = ''): Promise<Page> {
    const page = await stage.open(query);
    await page.waitForSelector('.cm-content', {timeout: 60_000});
    // Several tabs are typed into, but only one is in front.
    const session = await page.createCDPSession();
    await session.send('Emulation.setFocusEmulationEnabled', {enabled: true});
    return page;
  }

  const textOf = (page: Page): Promise<string> => page.$$eval('.cm-line', lines => lines.map(line => line.textContent).join('\n'));

  async function expectText(all: Page[], expected: string): Promise<void> {
    for (const page of all) {
      let shown = '';
      await until(`each tab shows ${expected}`, async () => (shown = await textOf(page)) === expected).catch((error: Error) => {
        throw new Error(`${error.message}; it shows ${shown}`);
      });
    }
  }

  async function press(page: Page, key: KeyInput, modifiers: KeyInput[] = []): Promise<void> {
    for (const modifier of modifiers) await page.keyboard.down(modifier);
    await page.keyboard.press(key);
    for (const modifier of [...modifiers].reverse()) await page.keyboard.up(modifier);
  }

  /** As one edit: keystrokes that a busy machine draws apart would be several steps of undo. */
  async function typeAt(page: Page, place: 'Home' | 'End', text: string): Promise<void> {
    await page.focus('.cm-content');
    await press(page, place, ['Control']);
    await page.keyboard.sendCharacter(text);
  }

  it('undoes and redoes edits of this tab, and none of another tab', async () => {
    const all = [await open(), await open()] as [Page, Page];
    await typeAt(all[0], 'Home', 'abc');
    await typeAt(all[1], 'End', 'XYZ');
    await expectText(all, `abc${START}XYZ`);
    await press(all[0], 'z', ['Control']);
    await expectText(all, `${START}XYZ`);
    await press(all[0], 'Z', ['Control', 'Shift']);
    await expectText(all, `abc${START}XYZ`);
    await all[1].click('#undo');
    await expectText(all, `abc${START}`);
  });

  it('works while the server is unreachable, and restores the caret', async () => {
    const page = await open();
    await stage.server.stop();
    await until('the tab knows', async () => (await page.$eval('#state', element => element.textContent)) !== 'connected');
    await typeAt(page, 'Home', 'abc');
    await press(page, 'End', ['Control']);
    await press(page, 'z', ['Control']);
    await expectText([page], START);
    await page.keyboard.press('x');
    await expectText([page], `x${START}`);
    await stage.server.start();
    await until('the server has it', async () => page.evaluate('!example.doc.hasPending()') as Promise<boolean>);
  });

  it('undoes the last edit of any tab of the browser, also of a closed tab, with the scope \'browser\'', async () => {
    const [one, other] = [await open('?undo=browser'), await open('?undo=browser')];
    await typeAt(one, 'Home', 'abc');
    await expectText([one, other], `abc${START}`);
    await typeAt(other, 'End', 'XYZ');
    await expectText([one, other], `abc${START}XYZ`);
    await press(one, 'z', ['Control']);
    await expectText([one, other], `abc${START}`);
    await one.close();
    await other.focus('.cm-content');
    await press(other, 'z', ['Control']);
    await expectText([other], START);
    await press(other, 'y', ['Control']);
    await press(other, 'y', ['Control']);
    await expectText([other], `abc${START}XYZ`);
  });
});
