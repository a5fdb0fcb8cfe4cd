import {expect} from 'chai';
import type {ProxyDoc} from '../../lib/index.js';
import {calm} from '../store/clock.js';
import {until} from '../waiting/until.js';
import {Stage} from './mirror-stage.js';

describe('a document that is opened again at once', () => {
  let stage: Stage;

  beforeEach(async () => {
    stage = new Stage();
    stage.startHost();
    await stage.create('a', {words: []});
  });
  afterEach(() => stage.close());

  async function expectFollowed(doc: ProxyDoc): Promise<void> {
    const remote = stage.backend.connect().get('notes', 'a');
    await new Promise(resolve => remote.fetch(resolve));
    for (const [i, word] of ['one', 'two', 'three'].entries()) {
      await new Promise(resolve => remote.submitOp([{p: ['words', i], li: word}], {}, resolve));
      await new Promise(resolve => setTimeout(resolve, 5));
    }
    await until('what others do is shown', () => (doc.data as {words: string[]}).words.length === 3, 500);
  }

  it('is followed, where the same tab had destroyed it', async () => {
    const {connection} = stage.openTab();
    const first = connection.get('notes', 'a');
    await first.subscribe();
    const doc = await new Promise<ProxyDoc>(resolve => {
      first.destroy(() => {
        const again = connection.get('notes', 'a');
        void again.subscribe(() => resolve(again));
      });
    });
    expect(doc).not.to.equal(first);
    await expectFollowed(doc);
  });

  it('is followed, where another tab had destroyed it', async () => {
    const theirs = stage.openTab().connection.get('notes', 'a');
    await theirs.fetch();
    const other = stage.openTab().connection;
    await other.get('notes', 'b').fetch();
    // Its host hears of both in one go.
    stage.hostProcess.freeze();
    void theirs.destroy();
    await calm();
    const doc = other.get('notes', 'a');
    const following = doc.subscribe();
    await calm();
    stage.hostProcess.thaw();
    await following;
    await expectFollowed(doc);
  });
});
