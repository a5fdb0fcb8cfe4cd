import {expect} from 'chai';
import {ChromiumStage} from './stage.js';

describe('a tab that is opened with ?direct', function () {
  this.timeout(180_000);
  let stage: ChromiumStage;

  beforeEach(async () => {
    stage = await ChromiumStage.open();
  });

  afterEach(() => stage.close());

  it('works alongside the tabs of the worker, on a WebSocket of its own', async () => {
    const [first, second, direct] = [
      await stage.openTab(), await stage.openTab(), await stage.openTab({query: '?direct'})
    ];
    await first.untilStatus('mode', 'shared-worker');
    await direct.untilStatus('mode', 'direct');
    expect(stage.server.socketCount()).to.equal(2);

    await direct.typeAtEnd(' Direct.');
    await first.untilText('it is there', text => text.endsWith(' Direct.'));
    await second.untilText('it is there', text => text.endsWith(' Direct.'));
    await second.typeAtEnd(' Shared.');
    await direct.untilText('it is there', text => text.endsWith(' Direct. Shared.'));
  });
});
