import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {expect} from 'chai';
import {InspectorPanel} from '../tabs/inspector-panel.js';
import {until} from '../waiting/until.js';
import {firefox} from './drivers/firefox.js';
import {EngineStage} from './stage.js';
import type {Tab} from './tab.js';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['Overview', 'Documents', 'Queries', 'Timeline', 'Store', 'Faults'];

const epochOf = ({page}: Tab): Promise<string> => page.evaluate(async () => {
  const {connection} = globalThis.editor as unknown as {connection: {inspect(): Promise<{epoch?: string}>}};
  // Between two hosts there is nobody to ask.
  return connection.inspect().then(({epoch}) => epoch ?? '', () => '');
});

/** test/tabs/inspector.test.ts tests more of it, in Chromium. */
describe('the inspector in Firefox', function () {
  this.timeout(240_000);
  let stage: EngineStage;
  beforeEach(async () => { stage = await EngineStage.open(firefox, 'shared-worker'); });
  afterEach(() => stage.close());

  it('shows host, tabs, documents and edits of three tabs, and axe reports nothing', async () => {
    // The panel asks the host only while its page is visible: the page that was opened last is in front.
    const [second, third, first] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    const panel = new InspectorPanel(first.page);
    await panel.open('shared-worker');
    await until('three tabs', async () => ((await panel.shown()).match(/here/g) ?? []).length >= 3);
    await panel.press('Timeline');
    await second.typeAtOnce(3, 'stay');
    await panel.shows('the edit', 'op documents/scratch');
    await panel.press('Documents');
    await panel.showData();
    await panel.shows('the data of the document', 'rich-text', '"insert"');
    for (const view of VIEWS) {
      await panel.press(view);
      expect(await panel.violations(axe), view).to.eql([]);
    }
    await panel.press('Close');
    expect(await panel.isOpen()).to.equal(false);
    await stage.expectAllSaved([first, second, third]);
  });

  it('cuts and restores the network, and kills the host; the tabs continue', async () => {
    const [second, first] = [await stage.openTab(), await stage.openTab()];
    const panel = new InspectorPanel(first.page);
    await panel.open();
    await panel.press('Faults');
    await panel.press('Cut the network');
    await panel.shows('that it is cut', 'Networkcut');
    await second.untilOffline();
    await second.typeAtOnce(3, 'stay');
    await first.untilItShows(second);
    await panel.press('Restore the network');
    await stage.untilSaved(second);
    const epoch = await epochOf(first);
    await panel.press('Kill the host');
    await until('there is another host', async () => ![epoch, ''].includes(await epochOf(second)));
    await second.typeAtOnce(3, 'stay');
    await stage.expectAllSaved([first, second]);
  });
});
