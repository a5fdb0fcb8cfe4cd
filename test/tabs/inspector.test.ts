import {createRequire} from 'node:module';
import {expect} from 'chai';
import type {Page} from 'puppeteer-core';
import {until} from '../waiting/until.js';
import {Stage} from './stage.js';
import type {Tab} from './tab.js';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const TAG = 'sharedb-tabs-inspector';
const VIEWS = ['Overview', 'Documents', 'Queries', 'Timeline', 'Store', 'Faults'];

/** What the panel shows. */
function shown(page: Page): Promise<string> {
  return page.evaluate(tag => document.querySelector(tag)?.shadowRoot?.querySelector('[role=tabpanel]')?.textContent ?? '', TAG);
}

async function shows(page: Page, what: string, ...texts: string[]): Promise<void> {
  let text = '';
  try {
    await until(what, async () => {
      text = await shown(page);
      return texts.every(wanted => text.includes(wanted));
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}; the panel shows ${text}`);
  }
}

/** @param choice made in the same turn: a panel that is drawn again, since the host is slow, forgets it */
async function press(page: Page, name: string, choice?: [label: string, value: string]): Promise<void> {
  await page.evaluate((tag, name, [label, value]) => {
    const root = document.querySelector(tag)!.shadowRoot!;
    if (label) root.querySelector<HTMLSelectElement>(`select[aria-label="${label}"]`)!.value = value!;
    [...root.querySelectorAll('button')].find(button => button.textContent === name)!.click();
  }, TAG, name, choice ?? []);
}

/** Shows the data of the document that all tabs have open. */
async function showData(page: Page): Promise<void> {
  await page.evaluate(tag => document.querySelector(tag)!.shadowRoot!.querySelector<HTMLElement>('input[aria-label="Show documents\' data"]')!.click(), TAG);
  const label = 'button[aria-label="Data of documents/scratch"]';
  await until('there is a button', () => page.evaluate((tag, label) => !!document.querySelector(tag)!.shadowRoot!.querySelector(label), TAG, label));
  await page.evaluate((tag, label) => document.querySelector(tag)!.shadowRoot!.querySelector<HTMLElement>(label)!.click(), TAG, label);
}

async function choose(page: Page, label: string, value: string): Promise<void> {
  await page.evaluate((tag, label, value) => {
    const select = document.querySelector(tag)!.shadowRoot!.querySelector<HTMLSelectElement>(`select[aria-label="${label}"]`)!;
    select.value = value;
    select.dispatchEvent(new Event('change'));
  }, TAG, label, value);
}

async function openPanel(tab: Tab): Promise<Page> {
  await tab.page.bringToFront();
  await tab.page.click('#open-inspector');
  await shows(tab.page, 'the host', 'shared-worker', 'connected', '(this one)');
  return tab.page;
}

async function violations(page: Page): Promise<string[]> {
  await page.addScriptTag({path: axe});
  return page.evaluate(async tag => {
    const {axe} = globalThis as unknown as {axe: {run(root: Element, options: object): Promise<{violations: {id: string; nodes: {html: string}[]}[]}>}};
    const {violations} = await axe.run(document.querySelector(tag)!, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']});
    return violations.map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html).join(' ')}`);
  }, TAG);
}

const epochOf = (page: Page): Promise<string> => page.evaluate(async () => {
  const {connection} = globalThis.editor as unknown as {connection: {inspect(): Promise<{epoch?: string}>}};
  return (await connection.inspect()).epoch ?? '';
});

describe('the inspector', function () {
  this.timeout(180_000);
  let stage: Stage;

  beforeEach(async () => {
    stage = await Stage.open();
  });
  afterEach(() => stage.close());

  it('shows host, tabs, documents, presences and messages of three tabs', async () => {
    const [first, second, third] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    const page = await openPanel(first);
    await until('three tabs', async () => ((await shown(page)).match(/here/g) ?? []).length >= 3);
    await shows(page, 'which of them are seen, and how they lag', 'visible', 'hidden', ' ms', 'open');
    await press(page, 'Documents');
    await shows(page, 'the documents', 'documents/scratch', 'lists/main', 'rich-text');
    await press(page, 'Queries');
    const others = await Promise.all([second, third].map(tab => tab.page.evaluate(() => (globalThis.editor as {connection: {id: string}}).connection.id)));
    await shows(page, 'who is present, and who follows', 'this tab', ...others.map(id => `tab ${id.slice(0, 8)}`));
    await press(page, 'Timeline');
    await second.putCursorAt('start');
    await second.type('abc');
    await shows(page, 'the edit', 'op documents/scratch');
    expect(await shown(page)).not.to.include('abc');
    await press(page, 'Documents');
    expect(await shown(page)).not.to.include('abc');
    await showData(page);
    await shows(page, 'the data of the document', '"insert": "abc');
    await second.putCursorAt('start');
    await second.type('x');
    await shows(page, 'what is typed in another tab', '"insert": "xabc');
    await press(page, 'Timeline');
    await choose(page, 'Whose messages', 'all');
    await second.type('def');
    await shows(page, "the edit on its way", `tab ${others[0]!.slice(0, 8)} to host`, 'host to server', 'server to host');
    await press(page, 'Close');
    expect(await page.$(TAG)).to.equal(null);
  });

  it('shows the namespace in a page of its own, which is no tab', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab()];
    const page = await stage.openInspector();
    await shows(page, 'host and tabs', 'shared-worker', 'it only looks, and changes nothing', 'here, only looks');
    await first.untilStatus('tabs', '2');
    await press(page, 'Timeline');
    await second.typeAtEnd('abc');
    await shows(page, 'the edit', 'op documents/scratch', 'tab ');
  });

  it('cuts the network of all tabs, and restores it', async () => {
    const [first, second, third] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    const page = await openPanel(first);
    await press(page, 'Faults');
    await press(page, 'Cut the network');
    await shows(page, 'that it is cut', 'Networkcut');
    for (const tab of [first, second, third]) await until('the tab knows it', async () => (await tab.status('state')) !== 'connected');
    await until('no socket', () => stage.server.socketCount() === 0);
    await second.typeAtEnd('cut off');
    await third.untilText('the tabs go on together', text => text.includes('cut off'));
    expect(await stage.textOnServer()).not.to.include('cut off');
    await press(page, 'Restore the network');
    await until('the server has it', async () => (await stage.textOnServer()).includes('cut off'));
    await shows(page, 'that it is restored', 'as it is');
  });

  it('slows the link', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    const page = await openPanel(first);
    await press(page, 'Faults');
    await press(page, 'Slow the link', ['Delay of each message', '2000']);
    await shows(page, 'that it is slow', '2000 ms longer');
    const before = Date.now();
    await second.typeAtEnd('slow');
    await until('the server has it', async () => (await stage.textOnServer()).includes('slow'));
    expect(Date.now() - before).to.be.at.least(2000);
  });

  it('kills the worker of three tabs, which go on with another one', async () => {
    const [first, second, third] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    const page = await openPanel(first);
    const epoch = await epochOf(page);
    await press(page, 'Faults');
    await press(page, 'Kill the host');
    await until('there is another host', async () => {
      const now = await epochOf(second.page);
      return now !== '' && now !== epoch;
    });
    await third.typeAtEnd('alive');
    await second.untilText('the tabs go on together', text => text.includes('alive'));
    await until('the server has it', async () => (await stage.textOnServer()).includes('alive'));
    await shows(page, 'the next host', 'as it is');
  });

  it('freezes the host, says so, and the tabs replace it', async () => {
    const query = '?host-timeout=5000';
    const [first, second] = [await stage.openTab({query}), await stage.openTab({query}), await stage.openTab({query})];
    const page = await openPanel(first);
    const epoch = await epochOf(page);
    await press(page, 'Faults');
    // Longer than the tabs take to replace it, also on a busy machine.
    await press(page, 'Freeze the host', ['How long the host is frozen', '30000']);
    await second.typeAtEnd('thawed');
    await until('there is another host', async () => {
      const now = await epochOf(second.page);
      return now !== '' && now !== epoch;
    });
    await until('the server has it', async () => (await stage.textOnServer()).includes('thawed'));
    await first.untilText('all tabs have it', text => text.includes('thawed'));
  });

  for (const scheme of ['light', 'dark']) {
    it(`has nothing that axe objects to, in ${scheme} colours`, async () => {
      const tab = await stage.openTab();
      await tab.page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: scheme}]);
      const page = await openPanel(tab);
      for (const view of VIEWS) {
        await press(page, view);
        if (view === 'Documents') {
          await showData(page);
          await shows(page, 'the data', '"insert"');
        }
        if (view === 'Faults') await shows(page, 'the buttons', 'as it is');
        expect(await violations(page), view).to.eql([]);
      }
      const own = await stage.openInspector();
      await own.emulateMediaFeatures([{name: 'prefers-color-scheme', value: scheme}]);
      await shows(own, 'the host', 'shared-worker');
      expect(await violations(own), 'a page of its own').to.eql([]);
    });
  }
});
