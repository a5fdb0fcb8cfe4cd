import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {ChromiumStage} from './stage.js';

describe('closing tabs', function () {
  this.timeout(180_000);
  let stage: ChromiumStage;

  beforeEach(async () => {
    stage = await ChromiumStage.open();
  });

  afterEach(() => stage.close());

  it('leaves the others working, even if it is the one that started the worker', async () => {
    const first = await stage.openTab();
    const [second, third] = [await stage.openTab(), await stage.openTab()];
    await first.close();
    await second.typeAtEnd(' Still here.');
    await third.untilText('it is there', text => text.endsWith(' Still here.'));
    await until('the server has it', async () => (await stage.textOnServer()).endsWith(' Still here.'));
    expect(stage.server.socketCount()).to.equal(1);
  });

  it('closes the WebSocket with the last tab', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab()];
    await first.close();
    await second.close();
    await until('the server has no socket', () => stage.server.socketCount() === 0);
  });

  it('loses no edit made just before', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab()];
    await first.typeAtEnd(' Famous last words.');
    await first.untilText('the tab itself shows it', text => text.endsWith(' Famous last words.'));
    await first.close();
    await second.untilText('it is there', text => text.endsWith(' Famous last words.'));
    await until('the server has it', async () => (await stage.textOnServer()).endsWith(' Famous last words.'));
  });

  it('loses no edit when a tab is reloaded instead', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab()];
    await first.typeAtEnd(' Before the reload.');
    await first.untilText('the tab itself shows it', text => text.endsWith(' Before the reload.'));
    await first.page.reload();
    await first.untilText('it is there', text => text.endsWith(' Before the reload.'));
    await second.untilText('it is there', text => text.endsWith(' Before the reload.'));
    await second.typeAtEnd(' After it.');
    await first.untilText('it is there', text => text.endsWith(' Before the reload. After it.'));
    await first.untilStatus('tabs', '2');
  });
});
