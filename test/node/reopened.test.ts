import {expect} from 'chai';
import type {ProxyDoc} from '../../lib/index.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {calm} from '../store/clock.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {MirrorStage} from './mirror-stage.js';

describe('a document that is opened again at once', () => {
  let stage: MirrorStage;

  beforeEach(async () => {
    stage = new MirrorStage();
    stage.startHost();
    await stage.create('a', {words: []});
  });
  afterEach(() => stage.close());

  async function expectFollowed(doc: ProxyDoc): Promise<void> {
    const remote = stage.backend.connect().get('notes', 'a');
    await settled(done => remote.fetch(done));
    for (const [i, word] of ['one', 'two', 'three'].entries()) {
      await settled(done => remote.submitOp([{p: ['words', i], li: word}], {}, done));
      await calm();
    }
    await until('what others do is shown', () => (doc.data as {words: string[]}).words.length === 3);
  }

  it('is followed if the same tab had destroyed it', async () => {
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

  for (const isHostReplaced of [false, true]) {
    it(`is followed, where its end was taken back and asked for once more${isHostReplaced ? ', and the host is replaced' : ''}`, async () => {
      const {connection} = stage.openTab();
      const errors: unknown[] = [];
      connection.on('error', error => errors.push(error));
      const first = connection.get('notes', 'a');
      await first.subscribe();
      const reopened = new Promise<ProxyDoc>(resolve => {
        first.destroy(() => {
          const again = connection.get('notes', 'a');
          again.subscribe(() => resolve(again));
        });
      });
      // The code that gets the document cancels its end.
      void connection.get('notes', 'a').destroy();
      if (isHostReplaced) {
        stage.host.close();
        stage.startHost();
      }
      const doc = await reopened;
      expect(doc).not.to.equal(first);
      await expectFollowed(doc);
      expect(errors).to.eql([]);
    });
  }

  it('ignores the answer to a request that its predecessor makes while it ends', async () => {
    const {connection} = stage.openTab();
    const errors: unknown[] = [];
    connection.on('error', error => errors.push(error));
    const first = connection.get('notes', 'a');
    await first.subscribe();
    stage.hostProcess.freeze();
    const reopened = new Promise<ProxyDoc>(resolve => {
      first.destroy(() => {
        const again = connection.get('notes', 'a');
        again.subscribe(() => resolve(again));
      });
    });
    await calm();
    void connection.get('notes', 'a').subscribe();
    void first.destroy();
    stage.hostProcess.thaw();
    const doc = await reopened;
    expect(doc).not.to.equal(first);
    await expectFollowed(doc);
    expect(errors).to.eql([]);
  });

  it('is followed if another tab had destroyed it', async () => {
    const theirs = stage.openTab().connection.get('notes', 'a');
    await theirs.fetch();
    const other = stage.openTab().connection;
    await other.get('notes', 'b').fetch();
    // Its host receives both messages together.
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

  it('is one document if a tab releases it before the host has read it, and another tab uses it', async () => {
    const storage = new InMemoryStorage();
    stage.host.close();
    stage.startHost({store: {storage}});
    const theirs = stage.openTab().connection;
    const {connection, process} = stage.openTab();
    const doc = connection.get('notes', 'a');
    await Promise.all([theirs.get('notes', 'a').fetch(), doc.subscribe()]);
    await connection.flushWrites();
    stage.killHost();
    let read = (): void => {};
    const waiting = new Promise<void>(resolve => { read = resolve; });
    const slow = Object.assign(Object.create(storage) as InMemoryStorage, {
      read: (keys: Parameters<InMemoryStorage['read']>[0]) => waiting.then(() => storage.read(keys))
    });
    process.freeze();
    stage.startHost({store: {storage: slow}});
    await until('the first one is there', () => stage.host.inspect().tabs === 1);
    await theirs.get('notes', 'a').destroy();
    await theirs.inspect();
    process.thaw();
    await until('the other one is there', () => stage.host.inspect().tabs === 2);
    void doc.submitOp([{p: ['words', 0], li: 'one'}]);
    await calm();
    await connection.inspect();
    read();
    await doc.whenNothingPending();
    await doc.submitOp([{p: ['words', 1], li: 'two'}]);
    expect(await stage.server('a')).to.eql({words: ['one', 'two']});
    expect([doc.data, doc.version]).to.eql([{words: ['one', 'two']}, 3]);
    expect(stage.host.inspect().docs).to.equal(1);
  });

  it('is up to date when a fetch calls back, also if the next host has no state of it', async () => {
    const storage = new InMemoryStorage();
    stage.host.close();
    stage.startHost({store: {storage}});
    const {connection} = stage.openTab();
    const doc = connection.get('notes', 'a');
    await doc.fetch();
    await connection.flushWrites();
    stage.killHost();
    storage['content'].make({type: 'remove', key: ['notes', 'a']});
    const remote = stage.backend.connect().get('notes', 'a');
    await settled(done => remote.fetch(done));
    await settled(done => remote.submitOp([{p: ['words', 0], li: 'one'}], {}, done));
    const seen = new Promise(resolve => { doc.fetch(error => resolve([error, doc.version, structuredClone(doc.data)])); });
    stage.startHost({store: {storage}});
    expect(await seen).to.eql([undefined, 2, {words: ['one']}]);
  });

  it('ignores messages for its predecessor', async () => {
    const {connection, process} = stage.openTab();
    const [first] = await connection.createSubscribeQuery('notes', {}).whenReady();
    process.freeze();
    // For a document that the tab already has, the host sends only the revision.
    const again = connection.createSubscribeQuery('notes', {$limit: 10}).whenReady();
    await calm();
    void first!.destroy();
    await calm();
    const doc = connection.get('notes', 'a');
    const errors: unknown[] = [];
    doc.on('error', error => errors.push(error));
    const following = doc.subscribe();
    process.thaw();
    await Promise.all([again, following]);
    expect(doc).not.to.equal(first);
    expect([doc.type?.name, doc.data]).to.eql(['json0', {words: []}]);
    await expectFollowed(doc);
    expect(errors).to.eql([]);
  });
});
