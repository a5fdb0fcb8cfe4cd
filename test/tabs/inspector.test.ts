import {createRequire} from 'node:module';
import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {Stage} from './stage.js';
import type {Tab} from './tab.js';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const TAG = 'sharedb-tabs-inspector';

/** What the panel shows. */
function shown(tab: Tab): Promise<string> {
  return tab.page.evaluate(tag => document.querySelector(tag)?.shadowRoot?.querySelector('[role=tabpanel]')?.textContent ?? '', TAG);
}

const shows = (tab: Tab, what: string, ...texts: string[]): Promise<void> =>
  until(what, async () => {
    const text = await shown(tab);
    return texts.every(wanted => text.includes(wanted));
  });

async function press(tab: Tab, name: string): Promise<void> {
  await tab.page.evaluate((tag, name) => {
    const buttons = [...document.querySelector(tag)!.shadowRoot!.querySelectorAll('button')];
    buttons.find(button => button.textContent === name)!.click();
  }, TAG, name);
}

async function violations(tab: Tab): Promise<string[]> {
  await tab.page.addScriptTag({path: axe});
  return tab.page.evaluate(async tag => {
    const {axe} = globalThis as unknown as {axe: {run(root: Element, options: object): Promise<{violations: {id: string; nodes: {html: string}[]}[]}>}};
    const {violations} = await axe.run(document.querySelector(tag)!, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']});
    return violations.map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html).join(' ')}`);
  }, TAG);
}

describe('the inspector', function () {
  this.timeout(60_000);
  let stage: Stage;

  beforeEach(async () => {
    stage = await Stage.open();
  });
  afterEach(() => stage.close());

  it('shows host, tabs, documents and messages of three tabs', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    await first.page.bringToFront();
    await first.page.click('#open-inspector');
    await shows(first, 'the host', 'shared-worker', 'connected', '(this one)');
    await until('three tabs', async () => ((await shown(first)).match(/here/g) ?? []).length >= 3);
    await press(first, 'Documents');
    await shows(first, 'the documents', 'documents/scratch', 'lists/main', 'rich-text');
    await press(first, 'Timeline');
    await second.putCursorAt('start');
    await second.type('abc');
    await shows(first, 'the edit', 'op documents/scratch');
    expect(await shown(first)).not.to.include('abc');
    await press(first, 'Close');
    expect(await first.page.$(TAG)).to.equal(null);
  });

  for (const scheme of ['light', 'dark']) {
    it(`has nothing that axe objects to, in ${scheme} colours`, async () => {
      const tab = await stage.openTab();
      await tab.page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: scheme}]);
      await tab.page.click('#open-inspector');
      await shows(tab, 'the host', 'shared-worker');
      for (const view of ['Overview', 'Documents', 'Timeline', 'Store']) {
        await press(tab, view);
        expect(await violations(tab), view).to.eql([]);
      }
    });
  }
});
