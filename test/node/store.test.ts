import {expect} from 'chai';
import Backend from 'sharedb';
import BasicQueryableMemoryDB from 'sharedb/test/BasicQueryableMemoryDB.js';
import {Connection, logger} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import type {DeadLetter} from '../../lib/protocol/messages.js';

// The server logs rejected ops with their stacks.
logger.setMethods({info: () => {}});

/** A server, a disk, and several hosts one after the other. */
class SuccessiveHostsStage {
  readonly backend = new Backend({db: new BasicQueryableMemoryDB() as never});
  readonly storage = new InMemoryStorage();
  channel = memoryChannels();
  host!: Host;
  connection!: Connection;

  /** Starts the next host on the same disk. With `online: false` it has no server until `goOnline`. */
  start({online}: {online: boolean}): void {
    this.channel = memoryChannels();
    this.connection = new Connection({readyState: 3, close() {}, send() {}} as never);
    if (online) this.goOnline();
    this.host = new Host({connection: this.connection, channel: this.channel, store: {storage: this.storage}, warn: () => {}});
  }

  goOnline(): void {
    this.backend.connect(this.connection);
  }

  tab(options: {storedFirst?: boolean} = {}): ProxyConnection {
    return new ProxyConnection({channel: this.channel, warn: () => {}, ...options});
  }

  /** The server's data of a document. */
  async server(collection: string, id: string): Promise<unknown> {
    const doc = this.backend.connect().get(collection, id);
    await new Promise<void>((resolve, reject) => doc.fetch(error => (error ? reject(error as never) : resolve())));
    return doc.data;
  }
}

function event<T>(emitter: {once(event: any, listener: (value: T) => void): unknown}, name: string): Promise<T> {
  return new Promise(resolve => emitter.once(name, resolve));
}

describe('a host with a store', () => {
  let stage: SuccessiveHostsStage;
  beforeEach(() => { stage = new SuccessiveHostsStage(); });
  afterEach(() => stage.host.close());

  async function openedOnce(): Promise<void> {
    stage.start({online: true});
    const tab = stage.tab();
    await tab.get('notes', 'a').create({text: 'stored'});
    await tab.get('notes', 'a').subscribe();
    await tab.flushWrites();
    tab.close();
    stage.host.close();
    await new Promise(resolve => setImmediate(resolve));
  }

  it('sends a tab the stored documents, when it starts without a server', async () => {
    await openedOnce();
    stage.start({online: false});
    const doc = stage.tab().get('notes', 'a');
    await doc.subscribe();
    expect([doc.data, doc.version]).to.eql([{text: 'stored'}, 1]);
  });

  it('sends edits made without a server, when the server is reachable again', async () => {
    await openedOnce();
    stage.start({online: false});
    const doc = stage.tab().get('notes', 'a');
    await doc.subscribe();
    const acknowledged = doc.submitOp([{p: ['text'], od: 'stored', oi: 'edited'}]);
    stage.goOnline();
    await acknowledged;
    expect(await stage.server('notes', 'a')).to.eql({text: 'edited'});
  });

  it('cuts the journal of a document that changes all the time', async () => {
    stage.start({online: true});
    const tab = stage.tab();
    const doc = tab.get('notes', 'a');
    await doc.create({text: ''});
    const cuts: number[] = [];
    const {write} = stage.storage;
    stage.storage.write = (changes, epoch) => {
      for (const change of changes) if (change.type === 'checkpoint') cuts.push(change.n);
      return write.call(stage.storage, changes, epoch);
    };
    const word = 'word'.repeat(1000);
    const begin = Date.now();
    // An edit follows within 100 ms of the last one.
    while (!cuts.length && Date.now() - begin < 60_000) {
      await doc.submitOp([{p: ['text'], od: doc.data.text, oi: word}]);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    expect(cuts).to.have.length.above(0);
  });

  it('sends unsent ops of an earlier host, even if no tab requests the document', async () => {
    await openedOnce();
    stage.start({online: false});
    const tab = stage.tab();
    const doc = tab.get('notes', 'a');
    await doc.subscribe();
    doc.submitOp([{p: ['text'], od: 'stored', oi: 'left over'}], () => {});
    await event(stage.tab(), 'status');
    await tab.flushWrites();
    stage.host.close();
    stage.start({online: true});
    const other = stage.tab();
    await event(other, 'connected');
    while (other.status.pendingOps || !other.status.tabs) await event(other, 'status');
    expect(await stage.server('notes', 'a')).to.eql({text: 'left over'});
  });

  it('waits for the server when there is one, and shows the stored state first on the app\'s request', async () => {
    await openedOnce();
    await new Promise<void>((resolve, reject) => {
      const remote = stage.backend.connect().get('notes', 'a');
      remote.fetch(() => remote.submitOp([{p: ['text'], od: 'stored', oi: 'newer'}], {}, error => (error ? reject(error as never) : resolve())));
    });
    stage.start({online: true});
    const [waiting, impatient] = [stage.tab().get('notes', 'a'), stage.tab({storedFirst: true}).get('notes', 'a')];
    // Later ops may arrive before a promise's callback runs.
    const first = await new Promise(resolve => impatient.subscribe(() => resolve(impatient.data.text)));
    expect(first).to.equal('stored');
    await waiting.subscribe();
    expect(waiting.data).to.eql({text: 'newer'});
    if (impatient.data.text !== 'newer') await event(impatient, 'op');
    expect(impatient.data).to.eql({text: 'newer'});
  });

  it('knows which documents it can load without a server', async () => {
    await openedOnce();
    stage.start({online: false});
    const tab = stage.tab();
    await event(tab, 'hostState');
    await tab.flushWrites();
    expect(tab.isDocInInventory('notes', 'a')).to.equal(true);
    expect(tab.isDocInInventory('notes', 'b')).to.equal(false);
    const doc = tab.get('notes', 'a');
    await doc.ensureDocHasData();
    expect(doc.data).to.eql({text: 'stored'});
  });

  it('reports edits that a server which lost its data can\'t accept, and continues with the server\'s state', async () => {
    await openedOnce();
    const emptied = new Backend();
    stage.start({online: false});
    const tab = stage.tab();
    const doc = tab.get('notes', 'a');
    await doc.subscribe();
    const op = [{p: ['text'], od: 'stored', oi: 'edited'}];
    const heard = event<DeadLetter>(tab, 'deadletter');
    const answer = doc.submitOp(op).catch((error: {code: string}) => error.code);
    emptied.connect(stage.connection);
    expect(await answer).to.equal('ERR_TABS_HISTORY_GONE');
    expect((await heard).step).to.eql({op});
    await doc.whenNothingPending();
    expect([doc.type, doc.version, doc.hasPending()]).to.eql([null, 0, false]);
    await doc.create({text: 'anew'});
    expect(doc.version).to.equal(1);
  });

  it('uses the stored state only if it is recent enough, by the version that the app decodes', async () => {
    await openedOnce();
    stage.start({online: true});
    const tab = new ProxyConnection({channel: stage.channel, warn: () => {}, versionDecoder: data => data?.text});
    await event(tab, 'connected');
    const doc = tab.get('notes', 'a');
    let fetches = 0;
    stage.backend.use('receive', ({data}, next) => {
      if ((data as {a: string}).a === 'f') fetches++;
      next();
    });
    await doc.ensureDocHasRecentData('stored');
    expect([doc.data, tab.isDocInInventory('notes', 'a', 'stored'), tab.isDocInInventory('notes', 'a', 'zzz')]).to.eql([{text: 'stored'}, true, false]);
    await doc.ensureDocHasRecentData('zzz');
    expect(fetches).to.be.greaterThan(0);
  });

  it('returns the last results of a query without a server, and the changes when it is reachable again', async () => {
    stage.start({online: true});
    const tab = stage.tab();
    await tab.get('notes', 'a').create({n: 1});
    await tab.createSubscribeQuery('notes', {}).whenReady();
    await tab.flushWrites();
    tab.close();
    stage.host.close();
    await new Promise<void>(resolve => stage.backend.connect().get('notes', 'b').create({n: 2}, () => resolve()));

    stage.start({online: false});
    const query = stage.tab().createSubscribeQuery('notes', {});
    const stored = await query.whenReady();
    expect(stored.map(({id, data}) => [id, data])).to.eql([['a', {n: 1}]]);
    const inserted = new Promise<unknown>(resolve => query.once('insert', ([doc]) => resolve([doc!.id, doc!.data])));
    stage.goOnline();
    expect(await inserted).to.eql(['b', {n: 2}]);
    expect(query.results.map(({id}) => id).sort()).to.eql(['a', 'b']);
  });

  it('keeps an op that the server rejects, with its error, until the app has handled it', async () => {
    stage.backend.use('submit', ({op}, next) => {
      next(JSON.stringify(op).includes('forbidden') ? Object.assign(new Error('Not allowed'), {code: 'ERR_FORBIDDEN'}) : undefined);
    });
    stage.start({online: true});
    const tab = stage.tab();
    const doc = tab.get('notes', 'a');
    await doc.create({text: ''});
    const heard = event<DeadLetter>(tab, 'deadletter');
    const op = [{p: ['text'], od: '', oi: 'forbidden'}];
    expect(await doc.submitOp(op).catch(error => error.code)).to.equal('ERR_FORBIDDEN');
    expect(await heard).to.deep.include({collection: 'notes', doc: 'a', step: {op}, error: {code: 'ERR_FORBIDDEN', message: 'Not allowed'}});

    await tab.flushWrites();
    stage.host.close();
    stage.start({online: true});
    const later = stage.tab();
    await event(later, 'connected');
    const [letter] = await later.deadLetters.list();
    expect(JSON.parse(await later.deadLetters.export())).to.eql([letter]);
    expect(await later.deadLetters.retry(letter!.id).catch((error: {code: string}) => error.code)).to.equal('ERR_FORBIDDEN');
    for (const {id} of await later.deadLetters.list()) await later.deadLetters.discard(id);
    expect(await later.deadLetters.list()).to.eql([]);
  });

  it('stops every tab and deletes everything when one of them signs out', async () => {
    stage.start({online: true});
    const [one, two] = [stage.tab(), stage.tab()];
    await one.get('notes', 'a').create({secret: true});
    await two.get('notes', 'a').subscribe();
    await one.flushWrites();
    const closed = event(two, 'closed');
    await one.clear();
    await closed;
    expect([one.state, two.state]).to.eql(['closed', 'closed']);
    expect(await stage.storage.inventory()).to.eql([]);
    expect(await stage.storage.read([['notes', 'a']])).to.eql([{checkpoint: undefined, journal: []}]);
  });
});
