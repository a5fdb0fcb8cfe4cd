import {expect} from 'chai';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {ChromiumStage} from './stage.js';
import {textOf} from './text.js';

const digits = '0123456789'.repeat(4);
// The letter N is in the document already.
const letters = 'ABCDEFGHIJKLMOPQRSTUVWXYZ'.repeat(2);
const dots = 60;

describe('two tabs and another client that type at the same time', function () {
  this.timeout(180_000);
  let stage: ChromiumStage;

  beforeEach(async () => {
    stage = await ChromiumStage.open();
  });

  afterEach(() => stage.close());

  it('end with the same text, with every character once and in order', async () => {
    const [first, second] = [await stage.openTab(), await stage.openTab()];
    const remote = await stage.subscribe(stage.remote());
    await first.putCursorAt('start');
    await second.putCursorAt('end');

    const typeRemotely = async () => {
      for (let i = 0; i < dots; i++) {
        const op = [{retain: (i * 7) % textOf(remote).length + 1}, {insert: '•'}];
        await settled(done => remote.submitOp(op, {}, done));
      }
    };
    await Promise.all([first.type(digits), second.type(letters), typeRemotely()]);

    for (const tab of [first, second]) await tab.untilStatus('pending', '0');
    await until('all have the same text', async () => {
      const texts = [await stage.textOnServer(), textOf(remote), await first.text(), await second.text()];
      return new Set(texts).size === 1;
    });
    const text = await stage.textOnServer();
    expect(text.replace(/[^0-9]/g, '')).to.equal(digits);
    expect(text.replace(/[^A-MO-Z]/g, '')).to.equal(letters);
    expect(text.replace(/[^•]/g, '')).to.have.length(dots);
    expect(text.replace(/[0-9A-MO-Z•]/g, '')).to.equal('Nothing here is precious.');
    expect(stage.server.totalSockets()).to.equal(2);
  });
});
