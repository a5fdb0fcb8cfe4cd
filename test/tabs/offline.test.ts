import {expect} from 'chai';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {ChromiumStage} from './stage.js';
import type {Tab} from './tab.js';

describe('while the server is unreachable', function () {
  this.timeout(180_000);
  let stage: ChromiumStage;
  let tabs: [Tab, Tab, Tab];

  beforeEach(async () => {
    stage = await ChromiumStage.open();
    tabs = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
    await stage.server.stop();
    for (const tab of tabs) {
      await until('the tab knows', async () => await tab.status('state') !== 'connected');
    }
  });

  afterEach(() => stage.close());

  it("tabs show each other's edits, and the server receives them later", async () => {
    const [first, second, third] = tabs;
    await first.typeAtEnd(' Offline one.');
    await second.untilText('it is there', text => text.endsWith(' Offline one.'));
    await second.typeAtEnd(' Offline two.');
    for (const tab of tabs) await tab.untilText('both are there', text => text.endsWith(' Offline one. Offline two.'));
    expect(await stage.textOnServer()).not.to.include('Offline');
    await until('the strip counts what is unsent', async () => Number(await first.status('pending')) > 0);

    await stage.server.start();
    for (const tab of tabs) {
      await tab.untilStatus('state', 'connected');
      await tab.untilStatus('pending', '0');
    }
    await until('the server has what the tabs show', async () => await stage.textOnServer() === await third.text());
    expect(await third.text()).to.match(/ Offline one\. Offline two\.$/);
    expect(stage.server.socketCount()).to.equal(1);
  });

  it('a fourth tab shows the current text, and its edits arrive too', async () => {
    await tabs[0].typeAtEnd(' Offline one.');
    await tabs[1].untilText('it is there', text => text.endsWith(' Offline one.'));
    const fourth = await stage.openTabOffline();
    await fourth.untilText('it is there', text => text.endsWith(' Offline one.'));
    await fourth.typeAtEnd(' Offline four.');
    for (const tab of tabs) await tab.untilText('it is there', text => text.endsWith(' Offline one. Offline four.'));

    await stage.server.start();
    await fourth.untilStatus('pending', '0');
    await until('the server has both', async () => (await stage.textOnServer()).endsWith(' Offline one. Offline four.'));
  });

  it('edits survive when all tabs are closed, and the next tab sends them', async () => {
    await tabs[0].typeAtEnd(' Offline.');
    await tabs[1].untilText('it is there', text => text.endsWith(' Offline.'));
    for (const tab of tabs) await tab.close();

    await stage.server.start();
    const next = await stage.openTab();
    await next.untilText('it is there', text => text === 'Nothing here is precious. Offline.');
    await until('the server has it', async () => await stage.textOnServer() === await next.text());
  });

  it('edits of another client arrive when it is reachable again', async () => {
    await tabs[0].typeAtEnd(' Offline.');
    await stage.server.start();
    const remote = await stage.subscribe(stage.remote());
    await settled(done => remote.submitOp([{insert: 'Remote. '}], {}, done));
    for (const tab of tabs) {
      await tab.untilText('both are there', text => text === 'Remote. Nothing here is precious. Offline.');
    }
    await until('the server has both', async () => await stage.textOnServer() === await tabs[2].text());
  });
});
