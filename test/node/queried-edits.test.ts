import {expect} from 'chai';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {until} from '../waiting/until.js';
import {MirrorStage} from './mirror-stage.js';

describe('an edit of a document from the results of a query', () => {
  let stage: MirrorStage;

  beforeEach(() => { stage = new MirrorStage(); });
  afterEach(() => stage.close());

  it('survives the end of its host and its tab', async () => {
    const store = {storage: new InMemoryStorage()};
    await stage.create('a', {words: []});
    stage.startHost({store});
    const tab = stage.openTab();
    const [doc] = await tab.connection.createSubscribeQuery('notes', {}).whenReady();
    let isBusy = true;
    stage.backend.use('submit', (_context, next) => { if (!isBusy) next(); });
    void doc!.submitOp([{p: ['words', 0], li: 'mine'}]);
    await tab.connection.flushWrites();
    stage.killHost();
    stage.killTab(tab);

    isBusy = false;
    stage.startHost({store});
    const again = stage.openTab().connection.get('notes', 'a');
    await again.fetch();
    await again.whenNothingPending();
    await until('the server has it', () => stage.host.inspect().pendingOps === 0);
    expect([again.data, await stage.server('a')]).to.eql([{words: ['mine']}, {words: ['mine']}]);
    expect(stage.warnings).to.eql([]);
  });
});
