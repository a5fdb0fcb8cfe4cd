import {expect} from 'chai';
import Backend from 'sharedb';
import {logger, Connection} from 'sharedb/lib/client/index.js';
import {Host, InMemoryStorage, type OfflineQueries} from '../../lib/host.js';
import {ProxyConnection, type ProxyQuery} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {quiet} from '../waiting/quiet.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {FilteringDb, matcher, type Filter} from './filtering-db.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

interface Note {
  done: boolean;
  n: number;
}

/** Another client has the documents, and changes them while this browser is away. No tab opens them by itself. */
describe('documents that left the results of a query during an outage', () => {
  let backend: Backend;
  let channel: ReturnType<typeof memoryChannels>;
  let storage: InMemoryStorage;
  let elsewhere: Connection;
  let real: Connection;
  let host: Host;
  let tab: ProxyConnection;
  let warnings: string[];
  /** The documents that were requested one by one or in bulk, and not by a query. */
  const requested = new Set<string>();
  let requests: number;

  beforeEach(() => {
    backend = new Backend({db: new FilteringDb() as never});
    channel = memoryChannels();
    storage = new InMemoryStorage();
    elsewhere = backend.connect();
    warnings = [];
    requested.clear();
    requests = 0;
    backend.use('receive', ({agent, data}, next) => {
      const {a, b, d} = data as {a: string; b?: string[] | Record<string, number>; d?: string};
      const isOfHost = (agent as {clientId?: string}).clientId !== (elsewhere as unknown as {id: string}).id;
      const ids = a === 'bf' ? (Array.isArray(b) ? b : Object.keys(b!)) : a === 'f' ? [d!] : [];
      if (isOfHost && ids.length) requests++;
      if (isOfHost) for (const id of ids) requested.add(id);
      next();
    });
  });

  afterEach(() => {
    tab?.close();
    host?.close();
  });

  function start(online = true, queries: OfflineQueries = matcher): void {
    real = new Connection({readyState: 3, close() {}, send() {}} as never);
    if (online) backend.connect(real);
    host = new Host({connection: real, channel, store: {storage}, queries, warn: message => warnings.push(message)});
    tab = new ProxyConnection({channel});
  }

  async function stop(): Promise<void> {
    await tab.flushWrites();
    tab.close();
    host.close();
    await host.whenClosed;
  }

  async function goOffline(): Promise<void> {
    real.close();
    await until('the tab knows', () => tab.state !== 'connected');
  }

  /** Resolves when the server has answered all that the host has asked. */
  async function goOnline(): Promise<void> {
    backend.connect(real);
    await quiet(real);
  }

  const create = (id: string, note: Note): Promise<void> => settled(done => elsewhere.get('notes', id).create(note, done));
  const finish = (id: string): Promise<void> => settled(done => elsewhere.get('notes', id).submitOp([{p: ['done'], od: false, oi: true}], undefined, done));
  const remove = (id: string): Promise<void> => settled(done => elsewhere.get('notes', id).del({}, done));
  const open: Filter = {done: false, sort: 'n'};
  const ids = (query: ProxyQuery<Note>): string[] => query.results!.map(({id}) => id);

  async function subscribe(filter: Filter = open): Promise<ProxyQuery<Note>> {
    const query = tab.createSubscribeQuery<Note>('notes', filter);
    await query.whenReady();
    return query;
  }

  async function fetch(filter: Filter = open): Promise<string[]> {
    const query = tab.createFetchQuery<Note>('notes', filter);
    await query.whenReady();
    return ids(query);
  }

  async function createFour(): Promise<void> {
    for (const [n, id] of ['a', 'b', 'c', 'd'].entries()) await create(id, {done: false, n});
  }

  it('are not shown again in the next outage, whether others have changed or deleted them', async () => {
    await createFour();
    start();
    await subscribe();
    await stop();
    start(false);
    const query = await subscribe();
    expect([ids(query), query.isLocal]).to.eql([['a', 'b', 'c', 'd'], true]);
    await finish('a');
    await remove('c');
    await goOnline();
    await until('the server has told', () => ids(query).join() === 'b,d');
    expect([...requested]).to.include.members(['a', 'c']);
    await goOffline();
    await until('it is a guess', () => query.isLocal);
    expect(ids(query)).to.eql(['b', 'd']);
    expect(await fetch()).to.eql(['b', 'd']);
    expect(await fetch({done: true})).to.eql(['a']);
  });

  it('need no request of their own if the query has followed the server before', async () => {
    await createFour();
    start();
    const query = await subscribe();
    await goOffline();
    await until('it is a guess', () => query.isLocal);
    await finish('a');
    await remove('c');
    await goOnline();
    await goOffline();
    await until('it is a guess', () => query.isLocal);
    expect([ids(query), [...requested]]).to.eql([['b', 'd'], []]);
  });

  it('are not shown after a restart either, if the server was there at once', async () => {
    await createFour();
    start();
    await subscribe();
    await stop();
    await finish('a');
    await remove('c');
    start();
    const query = await subscribe();
    await quiet(real);
    expect([...requested].sort()).to.eql(['a', 'c']);
    await goOffline();
    await until('it is a guess', () => query.isLocal);
    expect(ids(query)).to.eql(['b', 'd']);
    await stop();
    start(false);
    expect(await fetch()).to.eql(['b', 'd']);
  });

  it('are not shown to a query that is fetched again and again', async () => {
    await createFour();
    start();
    expect(await fetch()).to.eql(['a', 'b', 'c', 'd']);
    await finish('a');
    expect(await fetch()).to.eql(['b', 'c', 'd']);
    await quiet(real);
    await goOffline();
    expect(await fetch()).to.eql(['b', 'c', 'd']);
    // This one has no answer of the server yet.
    const first: Filter = {done: false, sort: 'n', limit: 3};
    expect(await fetch(first)).to.eql(['b', 'c', 'd']);
    await finish('c');
    backend.connect(real);
    await until('the tab knows', () => tab.state === 'connected');
    expect(await fetch(first)).to.eql(['b', 'd']);
    await quiet(real);
    await goOffline();
    expect(await fetch(first)).to.eql(['b', 'd']);
    expect([...requested].sort()).to.eql(['a', 'c']);
  });

  it('are replaced by others that have left, if the query has a limit', async () => {
    await createFour();
    start();
    await subscribe();
    await stop();
    start(false);
    const first = await subscribe({...open, limit: 1});
    for (const id of ['a', 'b', 'c']) await finish(id);
    await goOnline();
    expect(ids(first)).to.eql(['d']);
    await goOffline();
    await until('it is a guess', () => first.isLocal);
    expect(ids(first)).to.eql(['d']);
    expect([...requested]).to.eql(['a', 'b', 'c']);
  });

  it('cost no request if there are none, also with a limit, a number to skip, and edits made without the server', async () => {
    await createFour();
    start();
    const filters: Filter[] = [open, {...open, limit: 2}, {...open, skip: 1, limit: 1}, {done: false, count: true}];
    const queries = await Promise.all(filters.map(filter => subscribe(filter)));
    expect(queries.map(ids)).to.eql([['a', 'b', 'c', 'd'], ['a', 'b'], ['b'], []]);
    await goOffline();
    await until('they are guesses', () => queries.every(({isLocal}) => isLocal));
    void tab.get<Note>('notes', 'e').create({done: false, n: 9});
    await until('it is shown', () => ids(queries[0]!).join() === 'a,b,c,d,e');
    await goOnline();
    await until('the server has told', () => queries.every(({isLocal}) => !isLocal) && ids(queries[0]!).length === 5);
    await stop();
    start();
    await Promise.all(filters.map(filter => subscribe(filter)));
    await quiet(real);
    expect([...requested]).to.eql([]);
  });

  it('are not requested if they are only beyond the limit now', async () => {
    for (const [id, n] of [['c', 3], ['d', 4]] as const) await create(id, {done: false, n});
    start();
    const filter = {...open, limit: 2};
    await subscribe(filter);
    await stop();
    for (const [id, n] of [['a', 1], ['b', 2]] as const) await create(id, {done: false, n});
    start();
    expect(ids(await subscribe(filter))).to.eql(['a', 'b']);
    await quiet(real);
    expect([...requested]).to.eql([]);
  });

  it('are dropped if the server does not allow reading them any more', async () => {
    await createFour();
    start();
    await subscribe();
    await stop();
    let isForbidden = true;
    backend.use('query', (context, next) => {
      if (isForbidden) context.query = {...context.query, done: false, n: 1} as never;
      next();
    });
    backend.use('readSnapshots', ({snapshots}, next) => next(snapshots.some(({id}) => id !== 'b') ? new Error('Not yours') : undefined));
    start();
    const query = await subscribe();
    expect(ids(query)).to.eql(['b']);
    await quiet(real);
    isForbidden = false;
    await goOffline();
    await until('it is a guess', () => query.isLocal);
    expect(ids(query)).to.eql(['b']);
  });

  it('are requested once for each connection if the matcher and the server disagree', async () => {
    await createFour();
    start(true, {...matcher, matches: () => true});
    for (const id of ['a', 'b']) await finish(id);
    const query = await subscribe();
    await fetch({done: true});
    for (let times = 0; times < 2; times++) {
      await goOffline();
      await until('it is a guess', () => query.isLocal && query.results!.length === 4);
      requests = 0;
      await goOnline();
      await until('the server has told', () => !query.isLocal && query.results!.length === 2);
      expect([...requested].sort()).to.eql(['a', 'b']);
      // For a stored document, one for the snapshot and one for the ops.
      expect(requests).to.be.within(1, 2);
    }
  });

  it('are requested up to 300 at once, and the host warns if there are more', async () => {
    const all = Array.from({length: 310}, (_, n) => String(n));
    for (const [n, id] of all.entries()) await create(id, {done: false, n});
    start();
    await subscribe();
    await stop();
    for (const id of all) await finish(id);
    start();
    const query = await subscribe();
    await quiet(real);
    expect([...requested].sort()).to.eql(all.slice(0, 300).sort());
    expect(warnings.filter(text => text.includes('more than 300'))).to.have.length(1);
    await goOffline();
    await until('it is a guess', () => query.isLocal);
    expect(ids(query)).to.have.members(all.slice(300));
  });

  it('are requested also if there are more than 300 that this browser has created without the server', async () => {
    await create('last', {done: false, n: 999});
    start();
    await subscribe();
    await stop();
    start(false);
    const query = await subscribe();
    for (let n = 0; n < 310; n++) void tab.get<Note>('notes', String(n)).create({done: false, n});
    await until('they are shown', () => query.results!.length === 311);
    expect(await fetch()).to.have.length(311);
    await finish('last');
    await goOnline();
    await until('the server has told', () => !query.isLocal && query.results!.length === 310);
    await quiet(real);
    expect([[...requested], warnings]).to.eql([['last'], []]);
    await goOffline();
    await until('it is a guess', () => query.isLocal);
    expect(ids(query)).to.have.length(310).and.not.to.include('last');
  });
});
