import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {expect} from 'chai';
import type {Page} from 'puppeteer-core';
import {logger} from 'sharedb/lib/client/index.js';
import {until} from '../waiting/until.js';
import {InspectorPanel} from './inspector-panel.js';
import {ChromiumStage} from './stage.js';
import type {Tab} from './tab.js';

// The server logs each error that a client gets.
logger.setMethods({info: () => {}});

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const VIEWS = ['Overview', 'Documents', 'Queries', 'Timeline', 'Store', 'Faults'];

async function openPanel(tab: Tab): Promise<InspectorPanel> {
  await tab.page.bringToFront();
  const panel = InspectorPanel.in(tab.page);
  await panel.open('shared-worker');
  return panel;
}

const epochOf = (page: Page): Promise<string> => page.evaluate(async () => {
  const {connection} = globalThis.editor as unknown as {connection: {inspect(): Promise<{epoch?: string}>}};
  return (await connection.inspect()).epoch ?? '';
});

describe('the inspector', function () {
  this.timeout(180_000);
  let stage: ChromiumStage;

  beforeEach(async () => {
    stage = await ChromiumStage.open();
  });
  afterEach(() => stage.close());

  it('shows host, tabs, documents, presences and messages of three tabs', async () => {
    const [first, second, third] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    const panel = await openPanel(first);
    await until('three tabs', async () => ((await panel.shown()).match(/here/g) ?? []).length >= 3);
    await panel.shows('which of them are seen, and how they lag', 'visible', 'hidden', ' ms', 'open');
    await panel.press('Documents');
    await panel.shows('the documents', 'documents/scratch', 'lists/main', 'rich-text');
    await panel.press('Queries');
    const others = await Promise.all([second, third].map(tab => tab.page.evaluate(() => (globalThis.editor as {connection: {id: string}}).connection.id)));
    await panel.shows('who is present, and who follows', 'this tab', ...others.map(id => `tab ${id.slice(0, 8)}`));
    await panel.press('Timeline');
    await second.putCursorAt('start');
    await second.type('abc');
    await panel.shows('the edit', 'op documents/scratch');
    expect(await panel.shown()).not.to.include('abc');
    await panel.press('Documents');
    expect(await panel.shown()).not.to.include('abc');
    await panel.showData();
    await panel.shows('the data of the document', '"insert": "abc');
    await second.putCursorAt('start');
    await second.type('x');
    await panel.shows('what is typed in another tab', '"insert": "xabc');
    await panel.press('Timeline');
    await panel.choose('Whose messages', 'all');
    await second.type('def');
    await panel.shows("the edit on its way", `tab ${others[0]!.slice(0, 8)} to host`, 'host to server', 'server to host');
    await panel.press('Close');
    expect(await panel.isOpen()).to.equal(false);
  });

  it('shows the namespace in a page of its own, which does not count as a tab', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab()];
    const panel = InspectorPanel.in(await stage.openInspector());
    await panel.shows('host and tabs', 'shared-worker', 'here, read-only');
    await first.untilStatus('tabs', '2');
    await panel.press('Timeline');
    await second.typeAtEnd('abc');
    await panel.shows('the edit', 'op documents/scratch', 'tab ');
  });

  it('shows the namespace again after the user has left the page and come back', async () => {
    await stage.openTab();
    const page = await stage.openInspector();
    await InspectorPanel.in(page).shows('the host', 'shared-worker');
    await page.goto('about:blank');
    await page.goBack();
    await InspectorPanel.in(page).shows('the host again', 'shared-worker', 'here, read-only');
  });

  it('keeps the focus while it redraws, and closes with Escape', async () => {
    const tab = await stage.openTab();
    const panel = await openPanel(tab);
    const focused = (): Promise<string | null | undefined> => tab.page.evaluate(() => {
      const {activeElement} = document.querySelector('sharedb-tabs-inspector')!.shadowRoot!;
      return activeElement?.getAttribute('aria-label') ?? activeElement?.textContent;
    });
    await tab.page.evaluate(() => document.querySelector('sharedb-tabs-inspector')!.shadowRoot!.querySelector<HTMLElement>('[role=tab]')!.focus());
    for (const [key, label] of [['ArrowRight', 'Documents'], ['End', 'Faults'], ['ArrowRight', 'Overview']] as const) {
      await tab.page.keyboard.press(key);
      expect(await focused()).to.equal(label);
    }
    await panel.shows('the tabs', ' ms');
    // The next ones are Copy report, Close, the panel itself, and the table of tabs.
    for (let i = 0; i < 4; i++) await tab.page.keyboard.press('Tab');
    expect(await focused()).to.equal('Tabs');
    const table = await tab.page.evaluateHandle(() => document.querySelector('sharedb-tabs-inspector')!.shadowRoot!.querySelector('table'));
    await until('the view is drawn again', () => tab.page.evaluate(one => !one!.isConnected, table));
    expect(await focused()).to.equal('Tabs');
    await tab.page.keyboard.press('Escape');
    expect(await panel.isOpen()).to.equal(false);
  });

  it('cuts the network of all tabs, and restores it', async () => {
    const [first, second, third] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    const panel = await openPanel(first);
    await panel.press('Faults');
    await panel.press('Cut the network');
    await panel.shows('that it is cut', 'Networkcut');
    for (const tab of [first, second, third]) await until('the tab knows it', async () => (await tab.status('state')) !== 'connected');
    await until('no socket', () => stage.server.socketCount() === 0);
    await second.typeAtEnd('cut off');
    await third.untilText('the tabs go on together', text => text.includes('cut off'));
    expect(await stage.textOnServer()).not.to.include('cut off');
    await panel.press('Restore the network');
    await until('the server has it', async () => (await stage.textOnServer()).includes('cut off'));
    await panel.shows('that it is restored', 'as it is');
  });

  it('slows the connection', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    const panel = await openPanel(first);
    await panel.press('Faults');
    await panel.press('Slow the link', ['Delay of each message', '2000']);
    await panel.shows('that it is slow', '2000 ms longer');
    const before = Date.now();
    await second.typeAtEnd('slow');
    await until('the server has it', async () => (await stage.textOnServer()).includes('slow'));
    expect(Date.now() - before).to.be.at.least(2000);
  });

  it('kills the worker of three tabs, which continue with another one', async () => {
    const [first, second, third] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    const panel = await openPanel(first);
    const epoch = await epochOf(first.page);
    await panel.press('Faults');
    await panel.press('Kill the host');
    await until('there is another host', async () => {
      const now = await epochOf(second.page);
      return now !== '' && now !== epoch;
    });
    await third.typeAtEnd('alive');
    await second.untilText('the tabs go on together', text => text.includes('alive'));
    await until('the server has it', async () => (await stage.textOnServer()).includes('alive'));
    await panel.shows('the next host', 'as it is');
  });

  it('freezes the host and reports it; the tabs replace the host', async () => {
    const query = '?host-timeout=5000';
    const [first, second] = [await stage.openTab({query}), await stage.openTab({query}), await stage.openTab({query})];
    const panel = await openPanel(first);
    const epoch = await epochOf(first.page);
    await panel.press('Faults');
    // Longer than the tabs take to replace it, also on a busy machine.
    await panel.press('Freeze the host', ['How long the host is frozen', '30000']);
    await second.typeAtEnd('thawed');
    await until('there is another host', async () => {
      const now = await epochOf(second.page);
      return now !== '' && now !== epoch;
    });
    await until('the server has it', async () => (await stage.textOnServer()).includes('thawed'));
    await first.untilText('all tabs have it', text => text.includes('thawed'));
  });

  for (const scheme of ['light', 'dark']) {
    it(`has no accessibility fault that axe finds, in ${scheme} colours`, async () => {
      const tab = await stage.openTab();
      await tab.page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: scheme}]);
      const panel = await openPanel(tab);
      stage.server.backend.use('submit', (_context, next) => next(new Error('Read only')));
      await tab.typeAtEnd('refused');
      for (const view of VIEWS) {
        await panel.press(view);
        if (view === 'Store') await panel.shows('the refused edit', 'Read only', 'Retry');
        if (view === 'Documents') {
          await panel.showData();
          await panel.shows('the data', '"insert"');
        }
        if (view === 'Faults') await panel.shows('the buttons', 'as it is');
        expect(await panel.violations(axe), view).to.eql([]);
      }
      const own = await stage.openInspector();
      const ownPanel = InspectorPanel.in(own);
      await own.emulateMediaFeatures([{name: 'prefers-color-scheme', value: scheme}]);
      await ownPanel.shows('the host', 'shared-worker');
      expect(await ownPanel.violations(axe), 'a page of its own').to.eql([]);
    });
  }
});
