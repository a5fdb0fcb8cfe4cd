import {expect} from 'chai';
import richText from 'rich-text';
import {types} from 'sharedb/lib/client/index.js';
import type {ProxyConnection, ProxyDoc} from '../../lib/index.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {MirrorStage} from './mirror-stage.js';

types.register(richText.type);

const kinds: Record<string, {data: unknown; mine: unknown; theirs: unknown; both: unknown; replaced: unknown}> = {
  json0: {
    data: {words: ['one']}, mine: [{p: ['words', 1], li: {text: 'mine'}}], theirs: [{p: ['words', 0], li: 'theirs'}],
    both: {words: ['theirs', 'one', {text: 'mine'}]}, replaced: {words: ['another']}
  },
  'rich-text': {
    data: [{insert: 'one'}], mine: [{retain: 3}, {insert: ' mine'}], theirs: [{insert: 'theirs '}], both: {ops: [{insert: 'theirs one mine'}]},
    replaced: [{insert: 'another'}]
  }
};

describe('an edit that is made after a host without the history has taken over, before the document is loaded again,', () => {
  let stage: MirrorStage;
  const store = (): {store: {storage: InMemoryStorage}} => ({store: {storage: new InMemoryStorage()}});

  beforeEach(() => { stage = new MirrorStage(); });
  afterEach(() => stage.close());

  interface Opened {
    connection: ProxyConnection;
    doc: ProxyDoc;
    /** A client of the server's own. */
    other: ReturnType<ReturnType<typeof stage.backend.connect>['get']>;
    /** Makes an edit in the turn in which the tab has its next host. */
    editAtOnce<Outcome>(edit: () => Promise<Outcome>): Promise<Outcome>;
  }

  async function open(type: string, data: unknown, follows = true): Promise<Opened> {
    stage.startHost(store());
    const {connection} = stage.openTab();
    const doc: ProxyDoc = connection.get('notes', 'a');
    await doc.create(data, type);
    if (follows) await doc.subscribe();
    await connection.flushWrites();
    const other = stage.backend.connect().get('notes', 'a');
    await settled(done => other.subscribe(done));
    const editAtOnce = <Outcome>(edit: () => Promise<Outcome>): Promise<Outcome> => new Promise((resolve, reject) => {
      connection.on('hostState', state => { if (state === 'connected') edit().then(resolve, reject); });
    });
    return {connection, doc, other, editAtOnce};
  }

  /** The database is replaced by another one, which has other content at the same version. */
  function replaceContent(data: unknown): void {
    const {docs} = stage.backend.db as unknown as {docs: {notes: {a: {data: unknown}}}};
    docs.notes.a.data = data;
  }

  /** All show what the server has, now and after its next op. */
  async function agree(docs: ProxyDoc[], other: Opened['other']): Promise<void> {
    await settled(done => other.fetch(done));
    const all = (): boolean => docs.every(doc => doc.version === other.version && JSON.stringify(doc.data) === JSON.stringify(other.data));
    await until('all show what the server has', all);
    const {theirs} = kinds[other.type!.name!] ?? kinds['json0']!;
    await settled(done => other.submitOp(theirs as never, {}, done));
    await until('others are shown', all);
  }

  for (const [type, {data, mine, theirs, both, replaced}] of Object.entries(kinds)) {
    it(`reaches a server that has changed nothing: ${type}`, async () => {
      stage.startHost(store());
      const {connection} = stage.openTab();
      const doc: ProxyDoc = connection.get('notes', 'a');
      await doc.create(data, type);
      await doc.subscribe();
      await connection.flushWrites();
      const edits: Promise<unknown>[] = [];
      connection.on('hostState', state => { if (state === 'connected') edits.push(doc.submitOp(mine), doc.submitOp(mine)); });
      stage.killHost();
      stage.startHost(store());
      await until('it has a host', () => edits.length === 2);
      await Promise.all(edits);
      const other = stage.backend.connect().get('notes', 'a');
      await settled(done => other.subscribe(done));
      expect(JSON.stringify(other.data)).to.equal(JSON.stringify(doc.data));
      expect([other.version, await connection.deadLetters.list()]).to.eql([doc.version, []]);
      await agree([doc], other);
    });

    it(`is rebased over the server's later ops: ${type}`, async () => {
      const {doc, other, editAtOnce} = await open(type, data);
      const edit = editAtOnce(() => doc.submitOp(mine));
      stage.killHost();
      await settled(done => other.submitOp(theirs as never, {}, done));
      stage.startHost(store());
      await edit;
      expect(JSON.stringify(doc.data)).to.equal(JSON.stringify(both));
      await agree([doc], other);
    });

    it(`is rebased over edits that another tab has made meanwhile: ${type}`, async () => {
      const {doc, other, editAtOnce} = await open(type, data);
      const neighbour: ProxyDoc = stage.openTab().connection.get('notes', 'a');
      await neighbour.subscribe();
      stage.tabs[0]!.process.freeze();
      const edit = editAtOnce(() => doc.submitOp(mine));
      stage.killHost();
      await settled(done => other.submitOp(theirs as never, {}, done));
      stage.startHost(store());
      await until('the other tab has loaded it', () => neighbour.version === other.version);
      for (let i = 0; i < 3; i++) await neighbour.submitOp(theirs);
      stage.tabs[0]!.process.thaw();
      await edit;
      await agree([doc, neighbour], other);
    });

    it(`is kept by a host without a server: ${type}`, async () => {
      const {doc, other, editAtOnce} = await open(type, data);
      const edit = editAtOnce(() => doc.submitOp(mine));
      stage.killHost();
      await settled(done => other.submitOp(theirs as never, {}, done));
      stage.startHost({...store(), online: false});
      await until('the host has it', () => stage.host.inspect().pendingOps === 1);
      stage.goOnline();
      await edit;
      expect(JSON.stringify(doc.data)).to.equal(JSON.stringify(both));
      await agree([doc], other);
    });

    for (const [where, follows] of Object.entries({'a followed document': true, 'a document that was fetched once': false})) {
      it(`is a dead letter, or applied to the other content, if the server has other content at this version: ${type}, ${where}`, async () => {
        const {connection, doc, editAtOnce} = await open(type, data, follows);
        const edit = editAtOnce(() => doc.submitOp(mine).catch((error: {code: string}) => error.code));
        stage.killHost();
        replaceContent(replaced);
        // Without a server, the host would carry the edit on, as in the next test. It also does if the edit overtakes the server's answer.
        stage.tabs[0]!.process.freeze();
        stage.startHost(store());
        await until('the host has the server', () => stage.real.state === 'connected');
        stage.tabs[0]!.process.thaw();
        const outcome = await edit;
        expect(outcome).to.be.oneOf(['ERR_TABS_OP_LOST', 'ERR_TABS_HISTORY_GONE', undefined]);
        const isSaved = outcome === undefined;
        await until('the app can see a lost one', async () => (await connection.deadLetters.list()).length === (isSaved ? 0 : 1));
        await doc.subscribe();
        const other = stage.backend.connect().get('notes', 'a');
        await agree([doc], other);
        expect(JSON.stringify(other.data).includes('mine')).to.equal(isSaved);
      });
    }

    it(`is handled as an edit of a stored state, if the server has other content later: ${type}`, async () => {
      const {doc, editAtOnce} = await open(type, data);
      const edit = editAtOnce(() => doc.submitOp(mine));
      stage.killHost();
      replaceContent(replaced);
      stage.startHost({...store(), online: false});
      await until('the host has it', () => stage.host.inspect().pendingOps === 1);
      stage.goOnline();
      await edit;
      await agree([doc], stage.backend.connect().get('notes', 'a'));
    });
  }

  it('deletes the document that it was made on', async () => {
    const {doc, other, editAtOnce} = await open('json0', {words: []});
    const edit = editAtOnce(() => doc.del());
    stage.killHost();
    await settled(done => other.submitOp([{p: ['words', 0], li: 'theirs'}], {}, done));
    stage.startHost(store());
    await edit;
    await settled(done => other.fetch(done));
    expect([other.type, doc.type]).to.eql([null, null]);
  });

  it('is made on a document that was fetched once', async () => {
    const {doc, other, editAtOnce} = await open('json0', {words: ['one']}, false);
    const edit = editAtOnce(() => doc.submitOp([{p: ['words', 1], li: 'mine'}]));
    stage.killHost();
    await settled(done => other.submitOp([{p: ['words', 0], li: 'theirs'}], {}, done));
    stage.startHost(store());
    await edit;
    await doc.subscribe();
    await agree([doc], other);
  });

  for (const follows of [true, false]) {
    it(`is made on a result of a query, ${follows ? 'and the document is followed' : 'which alone follows the document'}`, async () => {
      const {connection, doc, other, editAtOnce} = await open('json0', {words: ['one']}, follows);
      const query = connection.createSubscribeQuery('notes', {});
      await query.whenReady();
      const edit = editAtOnce(() => doc.submitOp([{p: ['words', 1], li: 'mine'}]));
      stage.killHost();
      await settled(done => other.submitOp([{p: ['words', 0], li: 'theirs'}], {}, done));
      stage.startHost(store());
      await edit;
      await agree([doc], other);
    });
  }

  it('is a dead letter if the tab shows ops that only the last host had', async () => {
    const {connection, doc, other, editAtOnce} = await open('json0', {words: ['one']});
    stage.backend.use('submit', () => {});
    const lost = doc.submitOp([{p: ['words', 0], li: 'lost'}]).catch((error: unknown) => error);
    await until('the host has it', () => stage.host.inspect().pendingOps === 1);
    const edit = editAtOnce(() => doc.submitOp([{p: ['words', 2], li: 'mine'}]).catch((error: unknown) => error));
    stage.killHost();
    stage.startHost(store());
    expect(await lost).to.include({code: 'ERR_TABS_OP_LOST'});
    expect(await edit).to.include({code: 'ERR_TABS_OP_LOST'});
    await until('the app can see both', async () => (await connection.deadLetters.list()).length === 2);
    await until('it shows what the server has', () => JSON.stringify(doc.data) === JSON.stringify(other.data));
  });

  it('is a dead letter if the server no longer has the ops since', async () => {
    const {doc, other, editAtOnce} = await open('json0', {words: ['one']});
    const neighbour: ProxyDoc = stage.openTab().connection.get('notes', 'a');
    await neighbour.subscribe();
    stage.tabs[0]!.process.freeze();
    const edit = editAtOnce(() => doc.submitOp([{p: ['words', 1], li: 'mine'}]).catch((error: unknown) => error));
    stage.killHost();
    await settled(done => other.submitOp([{p: ['words', 0], li: 'theirs'}], {}, done));
    const {version} = other;
    stage.backend.use('op', ({op}, next) => next((op as {v: number}).v < version! ? new Error('Trimmed') : undefined));
    stage.startHost(store());
    await until('the other tab has loaded it', () => neighbour.version === version);
    stage.tabs[0]!.process.thaw();
    expect(await edit).to.include({code: 'ERR_TABS_OP_LOST'});
    await until('all show the same', () => JSON.stringify(doc.data) === JSON.stringify(other.data));
  });
});
