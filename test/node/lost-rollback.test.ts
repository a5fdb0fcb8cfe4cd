import {expect} from 'chai';
import type {ProxyDoc} from '../../lib/index.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {calm} from '../store/clock.js';
import {refused, settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {MirrorStage, type StagedTab} from './mirror-stage.js';

describe('a tab during a hard rollback', () => {
  let stage: MirrorStage;
  let tab: StagedTab;
  let doc: ProxyDoc;
  /** The server's answers to the host, while they are held back. */
  let waiting: (() => void)[];
  let isBusy: boolean;

  beforeEach(async () => {
    stage = new MirrorStage();
    waiting = [];
    isBusy = true;
    await stage.create('a', {words: []});
  });
  afterEach(() => stage.close());

  /**
   * Another client deletes the document while an op on it is under way, and the server does not answer the request for the present state.
   */
  async function rollBack(isThere = true): Promise<{edit: Promise<{code: unknown}>}> {
    tab = stage.openTab();
    doc = tab.connection.get('notes', 'a');
    isBusy = false;
    await doc.subscribe();
    isBusy = true;
    stage.backend.use('submit', ({agent}: {agent: object}, next: () => void) => {
      if (!isBusy || agent !== hostAgent()) next();
    });
    stage.backend.use('readSnapshots', ({agent}: {agent: object}, next: () => void) => {
      if (isBusy && agent === hostAgent()) waiting.push(next);
      else next();
    });
    const edit = refused(done => doc.submitOp([{p: ['words', 0], li: 'mine'}], done));
    await tab.connection.flushWrites();
    const remote = stage.backend.connect().get('notes', 'a');
    await settled(done => remote.fetch(done));
    if (!isThere) tab.connection.hostClient.suspend();
    await settled(done => remote.del({}, done));
    if (isThere) await until('the tab has heard of it', () => !doc.type);
    await until('the host asks the server', () => waiting.length > 0);
    return {edit};
  }

  function answer(): void {
    isBusy = false;
    for (const each of waiting) each();
  }

  function hostAgent(): object | undefined {
    return (stage.real as unknown as {agent?: object}).agent;
  }

  for (const [next, store] of [['continues', {storage: new InMemoryStorage()}], ['knows nothing', false]] as const) {
    it(`whose host dies gets the present state, and an error, from the next one that ${next}`, async () => {
      stage.startHost({store, mirror: false});
      const {edit} = await rollBack();
      expect(doc.hasPending()).to.equal(true);
      stage.killHost();
      await calm();
      answer();
      stage.startHost({store, mirror: false});
      expect((await edit).code).to.be.a('string');
      await doc.whenNothingPending();
      await until('it shows that there is nothing', () => doc.version === 2);
      expect(doc.type).to.equal(null);
      await doc.create({words: ['again']});
      expect(await stage.server('a')).to.eql({words: ['again']});
    });
  }

  for (const [what, isThere] of [
    ['that comes back to its host in the midst of it', true],
    ['of its host, from which it was away when that began,', false]
  ] as const) {
    it(`${what} gets the outcome of its op`, async () => {
      stage.startHost({store: false, mirror: false});
      const {edit} = await rollBack(isThere);
      const link = tab.connection.hostClient;
      if (isThere) link.sessionClient!.reconnect('the test wants it');
      else link.resume();
      await until('it is back', () => tab.connection.hostState === 'connected');
      await calm();
      answer();
      expect((await edit).code).to.equal('ERR_DOC_WAS_DELETED');
      await doc.whenNothingPending();
      expect([doc.type, doc.version]).to.eql([null, 2]);
    });
  }

  it('of its host, that returns and opens the document again, gets the present state', async () => {
    stage.startHost({store: false, mirror: false});
    const {connection} = stage.openTab();
    const first = connection.get('notes', 'a');
    await connection.inspect();
    await rollBack();
    connection.hostClient.sessionClient!.reconnect('the test wants it');
    await until('it is back', () => connection.hostState === 'connected');
    await calm();
    await first.destroy();
    const again = connection.get('notes', 'a');
    const following = again.subscribe();
    await calm();
    answer();
    await following;
    expect([again.type, again.version]).to.eql([null, 2]);
  });

  it('of its host, after one of its own, gets the outcomes of its ops', async () => {
    stage.startHost({store: false, mirror: false});
    tab = stage.openTab();
    doc = tab.connection.get('notes', 'a');
    await doc.subscribe();
    const other = stage.openTab().connection.get('notes', 'a');
    await other.subscribe();
    stage.backend.use('submit', ({agent}: {agent: object}, next: () => void) => { if (agent !== hostAgent()) next(); });
    const first = refused(done => doc.submitOp([{p: ['words', 0], li: 'one'}], done));
    await tab.connection.flushWrites();
    // The next edit is made on the state that the other tab has deleted.
    tab.process.freeze();
    const deletion = refused(done => other.del(done));
    await calm();
    const second = refused(done => doc.submitOp([{p: ['words', 1], li: 'two'}], done));
    await calm();
    // The host receives the tab's requests later.
    stage.hostProcess.freeze();
    tab.process.thaw();
    await until('the tab has lost its state', () => !doc.type);
    const remote = stage.backend.connect().get('notes', 'a');
    await settled(done => remote.fetch(done));
    await settled(done => remote.del({}, done));
    await calm();
    stage.hostProcess.thaw();
    expect((await second).code).to.equal('ERR_DOC_WAS_DELETED');
    expect((await first).code).to.equal('ERR_DOC_WAS_DELETED');
    expect((await deletion).code).to.equal('ERR_DOC_WAS_DELETED');
    await doc.whenNothingPending();
    expect([doc.type, doc.version]).to.eql([null, 2]);
  });

  it('of a document that can\'t be read any more gets the server\'s state when it can be read again', async () => {
    stage.startHost({store: false, mirror: false});
    tab = stage.openTab();
    doc = tab.connection.get('notes', 'a');
    await doc.subscribe();
    const errors: string[] = [];
    doc.on('error', (error: Error & {code?: string}) => errors.push(error.code!));
    stage.backend.use('submit', ({agent}: {agent: object}, next: () => void) => { if (agent !== hostAgent()) next(); });
    stage.backend.use('readSnapshots', ({agent}: {agent: object}, next: (error?: Error) => void) => {
      next(isBusy && agent === hostAgent() ? Object.assign(new Error('No'), {code: 'ERR_FORBIDDEN'}) : undefined);
    });
    const first = refused(done => doc.submitOp([{p: ['words', 0], li: 'one'}], done));
    await tab.connection.flushWrites();
    tab.process.freeze();
    const remote = stage.backend.connect().get('notes', 'a');
    await settled(done => remote.fetch(done));
    await settled(done => remote.del({}, done));
    await settled(done => remote.create({words: ['again']}, done));
    await calm();
    // This edit reaches the host after the host has told the tab that the state is gone.
    const second = refused(done => doc.submitOp([{p: ['words', 1], li: 'two'}], done));
    await calm();
    stage.hostProcess.freeze();
    tab.process.thaw();
    await until('the tab has lost its state', () => !doc.type);
    stage.hostProcess.thaw();
    expect((await first).code).to.equal('ERR_DOC_WAS_DELETED');
    expect((await second).code).to.equal('ERR_DOC_WAS_DELETED');
    await calm();
    isBusy = false;
    await doc.subscribe();
    expect([doc.version, doc.data]).to.eql([3, {words: ['again']}]);
    expect(errors).to.eql(['ERR_HARD_ROLLBACK_FETCH_FAILED', 'ERR_FORBIDDEN']);
  });

  /**
   * A tab deletes the document and creates it again. Another client has done so before. The host dies during the rollback, which is in its
   * journal.
   * @param isThere whether the tab hears of the rollback
   */
  async function dieInRollback(storage: InMemoryStorage, isThere = true): Promise<{deletion: Promise<void>; creation: Promise<{code: unknown}>}> {
    stage.startHost({store: {storage}, mirror: false});
    tab = stage.openTab();
    doc = tab.connection.get('notes', 'a');
    isBusy = false;
    await doc.fetch();
    // The creation is refused twice: because of the other client's creation, and by the server.
    doc.on('error', () => {});
    const remote = stage.backend.connect().get('notes', 'a');
    await settled(done => remote.fetch(done));
    await settled(done => remote.submitOp([{p: ['words', 0], li: 'theirs'}], {}, done));
    // The host hears that the server has the deletion when it sends it again, before it hears of the earlier ops.
    stage.backend.use('afterWrite', ({agent}: {agent: object}, next: () => void) => {
      if (agent === hostAgent()) stage.real.close();
      next();
    });
    const deletion = settled(done => doc.del(done));
    const creation = refused(done => doc.create({words: ['mine']}, done));
    await until('the host has lost its server', () => stage.real.state === 'closed');
    const create = async (): Promise<void> => {
      await settled(done => remote.fetch(done));
      await settled(done => remote.create({words: ['theirs, too']}, done));
    };
    if (isThere) await create();
    stage.goOnline();
    const agent = hostAgent();
    let isAsked = false;
    let submit = (): void => {};
    stage.backend.use('submit', (request: {op: object; agent: object}, next: () => void) => {
      if (isThere || !('create' in request.op) || request.agent !== agent) next();
      else submit = next;
    });
    stage.backend.use('readSnapshots', (request: {agent: object}, next: () => void) => {
      if (request.agent === agent) isAsked = true;
      else next();
    });
    const link = tab.connection.hostClient;
    if (!isThere) {
      await until('the tab knows of the deletion', () => doc.version === 3);
      link.suspend();
      await create();
      submit();
    }
    await until('the host asks the server', () => isAsked);
    if (isThere) await until('the tab has lost its state', () => !doc.type);
    stage.killHost();
    if (!isThere) link.resume();
    return {deletion, creation};
  }

  it('whose host dies gets the present state from the next one, which reads it when the server is reachable', async () => {
    const storage = new InMemoryStorage();
    const {deletion, creation} = await dieInRollback(storage);
    const slow = Object.assign(Object.create(storage) as InMemoryStorage, {
      async read(keys: Parameters<InMemoryStorage['read']>[0]) {
        await until('the server is there', () => stage.real.state === 'connected');
        return storage.read(keys);
      }
    });
    stage.startHost({store: {storage: slow}, mirror: false});
    await deletion;
    expect((await creation).code).to.equal('ERR_DOC_ALREADY_CREATED');
    await doc.fetch();
    expect(doc.data).to.eql({words: ['theirs, too']});
  });

  it('that a query has loaded before the host dies, too, gets the present state from the next one', async () => {
    const storage = new InMemoryStorage();
    const {deletion, creation} = await dieInRollback(storage, false);
    stage.backend.use('readSnapshots', ({agent}: {agent: object}, next: () => void) => {
      if (isBusy && agent === hostAgent()) waiting.push(next);
      else next();
    });
    isBusy = true;
    stage.startHost({store: {storage}, mirror: false});
    const following = settled(done => doc.subscribe(done));
    await until('the host asks for the rollback, and for the tab', () => waiting.length === 2);
    const {connection} = stage.openTab();
    const query = connection.createSubscribeQuery('notes', {});
    await until('the host asks for the query', () => waiting.length === 3);
    waiting[2]!();
    await calm();
    stage.killHost();
    const remote = stage.backend.connect().get('notes', 'a');
    await settled(done => remote.fetch(done));
    await settled(done => remote.submitOp([{p: ['words', 0], li: 'later'}], {}, done));
    isBusy = false;
    stage.startHost({store: {storage}, mirror: false});
    await deletion;
    expect((await creation).code).to.equal('ERR_DOC_ALREADY_CREATED');
    await Promise.all([following, query.whenReady()]);
    await settled(done => remote.submitOp([{p: ['words', 1], li: 'last'}], {}, done));
    for (const each of [doc, connection.get('notes', 'a')]) {
      await until('it shows what comes', () => each.version === remote.version);
      expect(each.data).to.eql({words: ['later', 'last', 'theirs, too']});
    }
  });
});
