import {MessageChannel} from 'node:worker_threads';
import {expect} from 'chai';
import Backend from 'sharedb';
import type {Connection} from 'sharedb/lib/client/index.js';
import {optionDifferences} from '../../lib/election/option-differences.js';
import {SharedWorkerHost} from '../../lib/election/shared-worker-host.js';
import type {TabOptions, WorkerGreeting} from '../../lib/election/worker-messages.js';
import type {ProxyConnectionOptions} from '../../lib/index.js';
import type {HostReport} from '../../lib/protocol/report.js';
import {InMemoryStorage, startHost, type StartHostOptions} from '../../lib/worker.js';
import {until} from '../waiting/until.js';
import {PortedConnection} from './ported-connection.js';

interface WorkerScope {
  onconnect?: ((event: {ports: MessagePort[]}) => void) | null;
}

/** A storage that opens when the test decides. */
class SlowStorage extends InMemoryStorage {
  override open = (): Promise<void> => this.isOpen;
  finish = (): void => {};
  private readonly isOpen = new Promise<void>(resolve => { this.finish = resolve; });
}

/** This process acts as the worker, without Web Locks. */
describe('the script of a shared worker', () => {
  const scope = globalThis as WorkerScope;
  const closers: (() => void)[] = [];
  let backend: Backend;
  let namespace: string;

  beforeEach(() => {
    backend = new Backend();
    scope.onconnect = null;
    namespace = `worker ${Math.random()}`;
  });

  afterEach(() => {
    delete scope.onconnect;
    for (const close of closers.splice(0)) close();
  });

  const start = (options: StartHostOptions = {}): void => startHost({connect: () => backend.connect(), store: false, ...options});

  interface Page {
    source: SharedWorkerHost;
    connection: PortedConnection;
    /** The attempts of its greetings. */
    attempts: number[];
    failures: string[];
  }

  /** @param greeting what the page posts to the worker */
  function open(greeting: () => WorkerGreeting | Promise<WorkerGreeting> = () => greetingFor(namespace), options: ProxyConnectionOptions = {}): Page {
    const failures: string[] = [];
    const attempts: number[] = [];
    const {port1, port2} = new MessageChannel() as unknown as {port1: MessagePort; port2: MessagePort};
    scope.onconnect!({ports: [port2]});
    const create = (): SharedWorker => ({port: port1, onerror: null}) as unknown as SharedWorker;
    const source = new SharedWorkerHost({namespace, create, greeting, onFailure: ({reason}) => failures.push(reason)});
    source.start();
    const connection = new PortedConnection({namespace, ...options}, hello => {
      attempts.push(hello.attempt);
      return source.greet(hello);
    });
    closers.push(() => connection.close(), () => source.close());
    return {source, connection, attempts, failures};
  }

  const greetingFor = (name: string): WorkerGreeting => (
    {type: 'sharedb-tabs', namespace: name, url: undefined, store: undefined, needsToken: false, steal: false, after: 0}
  );

  it('keeps greetings until its host has started, and welcomes later ones at once', async () => {
    const storage = new SlowStorage();
    start({store: {storage}});
    const first = open();
    const doc = first.connection.get('notes', 'one');
    const whenDone = [doc.subscribe(), doc.create({list: [0]})];
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(first.connection.hostState).to.equal('connecting');
    storage.finish();
    await Promise.all(whenDone);
    const second = open();
    const same = second.connection.get('notes', 'one');
    await same.subscribe();
    expect(same.data).to.eql({list: [0]});
    expect([first.attempts, second.attempts]).to.eql([[1], [1]]);
  });

  it('restarts its host for a page that was opened after the last clearing', async () => {
    start({store: {storage: new InMemoryStorage()}});
    const former = open().connection;
    await former.get('local:notes', 'one').create({secret: 1});
    await former.flushWrites();
    former.close();
    const {connection} = open(() => ({...greetingFor(namespace), cleared: {id: 'clearing', time: Date.now() + 1000}}));
    const doc = connection.get('local:notes', 'one');
    await doc.fetch();
    expect(doc.data).to.equal(undefined);
  });

  it('keeps its host for a page that has the mark of a clearing that the host knows only from the database', async () => {
    const storage = new InMemoryStorage();
    await storage.open(namespace);
    const cleared = {id: 'clearing', time: Date.now() - 1000};
    await storage.clear({cleared: cleared.id, clearedAt: String(cleared.time)});
    start({store: {storage}});
    const first = open().connection;
    await first.get('local:notes', 'one').create({});
    const {connection} = open(() => ({...greetingFor(namespace), cleared}));
    const doc = connection.get('local:notes', 'one');
    await doc.fetch();
    expect([doc.data, connection.hostClient.sessionClient!.epoch]).to.eql([{}, first.hostClient.sessionClient!.epoch]);
  });

  it('restarts its host for a page that is opened while a host deletes everything, although the page does not know this', async () => {
    const storage = new InMemoryStorage();
    start({store: {storage}});
    const former = open().connection;
    await former.get('local:notes', 'one').create({secret: 1});
    const clear = storage.clear.bind(storage);
    const hasBegun = new Promise<() => void>(begun => {
      storage.clear = () => new Promise<void>(resolve => begun(() => resolve(clear())));
    });
    const isCleared = former.clear();
    const finish = await hasBegun;
    const doc = open().connection.get('local:notes', 'one');
    const isFetched = doc.fetch();
    setTimeout(finish, 50);
    await Promise.all([isCleared, isFetched]);
    expect(doc.data).to.equal(undefined);
  });

  it('reads no data from before the last clearing, even if it can start its host by itself', async () => {
    const storage = new InMemoryStorage();
    const {DurableStore} = await import('../../lib/store/durable-store.js');
    const left = new DurableStore({storage, namespace, epoch: 'of the last user', onStatus() {}, onFenced() {}}, () => () => {});
    await left.whenReady();
    left.append(['notes', 'one'], 1, '{"t":"submit","step":{"create":{"type":"json0","data":{"secret":1}}},"owner":"gone","seq":1}');
    await until('it is written', () => !left.isWriting);
    let reads = 0;
    const read = storage.read.bind(storage);
    storage.read = keys => {
      reads++;
      return read(keys);
    };
    start({namespace, store: {storage}});
    await new Promise(resolve => setTimeout(resolve, 20));
    const {connection} = open(() => ({...greetingFor(namespace), cleared: {id: 'clearing', time: Date.now() + 1000}}));
    await until('there is a host', () => connection.hostState === 'connected');
    expect([reads, await storage.inventory()]).to.eql([0, []]);
    const doc = connection.get('notes', 'one');
    await doc.fetch();
    expect(doc.data).to.equal(undefined);
  });

  it('starts its host by itself if no tab greets', async () => {
    const storage = new InMemoryStorage();
    let isOpen = false;
    const openStorage = storage.open.bind(storage);
    storage.open = async name => {
      isOpen = true;
      return openStorage(name);
    };
    start({namespace, store: {storage}});
    await until('the host is there', () => isOpen);
  });

  describe('warns a page whose options have no effect, once', () => {
    const DEFAULT = '{"durability":"delayed","resume":"snapshot"}';

    const {warn} = console;
    let warnings: string[];
    beforeEach(() => {
      warnings = [];
      console.warn = (text: string) => warnings.push(text);
    });
    afterEach(() => { console.warn = warn; });

    /** Opens a page with each of these options, one after the other, twice. @returns the warnings in the worker's console */
    async function warningsFor(own: StartHostOptions, ...given: Partial<WorkerGreeting>[]): Promise<string[]> {
      start(own);
      for (const options of [...given, ...given]) {
        const {connection} = open(() => ({...greetingFor(namespace), ...options}));
        await connection.get('notes', 'one').subscribe();
      }
      const isInPages = (text: string): boolean => text.startsWith('sharedb-tabs (host)');
      const ofWorker = warnings.filter(text => !isInPages(text));
      if (ofWorker.length) await until('the pages are told, too', () => warnings.some(isInPages));
      return ofWorker.map(text => /createConnection\(.*(?= \[WARN_TABS_OPTIONS)/.exec(text)?.[0] ?? text);
    }

    const storage = new InMemoryStorage();
    const CASES: Record<string, [own: StartHostOptions, given: Partial<WorkerGreeting>[], expected: string[]]> = {
      'store: false, below a host with a store': [
        {store: undefined} as never, [{}, {store: false}],
        [`createConnection({store: false}) of a page has no effect. The host was started with ${DEFAULT}`]
      ],
      'a store, below a host without one': [
        {store: undefined} as never, [{store: false}, {store: {durability: 'strict'}}, {}],
        ['createConnection({store: {"durability":"strict","resume":"snapshot"}}) of a page has no effect. The host was started with false']
      ],
      'store: false, below startHost with a store': [
        {store: {storage}}, [{}, {store: false}], ['createConnection({store: false}) of a page has no effect. startHost({store}) has a store']
      ],
      'the defaults, which differ in nothing': [
        {store: undefined} as never, [{}, {store: {}}, {store: {durability: 'delayed'}}], []
      ],
      'a store, where startHost has its own': [{store: {storage}}, [{}, {store: {durability: 'strict'}}], []],
      'no url, where startHost has its own': [{url: 'ws://localhost:1/own'}, [{url: 'ws://localhost:1/a'}, {url: 'ws://localhost:1/b'}], []]
    };
    for (const [name, [own, given, expected]] of Object.entries(CASES)) {
      it(name, async () => expect(await warningsFor(own, ...given)).to.eql(expected));
    }

    it('of a tab in an election, where a dedicated worker is the host', async () => {
      const listeners: ((event: {data: unknown}) => void)[] = [];
      delete scope.onconnect;
      const script = globalThis as {addEventListener?: unknown};
      script.addEventListener = (_type: string, listener: (event: {data: unknown}) => void) => listeners.push(listener);
      const post = (data: unknown): void => { for (const listener of listeners) listener({data}); };
      try {
        start({store: undefined} as never);
        post({...greetingFor(namespace), store: false});
        for (const store of [false, undefined, {durability: 'strict'}, {durability: 'written'}, {durability: {}}]) {
          post({type: 'sharedb-tabs:options', namespace, url: undefined, store, isQuestion: false} satisfies Record<keyof TabOptions, unknown>);
        }
        await until('the host has warned', () => warnings.length > 0);
        expect(warnings.map(text => text.replace(/ \[WARN.*/, ''))).to.eql([
          `sharedb-tabs: createConnection({store: ${DEFAULT}}) of a page has no effect. The host was started with false`
        ]);
      } finally {
        post({type: 'sharedb-tabs:stop'});
        delete script.addEventListener;
      }
    });

    it('another url, without its query', () => {
      const used = {store: undefined, url: 'ws://localhost/a?token=secret'};
      const text = (url: string | undefined): string[] => optionDifferences({}, used, {...used, url}).map(each => each.text);
      expect([text(used.url), text('ws://localhost/b?token=other').length, text(undefined).length]).to.eql([[], 1, 1]);
      expect(text('ws://localhost/b?token=other')[0]).to.include('({url: ws://localhost/b}) of a page has no effect. The host was started with ws://localhost/a.');
      expect(text('ws://localhost/a?token=other')[0]).to.include('({url: ws://localhost/a with another query})').and.not.to.include('secret');
    });
  });

  it('does so for each namespace', async () => {
    start();
    const one = open();
    namespace += ', too';
    const other = open();
    await until('both have a host', () => [one, other].every(({connection}) => connection.hostState === 'connected'));
    expect([one.attempts, other.attempts]).to.eql([[1], [1]]);
    const reports = [await one.connection.inspect(), await other.connection.inspect()] as HostReport[];
    expect(reports.map(({namespace}) => namespace)).to.eql([namespace.replace(', too', ''), namespace]);
  });

  it('keeps nothing if no host was requested', async () => {
    start();
    const page = open(() => Promise.reject(new Error('offline')));
    page.connection.get('notes', 'one').create({list: [0]}, () => {});
    await until('the url could not be had', () => page.failures.length > 0);
    // The page connects elsewhere, and does not want the document any more.
    page.connection.close();
    const {connection} = open();
    const doc = connection.get('notes', 'one');
    await doc.fetch();
    expect(doc.data).to.equal(undefined);
    expect((await connection.inspect() as HostReport).tabs).to.equal(1);
  });

  it('ignores messages of a tab that uses another mode', async () => {
    const storage = new SlowStorage();
    start({store: {storage}});
    const page = open();
    page.connection.get('notes', 'one').create({list: [0]}, () => {});
    await new Promise(resolve => setTimeout(resolve, 20));
    page.connection.close();
    page.source.close();
    const {connection} = open();
    const doc = connection.get('notes', 'one');
    const whenFetched = doc.fetch();
    await new Promise(resolve => setTimeout(resolve, 20));
    storage.finish();
    await whenFetched;
    expect(doc.data).to.equal(undefined);
  });

  it("answers queries by the app's rules without a server", async () => {
    let server: Connection;
    start({
      connect: () => (server = backend.connect()),
      queries: {
        matches: (_collection, {done}: {done: boolean}, data: {done: boolean}) => data.done === done,
        compare: (_collection, _query, one, other) => (other.data as {n: number}).n - (one.data as {n: number}).n
      }
    });
    const {connection} = open();
    for (const [id, n] of [['a', 1], ['b', 3], ['c', 2]] as const) await connection.get('notes', id).create({done: id === 'a', n});
    server!.close();
    await until('the tab knows', () => connection.state !== 'connected');
    const query = connection.createFetchQuery('notes', {done: false});
    expect((await query.whenReady()).map(({id}) => id)).to.eql(['b', 'c']);
    expect(query.isLocal).to.equal(true);
  });

  it('is tried again if the app could not connect', async () => {
    let isBroken = true;
    start({connect: () => {
      if (!isBroken) return backend.connect();
      throw new Error('not yet');
    }});
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', note);
    try {
      open();
      await until('the error is seen', () => uncaught.length > 0);
    } finally {
      process.off('unhandledRejection', note);
      for (const listener of others) process.on('unhandledRejection', listener);
    }
    expect((uncaught[0] as Error).message).to.equal('not yet');
    isBroken = false;
    await open().connection.get('notes', 'one').fetch();
  });
});
