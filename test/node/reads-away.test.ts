import {expect} from 'chai';
import Backend from 'sharedb';
import {type Connection, logger} from 'sharedb/lib/client/index.js';
import BasicQueryableMemoryDB from 'sharedb/test/BasicQueryableMemoryDB.js';
import {Host, type HostOptions} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc, type ProxyQuery} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {HandClock} from '../waiting/hand-clock.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

interface Fault {
  code?: string;
  message: string;
}

type Reading = (...args: unknown[]) => void;

/** A database that can't be read for a while. */
class UnreadableDB extends BasicQueryableMemoryDB {
  fault: Fault | undefined;
  reads = 0;
}

for (const method of ['getSnapshot', 'getSnapshotBulk', 'getOps', 'getOpsBulk', 'query'] as const) {
  const read = (BasicQueryableMemoryDB.prototype as unknown as Record<string, Reading>)[method]!;
  (UnreadableDB.prototype as unknown as Record<string, Reading>)[method] = function(this: UnreadableDB, ...args) {
    this.reads++;
    if (this.fault) return void setImmediate(() => (args.at(-1) as Reading)(this.fault));
    read.apply(this, args);
  };
}

const AWAY = {code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:5432'};

interface Note {
  n: number;
}

describe('a server that can not read its database', () => {
  let db: UnreadableDB;
  let backend: Backend;
  let clock: HandClock;
  let storage: InMemoryStorage;
  let host: Host;
  let connection: Connection;
  let tabs: ProxyConnection[];
  let channel: ReturnType<typeof memoryChannels>;

  beforeEach(() => {
    db = new UnreadableDB();
    backend = new Backend({db, errorHandler: () => {}} as never);
    clock = new HandClock();
    storage = new InMemoryStorage();
    tabs = [];
  });

  afterEach(() => {
    stop();
    backend.close();
  });

  async function start(options: Partial<HostOptions> = {}): Promise<ProxyConnection> {
    channel = memoryChannels();
    connection = backend.connect();
    host = new Host({connection, channel, clock, store: {storage}, warn: () => {}, ...options});
    const connected = open();
    await clock.passSlowly(100);
    return connected;
  }

  function open(): ProxyConnection {
    const tab = new ProxyConnection({channel, clock, warn: () => {}});
    tabs.push(tab);
    return tab;
  }

  function stop(): void {
    for (const tab of tabs) tab.close();
    tabs = [];
    host.close();
  }

  const done = <T>(what: string, promise: Promise<T>): Promise<T> => clock.passUntil(what, promise);

  /** The document and a query's results are stored in the browser, and the browser is started again. */
  async function startAgain(options?: Partial<HostOptions>): Promise<ProxyConnection> {
    const tab = await start();
    const doc = tab.get<Note>('notes', 'a');
    await done('it is created', doc.create({n: 1}));
    await done('it is followed', doc.subscribe());
    await ready(tab.createSubscribeQuery('notes', {}));
    await done('it is written', tab.flushWrites());
    stop();
    await done('it has stopped', host.whenClosed);
    db.fault = AWAY;
    return start(options);
  }

  const ready = (query: ProxyQuery): Promise<void> => done('the query is ready', new Promise((resolve, reject) => {
    query.once('ready', resolve as never);
    query.once('error', reject as never);
  }));

  async function edit(): Promise<void> {
    const remote = backend.connect();
    const doc = remote.get('notes', 'a');
    await done('it is fetched', new Promise<void>((resolve, reject) => doc.fetch(error => (error ? reject(error as never) : resolve()))));
    await done('it is edited', new Promise<void>((resolve, reject) => {
      doc.submitOp([{p: ['n'], na: 1}], {}, error => (error ? reject(error as never) : resolve()));
    }));
    remote.close();
  }

  const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, (error: unknown) => error);

  for (const how of ['subscribe', 'fetch'] as const) {
    it(`leaves a stored document unchanged after a ${how}, and sends its state later`, async () => {
      const tab = await startAgain();
      const doc = tab.get<Note>('notes', 'a');
      await done(how, doc[how]());
      expect([doc.data, doc.version]).to.eql([{n: 1}, 1]);
      expect(tab.status.serverFault).to.eql({docs: 1, error: AWAY});
      db.fault = undefined;
      await edit();
      await clock.passSlowly(15_000);
      expect([doc.data, doc.version]).to.eql([{n: 2}, 2]);
      expect(tab.status.serverFault).to.equal(undefined);
    });
  }

  it('follows a document that a tab took from the store', async () => {
    const other = new ProxyConnection({channel: (await startAgain(), channel), clock, warn: () => {}, storedFirst: true});
    tabs.push(other);
    const doc = other.get<Note>('notes', 'a');
    await done('subscribe', doc.subscribe());
    await clock.passSlowly(5000);
    expect([doc.data, other.status.serverFault]).to.eql([{n: 1}, {docs: 1, error: AWAY}]);
    const another = open().get<Note>('notes', 'a');
    await done('subscribe', another.subscribe());
    db.fault = undefined;
    await edit();
    await clock.passSlowly(15_000);
    expect([doc.data, another.data]).to.eql([{n: 2}, {n: 2}]);
  });

  it('causes no loss of stored data, even if the browser ends before it can', async () => {
    const tab = await startAgain();
    await done('it is followed', tab.get('notes', 'a').subscribe());
    stop();
    await done('it has stopped', host.whenClosed);
    const doc = (await start()).get<Note>('notes', 'a');
    await done('it is followed', doc.subscribe());
    expect(doc.data).to.eql({n: 1});
  });

  it('is asked with growing pauses, until nobody follows the document', async () => {
    const tab = await startAgain();
    const doc = tab.get('notes', 'a');
    await done('it is followed', doc.subscribe());
    db.reads = 0;
    await clock.passSlowly(60_000);
    expect(db.reads).to.be.within(5, 14);
    await done('it is not followed', doc.unsubscribe());
    await clock.passSlowly(15_000);
    db.reads = 0;
    await clock.passSlowly(60_000);
    expect(db.reads).to.equal(0);
    expect(tab.status.serverFault).to.equal(undefined);
  });

  it('accepts an edit made meanwhile when it works again', async () => {
    const tab = await startAgain();
    const doc = tab.get<Note>('notes', 'a');
    await done('it is followed', doc.subscribe());
    const edited = doc.submitOp([{p: ['n'], na: 10}]);
    await clock.passSlowly(5000);
    expect(doc.data).to.eql({n: 11});
    db.fault = undefined;
    await done('it is acknowledged', edited);
    await edit();
    await clock.passSlowly(15_000);
    expect([doc.data, doc.version]).to.eql([{n: 12}, 3]);
  });

  it('sends ops of a document again after a reconnect, without an error', async () => {
    const tab = await start();
    const doc = tab.get<Note>('notes', 'a');
    await done('it is created', doc.create({n: 1}));
    await done('it is followed', doc.subscribe());
    const errors: unknown[] = [];
    doc.on('error', error => errors.push(error));
    connection.close();
    await clock.passSlowly(100);
    db.fault = AWAY;
    backend.connect(connection);
    await clock.passSlowly(5000);
    expect(tab.status.serverFault).to.eql({docs: 1, error: AWAY});
    db.fault = undefined;
    await clock.passSlowly(15_000);
    await edit();
    await clock.passSlowly(100);
    expect([doc.data, errors]).to.eql([{n: 2}, []]);
  });

  it('sends its state after a reconnect', async () => {
    const tab = await startAgain();
    const doc = tab.get<Note>('notes', 'a');
    await done('fetch', doc.fetch());
    connection.close();
    db.fault = undefined;
    await edit();
    await clock.passSlowly(2000);
    backend.connect(connection);
    await clock.passSlowly(15_000);
    expect([doc.data, doc.version]).to.eql([{n: 2}, 2]);
    expect(tab.status.serverFault).to.equal(undefined);
  });

  it('and refuses a stored document when it can, has the orphaned ops', async () => {
    const tab = await startAgain();
    const doc = tab.get('notes', 'a');
    const errors: Error[] = [];
    doc.on('error', error => errors.push(error));
    await done('it is followed', doc.subscribe());
    db.fault = undefined;
    backend.use('readSnapshots', (_, next) => next(Object.assign(new Error('Not yours'), {code: 'ERR_FORBIDDEN'})));
    await clock.passSlowly(15_000);
    expect([doc.type, doc.data]).to.eql([null, undefined]);
    expect(errors.map(({message}) => message)).to.eql(['Not yours']);
    expect(tab.status.serverFault).to.equal(undefined);
  });

  it('returns its error for a document that is not stored here', async () => {
    const tab = await start();
    db.fault = AWAY;
    const doc = tab.get('notes', 'unknown');
    expect(await done('subscribe', outcome(doc.subscribe()))).to.include(AWAY);
    expect(await done('fetch', outcome(doc.fetch()))).to.include(AWAY);
  });

  it('returns its error to a fetch of a document that the tab has', async () => {
    const tab = await start();
    const doc = tab.get<Note>('notes', 'a');
    await done('it is created', doc.create({n: 1}));
    db.fault = AWAY;
    expect(await done('fetch', outcome(doc.fetch()))).to.include(AWAY);
    expect(doc.data).to.eql({n: 1});
  });

  it('asks `isTransient`', async () => {
    const tab = await startAgain({isTransient: ({message}) => message === 'no primary' || undefined});
    db.fault = {message: 'no primary'};
    const doc = tab.get('notes', 'a');
    await done('it is followed', doc.subscribe());
    expect(doc.data).to.eql({n: 1});
  });

  it('answers a subscribed query with its last results, which are updated when it can read', async () => {
    const tab = await startAgain();
    const query = tab.createSubscribeQuery('notes', {});
    await ready(query);
    const [doc] = query.results as ProxyDoc<Note>[];
    expect([doc!.data, query.results]).to.eql([{n: 1}, [doc]]);
    db.fault = undefined;
    await edit();
    await done('another is created', tab.get('notes', 'b').create({n: 5}));
    await clock.passSlowly(15_000);
    expect((query.results as ProxyDoc<Note>[]).map(({data}) => data)).to.eql([{n: 2}, {n: 5}]);
    expect(tab.status.serverFault).to.equal(undefined);
  });

  it('answers a fetched query with its last results', async () => {
    const tab = await startAgain();
    const query = tab.createFetchQuery('notes', {});
    await ready(query);
    expect((query.results as ProxyDoc<Note>[]).map(({data}) => data)).to.eql([{n: 1}]);
  });

  it('returns its error to a query without stored results', async () => {
    const tab = await start();
    db.fault = AWAY;
    const query = tab.createSubscribeQuery('notes', {});
    expect(await done('its error', new Promise(resolve => query.once('error', resolve as never)))).to.include(AWAY);
  });

  it('keeps the results of a subscribed query after a reconnect', async () => {
    const tab = await start();
    await done('it is created', tab.get('notes', 'a').create({n: 1}));
    const query = tab.createSubscribeQuery('notes', {});
    await ready(query);
    const errors: unknown[] = [];
    query.on('error', error => errors.push(error));
    connection.close();
    await clock.passSlowly(100);
    db.fault = AWAY;
    backend.connect(connection);
    await clock.passSlowly(5000);
    db.fault = undefined;
    await done('another is created', tab.get('notes', 'b').create({n: 5}));
    await clock.passSlowly(15_000);
    expect((query.results as ProxyDoc<Note>[]).map(({data}) => data)).to.eql([{n: 1}, {n: 5}]);
    expect(errors).to.eql([]);
  });
});
