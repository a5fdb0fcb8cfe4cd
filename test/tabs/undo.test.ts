import {until} from '../waiting/until.js';
import {Stage} from './stage.js';
import type {Tab} from './tab.js';

const TEXT = 'Nothing here is precious.';

async function undo(tab: Tab): Promise<void> {
  await tab.page.keyboard.down('Control');
  await tab.page.keyboard.press('z');
  await tab.page.keyboard.up('Control');
}

async function redo(tab: Tab): Promise<void> {
  await tab.page.keyboard.down('Control');
  await tab.page.keyboard.down('Shift');
  await tab.page.keyboard.press('Z');
  await tab.page.keyboard.up('Shift');
  await tab.page.keyboard.up('Control');
}

describe('undo in the editor', function () {
  this.timeout(180_000);
  let stage: Stage;

  beforeEach(async () => {
    stage = await Stage.open();
  });
  afterEach(() => stage.close());

  it('takes back what was typed in this tab, and nothing of what another one has typed meanwhile', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab()];
    await first.putCursorAt('start');
    await first.enter('abc');
    await second.typeAtEnd('XYZ');
    await first.untilText('both have typed', text => text === `abc${TEXT}XYZ`);
    await undo(first);
    for (const tab of [first, second]) await tab.untilText('abc is gone', text => text === `${TEXT}XYZ`);
    await redo(first);
    for (const tab of [first, second]) await tab.untilText('abc is back', text => text === `abc${TEXT}XYZ`);
  });

  it('works while the server is away', async () => {
    const tab = await stage.openTab();
    await stage.server.stop();
    await until('the tab knows', async () => await tab.status('state') !== 'connected');
    await tab.putCursorAt('start');
    await tab.enter('abc');
    await tab.untilText('it is typed', text => text === `abc${TEXT}`);
    await undo(tab);
    await tab.untilText('it is gone', text => text === TEXT);
  });
});
