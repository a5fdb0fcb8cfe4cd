import {until} from '../waiting/until.js';
import {ChromiumStage} from './stage.js';
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
  let stage: ChromiumStage;

  beforeEach(async () => {
    stage = await ChromiumStage.open();
  });
  afterEach(() => stage.close());

  it('undoes edits of this tab, and none that another tab has made meanwhile', async () => {
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

  it('works in both tabs while the server is unreachable, and continues after one of them was reloaded', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab()];
    const expectText = async (text: string): Promise<void> => {
      for (const tab of [first, second]) await tab.untilText(`both tabs show ${text}`, shown => shown === text);
    };
    await stage.server.stop();
    await until('the tab knows', async () => await first.status('state') !== 'connected');
    await first.putCursorAt('start');
    await first.enter('abc');
    await second.putCursorAt('end');
    await second.enter('XYZ');
    await expectText(`abc${TEXT}XYZ`);
    await undo(first);
    await expectText(`${TEXT}XYZ`);
    await second.page.reload();
    await expectText(`${TEXT}XYZ`);
    // What was typed before the reload can't be undone any more.
    await second.putCursorAt('end');
    await undo(second);
    await second.enter('Q');
    await expectText(`${TEXT}XYZQ`);
    await undo(second);
    await redo(first);
    await expectText(`abc${TEXT}XYZ`);
  });
});
