import {expect} from 'chai';
import Backend from 'sharedb';
import {logger, Connection} from 'sharedb/lib/client/index.js';
import {Host, InMemoryStorage, type OfflineQueries} from '../../lib/host.js';
import {ProxyConnection, createConnection, type ProxyQuery} from '../../lib/index.js';
import {mongoQueries} from '../../lib/mongo-queries.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';
import {FilteringDb, matcher, type Filter} from './filtering-db.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

interface Note {
  done: boolean;
  n: number;
}

describe('queries without a server', () => {
  let backend: Backend;
  let channel: ReturnType<typeof memoryChannels>;
  let storage: InMemoryStorage;
  let real: Connection;
  let host: Host;
  let warnings: string[];
  const tabs: ProxyConnection[] = [];

  beforeEach(() => {
    backend = new Backend({db: new FilteringDb() as never});
    channel = memoryChannels();
    storage = new InMemoryStorage();
    warnings = [];
  });

  afterEach(() => {
    for (const tab of tabs.splice(0)) tab.close();
    host?.close();
  });

  function startHost(queries: OfflineQueries | undefined = matcher, online = true): void {
    real = new Connection({readyState: 3, close() {}, send() {}} as never);
    if (online) goOnline();
    host = new Host({connection: real, channel, store: {storage}, queries, warn: message => warnings.push(message)});
  }

  function goOnline(): void {
    backend.connect(real);
  }

  function openTab(): ProxyConnection {
    const tab = new ProxyConnection({channel});
    tabs.push(tab);
    return tab;
  }

  async function goOffline(...connections: ProxyConnection[]): Promise<void> {
    real.close();
    for (const tab of connections) await until('the tab knows', () => tab.state !== 'connected');
  }

  const create = (tab: ProxyConnection, id: string, note: Note): unknown => tab.get<Note>('notes', id).create(note);
  const set = (tab: ProxyConnection, id: string, done: boolean): unknown =>
    tab.get('notes', id).submitOp([{p: ['done'], od: !done, oi: done}]);
  const ids = (query: {results: readonly {id: string}[]}): string[] => query.results.map(({id}) => id);
  const open: Filter = {done: false, sort: 'n'};

  async function openWithNotes(): Promise<{tab: ProxyConnection; other: ProxyConnection; query: ProxyQuery<Note>}> {
    startHost();
    const [tab, other] = [openTab(), openTab()];
    for (const [id, n] of [['a', 3], ['b', 1], ['c', 2]] as const) await (create(tab, id, {done: id === 'c', n}) as Promise<void>);
    const query = tab.createSubscribeQuery<Note>('notes', open);
    await query.whenReady();
    expect([ids(query), query.isLocal]).to.eql([['b', 'a'], false]);
    return {tab, other, query};
  }

  it('follow what tabs create, change and delete, in order', async () => {
    const {tab, other, query} = await openWithNotes();
    const events: string[] = [];
    query.on('insert', (docs, index) => events.push(`insert ${docs.map(({id}) => id).join()} at ${index}`));
    query.on('remove', (docs, index) => events.push(`remove ${docs.map(({id}) => id).join()} at ${index}`));
    await other.get('notes', 'c').fetch();
    await goOffline(tab, other);
    await until('it is a guess', () => query.isLocal);
    expect(ids(query)).to.eql(['b', 'a']);
    void set(other, 'c', false);
    await until('what matches now is there', () => ids(query).join() === 'b,c,a');
    void create(other, 'd', {done: false, n: 0});
    await until('so is what is new', () => ids(query).join() === 'd,b,c,a');
    expect(query.results[0]!.data).to.eql({done: false, n: 0});
    void tab.get('notes', 'b').submitOp([{p: ['n'], na: 9}]);
    await until('the order follows', () => ids(query).join() === 'd,c,a,b');
    void tab.get('notes', 'a').del();
    await until('what is deleted is gone', () => ids(query).join() === 'd,c,b');
    expect(events[0]).to.equal('insert c at 1');
    // The server's answer replaces the guess, and arrives as a diff.
    goOnline();
    await until('the server has all', () => !tab.hasWritePending() && !other.hasWritePending() && !query.isLocal);
    await until('the results are its own', () => ids(query).join() === 'd,c,b');
    const fetched = await tab.createFetchQuery('notes', open).whenReady();
    expect(fetched.map(({id}) => id)).to.eql(['d', 'c', 'b']);
  });

  it("are in the order of the app's function, also while tabs edit", async () => {
    const asked = new Set<string>();
    startHost({
      matches: (_collection, query: Filter, data) => (data as Note).done === query.done,
      // The largest first. Filters of the server do not know that order.
      compare: (collection, query: Filter, one, other) => {
        asked.add(`${collection} ${JSON.stringify(query)}`);
        return (other.data as Note).n - (one.data as Note).n;
      }
    });
    const [tab, other] = [openTab(), openTab()];
    for (const [id, n] of [['a', 1], ['b', 3], ['c', 2]] as const) await (create(tab, id, {done: false, n}) as Promise<void>);
    const query = tab.createSubscribeQuery<Note>('notes', {done: false});
    await query.whenReady();
    expect(ids(query)).to.eql(['a', 'b', 'c']);
    await goOffline(tab, other);
    await until('it is a guess in that order', () => query.isLocal && ids(query).join() === 'b,c,a');
    void create(other, 'd', {done: false, n: 2.5});
    await until('what is new has its place', () => ids(query).join() === 'b,d,c,a');
    void tab.get('notes', 'a').submitOp([{p: ['n'], na: 8}]);
    await until('what has changed moves', () => ids(query).join() === 'a,b,d,c');
    const fetched = await other.createFetchQuery<Note>('notes', {done: false}).whenReady();
    expect(fetched.map(({id}) => id)).to.eql(['a', 'b', 'd', 'c']);
    expect([...asked]).to.eql(['notes {"done":false}']);
  });

  it('show changes of others as a diff when the server is reachable again', async () => {
    const {tab, other, query} = await openWithNotes();
    await goOffline(tab, other);
    await until('it is a guess', () => query.isLocal);
    void create(tab, 'd', {done: false, n: 0});
    await until('it is there', () => ids(query).join() === 'd,b,a');
    const elsewhere = backend.connect().get('notes', 'b');
    await new Promise<void>(resolve => elsewhere.fetch(() => resolve()));
    elsewhere.submitOp([{p: ['done'], od: false, oi: true}]);
    const states: boolean[] = [];
    query.on('local', isLocal => states.push(isLocal));
    goOnline();
    await until('the server has told', () => !query.isLocal && ids(query).join() === 'd,a');
    expect(states).to.eql([false]);
  });

  it('are answered after a restart from stored documents, also new ones', async () => {
    const {tab, other} = await openWithNotes();
    await tab.flushWrites();
    for (const one of [tab, other]) one.close();
    host.close();
    await host.whenClosed;
    startHost(matcher, false);
    const later = openTab();
    const done = await later.createFetchQuery<Note>('notes', {done: true}).whenReady();
    expect(done.map(({id, data}) => [id, data])).to.eql([['c', {done: true, n: 2}]]);
    const query = later.createSubscribeQuery<Note>('notes', open);
    await query.whenReady();
    expect([ids(query), query.isLocal]).to.eql([['b', 'a'], true]);
    // Documents that were only examined are not kept open.
    expect(host.inspect().docs).to.equal(3);
  });

  it('answer requests made before the server was lost', async () => {
    startHost();
    const tab = openTab();
    await (create(tab, 'a', {done: false, n: 1}) as Promise<void>);
    backend.use('query', () => {});
    const query = tab.createFetchQuery<Note>('notes', open);
    await until('it has been asked', () => tab.state === 'connected');
    await new Promise(setImmediate);
    real.close();
    expect((await query.whenReady()).map(({id}) => id)).to.eql(['a']);
    expect(query.isLocal).to.equal(true);
  });

  it('answer requests made before the server was lost with the last results if there is no matcher', async () => {
    real = backend.connect();
    host = new Host({connection: real, channel, store: {storage}});
    const tab = openTab();
    await (create(tab, 'a', {done: false, n: 1}) as Promise<void>);
    await tab.createFetchQuery<Note>('notes', open).whenReady();
    let isAsked = false;
    backend.use('query', () => { isAsked = true; });
    const query = tab.createFetchQuery<Note>('notes', open);
    await until('it is in flight', () => isAsked);
    await goOffline(tab);
    expect([(await query.whenReady()).map(({id}) => id), query.isLocal]).to.eql([['a'], true]);
  });

  it('repeat requests made before the server was lost if nothing can answer them', async () => {
    startHost({matches: () => undefined});
    const tab = openTab();
    await (create(tab, 'a', {done: false, n: 1}) as Promise<void>);
    let asked = 0;
    backend.use('query', (_context, next) => { if (++asked > 1) next(); });
    const query = tab.createFetchQuery<Note>('notes', open);
    await until('it is in flight', () => asked === 1);
    await goOffline(tab);
    goOnline();
    expect([(await query.whenReady()).map(({id}) => id), query.isLocal]).to.eql([['a'], false]);
  });

  it('wait for the first attempt to connect, and not for later ones', async () => {
    startHost(matcher, false);
    const fail = beginConnecting();
    const tab = openTab();
    void create(tab, 'a', {done: false, n: 1});
    const first = tab.createFetchQuery<Note>('notes', open);
    const subscribed = tab.createSubscribeQuery<Note>('notes', open);
    await until('the host has them', () => host.inspect().queries === 1);
    expect([first.ready, subscribed.ready]).to.eql([false, false]);
    fail();
    expect([(await first.whenReady()).length, (await subscribed.whenReady()).length]).to.eql([1, 1]);
    beginConnecting();
    await until('the tab knows', () => tab.state === 'connecting');
    const [later, more] = [tab.createFetchQuery<Note>('notes', open), tab.createSubscribeQuery<Note>('notes', {done: true})];
    expect([(await later.whenReady()).length, (await more.whenReady()).length]).to.eql([1, 0]);
    expect([later.isLocal, more.isLocal]).to.eql([true, true]);
  });

  /** Begins an attempt to connect. @returns a function that makes it fail */
  function beginConnecting(): () => void {
    const socket = {readyState: 0, onclose: (_reason: string) => {}, close() {}, send() {}};
    (real as unknown as {bindToSocket(socket: object): void}).bindToSocket(socket);
    return () => socket.onclose('failed');
  }

  it('return the last results if the matcher returns undefined, or throws', async () => {
    startHost({matches: () => undefined});
    const tab = openTab();
    await (create(tab, 'a', {done: false, n: 1}) as Promise<void>);
    const query = tab.createSubscribeQuery<Note>('notes', open);
    await query.whenReady();
    await goOffline(tab);
    void create(tab, 'b', {done: false, n: 0});
    const asked = await tab.createFetchQuery('notes', open).whenReady();
    expect([asked.map(({id}) => id), ids(query)]).to.eql([['a'], ['a']]);
    tab.close();
    host.close();
    startHost({matches: () => { throw new Error('Oh'); }}, false);
    const again = await openTab().createFetchQuery('notes', open).whenReady();
    expect(again.map(({id}) => id)).to.eql(['a']);
    expect(warnings.filter(text => text.includes('startHost({queries})'))).to.have.length(1);
  });

  it('are answered in a tab that connects directly, by the matcher that it was created with', async () => {
    const connect = backend.connect.bind(backend);
    backend.connect = (...args: Parameters<typeof connect>) => (real = connect(...args));
    const tab = createConnection(backend, {mode: 'direct', store: false, queries: matcher});
    try {
      for (const [id, n] of [['a', 3], ['b', 1], ['c', 2]] as const) await tab.get<Note>('notes', id).create({done: id === 'c', n});
      real.close();
      await until('the tab knows', () => tab.state !== 'connected');
      const query = tab.createFetchQuery<Note>('notes', open);
      expect([(await query.whenReady()).map(({id}) => id), query.isLocal]).to.eql([['b', 'a'], true]);
    } finally {
      tab.close();
    }
  });

  it('keep the server\'s results if the app has no matcher', async () => {
    startHost(undefined);
    host.close();
    host = new Host({connection: (real = backend.connect()), channel, store: {storage}});
    const tab = openTab();
    await (create(tab, 'a', {done: false, n: 1}) as Promise<void>);
    const query = tab.createSubscribeQuery<Note>('notes', open);
    await query.whenReady();
    await goOffline(tab);
    void set(tab, 'a', true);
    await until('it is known to be old', () => query.isLocal);
    expect(ids(query)).to.eql(['a']);
  });

  it('keep the last results of a query that the matcher can\'t answer, also without any document', async () => {
    startHost(mongoQueries());
    const tab = openTab();
    backend.db.query = (_collection, _query, _fields, _options, callback) => callback(null, [], 7 as never);
    expect(await extraOf(tab)).to.eql([7, false]);
    await goOffline(tab);
    expect(await extraOf(tab)).to.eql([7, true]);
    expect(warnings).to.eql([]);
  });

  async function extraOf(tab: ProxyConnection): Promise<unknown[]> {
    const query = tab.createFetchQuery('notes', {$aggregate: []});
    await query.whenReady();
    return [query.extra, query.isLocal];
  }

  for (const [mistake, wrong] of [
    ['a promise of matches', {matches: async () => false}], ['an array of select', {...matcher, select: () => []}],
    ['a promise of select', {...matcher, select: async () => ({results: []})}]
  ] as const) {
    it(`warn of ${mistake}, and return the last results`, async () => {
      startHost(wrong as never);
      const tab = openTab();
      await (create(tab, 'a', {done: false, n: 1}) as Promise<void>);
      await tab.createFetchQuery('notes', open).whenReady();
      await goOffline(tab);
      expect((await tab.createFetchQuery('notes', open).whenReady()).map(({id}) => id)).to.eql(['a']);
      expect(warnings).to.have.length(1);
    });
  }

  it('refuse an invalid matcher', () => {
    startHost();
    expect(() => new Host({connection: real, channel: memoryChannels(), store: false, queries: {...matcher, compair: () => 0} as never}))
      .to.throw('there is no option compair. Did you mean compare?').with.property('code', 'ERR_TABS_BAD_OPTION');
    expect(() => new Host({connection: real, channel: memoryChannels(), store: false, queries: {} as never})).to.throw('queries').with.property('code', 'ERR_TABS_BAD_OPTION');
  });
});
