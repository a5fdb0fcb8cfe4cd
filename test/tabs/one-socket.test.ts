import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {ChromiumStage} from './stage.js';

describe('three tabs of the editor', function () {
  this.timeout(180_000);
  let stage: ChromiumStage;

  beforeEach(async () => {
    stage = await ChromiumStage.open();
  });

  afterEach(() => stage.close());

  it('use one WebSocket of the server', async () => {
    const tabs = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    for (const tab of tabs) await tab.untilStatus('state', 'connected');
    expect(stage.server.socketCount()).to.equal(1);
    expect(stage.server.totalSockets()).to.equal(1);
  });

  it('show text that the user types in one of them', async () => {
    const [first, second, third] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    await second.typeAtEnd(' Typed in the second.');
    for (const tab of [first, second, third]) {
      await tab.untilText('it is there', text => text.endsWith(' Typed in the second.'));
    }
    await third.typeAtEnd(' And in the third.');
    for (const tab of [first, second, third]) {
      await tab.untilText('it is there', text => text.endsWith(' Typed in the second. And in the third.'));
    }
    await until('the server has it', async () => await stage.textOnServer() === await first.text());
    expect(stage.server.totalSockets()).to.equal(1);
  });

  it('show this in their status strip', async () => {
    const tabs = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    for (const tab of tabs) {
      await tab.untilStatus('mode', 'shared-worker');
      await tab.untilStatus('tabs', '3');
      await tab.untilStatus('state', 'connected');
      await tab.untilStatus('pending', '0');
    }
    await tabs[2]!.close();
    for (const tab of tabs.slice(0, 2)) await tab.untilStatus('tabs', '2');
  });

  it('can be opened with the button', async () => {
    const first = await stage.openTab();
    const second = await stage.openedBy(() => first.page.click('#open-tab'));
    await second.typeAtEnd(' From the new tab.');
    await first.untilText('it is there', text => text.endsWith(' From the new tab.'));
    expect(stage.server.totalSockets()).to.equal(1);
  });

  it('show different documents over the one WebSocket', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab()];
    await second.page.click('#document-list li[data-id="meeting"] button');
    await second.untilText('the other document is there', text => text.includes('What is next'));
    await first.typeAtEnd(' Not in the meeting.');
    await first.untilText('it is there', text => text.endsWith(' Not in the meeting.'));
    expect(await second.text()).not.to.include('Not in the meeting.');
    expect(stage.server.totalSockets()).to.equal(1);
  });
});
