import {expect} from 'chai';
import Backend from 'sharedb';
import {logger, type Connection} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {pageStorage} from '../support/page-storage.js';
import {eventually} from '../store/clock.js';
import {TabModesStage} from './tab-modes-stage.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

type Call = (tab: ProxyConnection) => PromiseLike<unknown>;

/** Each call that an app can wait for: with a promise, and with a callback where there is one. */
const calls: Record<string, Call> = {
  'doc.fetch': tab => tab.get('notes', 'b').fetch(),
  'doc.subscribe': tab => tab.get('notes', 'b').subscribe(),
  'doc.subscribe, with a callback': tab => settled(done => tab.get('notes', 'b').subscribe(done)),
  'doc.ensureDocHasData': tab => tab.get('notes', 'b').ensureDocHasData(),
  'doc.create': tab => tab.get('notes', 'b').create({n: 0}),
  'doc.submitOp': tab => tab.get('notes', 'a').submitOp([{p: ['n'], na: 1}]),
  'doc.submitOp, with a callback': tab => settled(done => tab.get('notes', 'a').submitOp([{p: ['n'], na: 1}], done)),
  'doc.del': tab => tab.get('notes', 'a').del(),
  'doc.whenNothingPending': tab => {
    tab.get('notes', 'a').submitOp([{p: ['n'], na: 1}]);
    return tab.get('notes', 'a').whenNothingPending();
  },
  'doc.destroy': tab => {
    tab.get('notes', 'a').submitOp([{p: ['n'], na: 1}]);
    return tab.get('notes', 'a').destroy();
  },
  'connection.whenNothingPending': tab => {
    tab.get('notes', 'a').submitOp([{p: ['n'], na: 1}]);
    return tab.whenNothingPending();
  },
  'connection.getBulk': tab => tab.getBulk('notes', ['b', 'c']),
  'connection.fetchSnapshot': tab => settled(done => tab.fetchSnapshot('notes', 'a', done)),
  'connection.fetchSnapshotByTimestamp': tab => settled(done => tab.fetchSnapshotByTimestamp('notes', 'a', 1, done)),
  'connection.getSnapshot': tab => tab.getSnapshot('notes', 'a'),
  'connection.flushWrites': tab => tab.flushWrites(),
  'connection.deadLetters.list': tab => tab.deadLetters.list(),
  'connection.quarantine.list': tab => tab.quarantine.list(),
  'query.whenReady': tab => tab.createFetchQuery('notes', {}).whenReady(),
  'a query\'s callback': tab => settled(done => tab.createSubscribeQuery('notes', {}, null, done)),
  'presence.subscribe': tab => tab.getPresence('room').subscribe() as never,
  'localPresence.submit': tab => tab.getPresence('room').create('me').submit({at: 1}) as never
};

describe('a connection that is closed', () => {
  const channel = memoryChannels();
  let backend: Backend;
  let storage: InMemoryStorage;
  let real: Connection;
  let host: Host | undefined;
  let tabs: ProxyConnection[];
  /** While true, the server answers no request. */
  let isSilent: boolean;

  beforeEach(() => {
    backend = new Backend({presence: true});
    isSilent = false;
    backend.use('receive', (_context, next) => { if (!isSilent) next(); });
    storage = new InMemoryStorage();
    tabs = [];
    startHost();
  });

  afterEach(() => {
    for (const tab of tabs) tab.close();
    host?.close();
  });

  function startHost(): void {
    real = backend.connect() as unknown as Connection;
    host = new Host({connection: real as never, channel, store: {storage}, warn: () => {}});
  }

  async function openTab(): Promise<ProxyConnection> {
    const tab = new ProxyConnection({channel, warn: () => {}});
    tabs.push(tab);
    await until('the tab is connected', () => tab.state === 'connected');
    return tab;
  }

  /** Opens a tab with a document, then stops the server's answers. */
  async function openWithDoc(): Promise<ProxyConnection> {
    const tab = await openTab();
    await tab.get('notes', 'a').create({n: 0});
    await tab.get('notes', 'a').subscribe();
    isSilent = true;
    return tab;
  }

  const codeOf = (call: PromiseLike<unknown>): Promise<unknown> =>
    Promise.resolve(call.then(() => 'done', (error: {code?: string; message: string}) => error.code ?? error.message));

  for (const [name, call] of Object.entries(calls)) {
    it(`ends ${name} that is open`, async () => {
      const tab = await openWithDoc();
      const outcome = codeOf(call(tab));
      tab.close();
      expect(await outcome).to.equal('ERR_TABS_CLOSED');
    });

    it(`ends ${name} that is made later`, async () => {
      const tab = await openWithDoc();
      tab.close();
      expect(await codeOf(call(tab))).to.equal('ERR_TABS_CLOSED');
    });
  }

  it('runs no callback in the turn of close(), and each once, even if an answer arrives later', async () => {
    const tab = await openWithDoc();
    const heard: string[] = [];
    tab.get('notes', 'b').subscribe(error => heard.push(String((error as {code?: string}).code)));
    tab.get('notes', 'a').submitOp([{p: ['n'], na: 1}], (error: {code?: string}) => { heard.push(String(error.code)); });
    tab.close();
    expect(heard).to.eql([]);
    await until('both have heard', () => heard.length === 2);
    isSilent = false;
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(heard).to.eql(['ERR_TABS_CLOSED', 'ERR_TABS_CLOSED']);
  });

  it('emits nothing for calls without a listener, and continues if a callback throws', async () => {
    const tab = await openWithDoc();
    const heard: unknown[] = [];
    tab.on('error', error => heard.push((error as Error).message));
    tab.get('notes', 'b').on('error', error => heard.push(error));
    tab.get('notes', 'a').on('error', error => heard.push(error));
    tab.get('notes', 'b').subscribe();
    tab.get('notes', 'a').submitOp([{p: ['n'], na: 1}]);
    tab.get('notes', 'c').fetch(() => { throw new Error('of the app'); });
    const last = codeOf(tab.get('notes', 'd').fetch());
    tab.close();
    expect(await last).to.equal('ERR_TABS_CLOSED');
    await until('the error is told', () => heard.length > 0);
    expect(heard).to.eql(['of the app']);
  });

  it('emits nothing for a presence that upstream subscribes again by itself', async () => {
    const tab = await openTab();
    const presence = tab.getPresence('room');
    await presence.subscribe();
    const heard: unknown[] = [];
    for (const emitter of [tab, presence] as {on(event: 'error', listener: (error: unknown) => void): unknown}[]) emitter.on('error', error => heard.push(error));
    isSilent = true;
    host!.close();
    await until('the host is lost', () => tab.hostState === 'lost');
    startHost();
    await until('the next host is there', () => tab.hostState === 'connected');
    const last = codeOf(tab.get('notes', 'd').fetch());
    tab.close();
    expect(await last).to.equal('ERR_TABS_CLOSED');
    await new Promise(resolve => setImmediate(resolve));
    expect(heard).to.eql([]);
  });

  it('changes its states once', async () => {
    const tab = await openTab();
    const heard: unknown[] = [];
    tab.on('hostState', state => heard.push(state));
    tab.on('state', state => heard.push(state));
    tab.close();
    tab.close();
    expect([tab.state, tab.hostState, heard]).to.eql(['closed', 'closed', ['closed', 'closed']]);
  });

  it('answers calls that have completed by then', async () => {
    const tab = await openTab();
    const doc = tab.get('notes', 'a');
    await doc.create({n: 0});
    const known = doc.ensureDocHasData();
    tab.close();
    expect(await codeOf(known)).to.equal('done');
  });

  it('hands over the ops of its last turn, which are saved, and reports this', async () => {
    const tab = await openTab();
    const doc = tab.get('notes', 'a');
    await doc.create({n: 0});
    const edits = [1, 2].map(n => doc.submitOp([{p: ['n'], na: n}]));
    const paused = tab.get('notes', 'b');
    paused.pause();
    edits.push(paused.create({n: 5}));
    tab.close();
    for (const edit of edits) {
      const error = await Promise.resolve(edit).catch((reason: Error & {code: string}) => reason);
      expect(error).to.include({code: 'ERR_TABS_CLOSED'}).and.property('message').to.contain('not lost');
    }
    const remote = backend.connect().get('notes', 'a');
    await until('the server has them', async () => {
      await settled(done => remote.fetch(done));
      return remote.data?.n === 3;
    });
    const other = backend.connect().get('notes', 'b');
    await until('the server has the other one', async () => {
      await settled(done => other.fetch(done));
      return other.data?.n === 5;
    });
  });

  it('reports ops as unsaved that no host has, or that are made later', async () => {
    const tab = await openTab();
    const doc = tab.get('notes', 'a');
    await doc.create({n: 0});
    host!.close();
    host = undefined;
    await until('the host is lost', () => tab.hostState === 'lost');
    const open = doc.submitOp([{p: ['n'], na: 1}]);
    tab.close();
    const later = doc.submitOp([{p: ['n'], na: 1}]);
    const messages = await Promise.all([open, later].map(edit => Promise.resolve(edit).catch((error: Error) => error.message)));
    expect(messages).to.eql(['The connection is closed: the op is not saved', 'The connection is closed']);
  });

  it('hands nothing over after a sign-out', async () => {
    const tab = await openTab();
    const other = await openTab();
    const doc = tab.get('notes', 'a');
    await doc.create({n: 0});
    real.close();
    const edit = codeOf(doc.submitOp([{p: ['n'], na: 1}]));
    await other.clear();
    expect(await edit).to.equal('ERR_TABS_CLOSED');
    await host!.whenClosed;
    startHost();
    const next = await openTab();
    await next.get('notes', 'a').subscribe();
    expect([next.get('notes', 'a').data, next.status.pendingOps]).to.eql([{n: 0}, 0]);
  });
});

describe('a tab that is closed', () => {
  let stage: TabModesStage;
  /** The pages' `localStorage`. */
  let items: Map<string, string>;

  beforeEach(() => {
    stage = new TabModesStage();
    items = new Map();
    stage.define('document', {});
    stage.define('localStorage', pageStorage(items));
  });
  afterEach(async () => {
    await stage.close();
    for (const name of ['document', 'localStorage']) delete (globalThis as Record<string, unknown>)[name];
  });

  it('before it has a host leaves its ops for the next one, and reports this', async () => {
    stage.loseCode();
    const {connection} = stage.open({store: {}});
    await stage.settle();
    const edit = connection.get('docs', 'one').create({n: 1}).catch((error: Error & {code: string}) => error);
    connection.close();
    await stage.settle();
    expect(await edit).to.include({code: 'ERR_TABS_CLOSED'}).and.property('message').to.contain('not lost');
    stage.findCode();
    const next = stage.open({store: {}});
    await eventually('it is connected', () => next.connection.hostState === 'connected');
    await stage.pass(500);
    const doc = stage.backend.connect().get('docs', 'one');
    await settled(done => doc.fetch(done));
    expect(doc.data).to.eql({n: 1});
    expect([...items.keys()].filter(key => key.includes('orphaned-ops'))).to.eql([]);
  });

  it('leaves its last ops there even if it has a host, which adopts them once', async () => {
    const {connection} = stage.open({store: {}});
    const doc = connection.get('docs', 'one');
    await doc.create({n: 1});
    const edit = doc.submitOp([{p: ['n'], na: 1}]).catch((error: Error & {code: string}) => error);
    connection.close();
    expect([...items.keys()].filter(key => key.includes('orphaned-ops'))).to.have.length(1);
    expect(await edit).to.include({code: 'ERR_TABS_CLOSED'}).and.property('message').to.contain('not lost');
    await stage.settle();
    const next = stage.open({store: {}});
    await stage.pass(5000);
    await eventually('it is connected', () => next.connection.hostState === 'connected');
    await stage.pass(500);
    const remote = stage.backend.connect().get('docs', 'one');
    await settled(done => remote.fetch(done));
    expect([remote.data, remote.version]).to.eql([{n: 2}, 2]);
    expect([...items.keys()].filter(key => key.includes('orphaned-ops'))).to.eql([]);
  });

  it('reports its ops as unsaved if the storage can\'t write', async () => {
    stage.loseCode();
    stage.define('localStorage', undefined);
    const {connection} = stage.open({store: {}});
    await stage.settle();
    const edit = connection.get('docs', 'one').create({n: 1}).catch((error: Error & {code: string}) => error);
    connection.close();
    await stage.settle();
    expect(await edit).to.include({code: 'ERR_TABS_CLOSED'}).and.property('message').to.contain('not saved');
  });
});
