import {expect} from 'chai';
import Backend from 'sharedb';
import {Connection} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type HostReport} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {HandClock} from '../waiting/hand-clock.js';
import {until} from '../waiting/until.js';

describe('an inspection', () => {
  let channel: ReturnType<typeof memoryChannels>;
  let backend: Backend;
  const closing: (() => void)[] = [];
  let said: string[] = [];
  const {debug, warn, error} = console;

  beforeEach(() => {
    channel = memoryChannels();
    backend = new Backend();
    said = [];
    for (const level of ['debug', 'warn', 'error'] as const) console[level] = (text: string) => said.push(`${level} ${text}`);
  });

  afterEach(() => {
    Object.assign(console, {debug, warn, error});
    for (const close of closing.splice(0)) close();
  });

  function startHost(options: Partial<ConstructorParameters<typeof Host>[0]> = {}): Host {
    const host = new Host({connection: backend.connect(), channel, store: false, warn: () => {}, ...options});
    closing.push(() => host.close());
    return host;
  }

  function openTab(options: {debug?: boolean | string} = {}): ProxyConnection {
    const tab = new ProxyConnection({channel, ...options});
    closing.push(() => tab.close());
    return tab;
  }

  it('returns a report on both sides, as plain JSON and without data', async () => {
    startHost({place: 'shared-worker', build: '7'});
    const [tab, other] = [openTab(), openTab()];
    await tab.get('notes', 'one').create({secret: 'rosebud'});
    await other.get('notes', 'one').subscribe();
    await tab.get('notes', 'one').subscribe();
    backend.use('submit', () => {});
    tab.get('notes', 'one').submitOp([{p: ['n'], oi: 1}]);
    await until('the other tab has it', () => other.get('notes', 'one').data.n === 1);
    const report = await tab.inspect() as HostReport & {tab: object};
    expect(JSON.parse(JSON.stringify(report))).to.eql(report);
    expect(JSON.stringify(report)).not.to.contain('rosebud');
    expect(report).to.include({place: 'shared-worker', build: '7', state: 'connected', tabs: 2, docs: 1, pendingOps: 1});
    expect(report.docList).to.have.length(1);
    expect(report.docList[0]).to.include({collection: 'notes', id: 'one', version: 1, pendingOps: 1, followers: 2});
    expect(report.tabList.map(({isThere}) => isThere)).to.eql([true, true]);
    expect(report.tab).to.deep.include({
      id: tab.id, hostState: 'connected', docs: 1, pending: [{collection: 'notes', id: 'one', unsent: 0, unsettled: 1}]
    });
  });

  it('lists queries and presences with their followers, and values of conditions only on request', async () => {
    backend.close();
    backend = new Backend({presence: true});
    startHost({place: 'shared-worker'});
    const [tab, other] = [openTab(), openTab()];
    await tab.get('notes', 'one').create({author: 'Ann'});
    const query = {author: 'Ann', tags: {$in: ['crimson']}, n: null};
    for (const each of [tab, other]) {
      await new Promise<void>((resolve, reject) => {
        each.createSubscribeQuery('notes', query, null, error => (error ? reject(error as Error) : resolve()));
      });
    }
    await tab.getPresence('room').subscribe();
    await other.getPresence('room').create('bob').submit({secret: 'rosebud'});
    const report = await tab.inspect() as HostReport;
    expect(report.queryList).to.eql([{
      collection: 'notes', query: '{"author":"…","tags":{"$in":["…"]},"n":"…"}', followers: [tab.id, other.id], results: 1, isLocal: false
    }]);
    expect(report.presenceList).to.eql([{channel: 'room', followers: [tab.id], presences: [{id: 'bob', tab: other.id}]}]);
    expect(JSON.stringify(report)).not.to.contain('rosebud').and.not.contain('crimson');
    const {queryList} = await tab.inspect({data: true}) as HostReport;
    expect(queryList[0]!.query).to.equal(JSON.stringify(query));
  });

  it('shows how the host is connected and how long it has been running', async () => {
    const socket = {readyState: 1, send: () => {}, close: () => {}};
    startHost({place: 'shared-worker', connection: new Connection(socket as never)});
    const tab = openTab();
    await until('it has a host', () => tab.hostState === 'connected');
    const report = await tab.inspect() as HostReport;
    expect(report.socket).to.equal('open');
    expect(report.uptime).to.be.within(0, 60_000);
    socket.readyState = 3;
    expect(await tab.inspect()).to.include({socket: 'closed'});
  });

  it('asks the tabs for their own facts, on request, and a silent one only once', async () => {
    startHost({place: 'shared-worker'});
    const [tab, silent] = [openTab(), openTab()];
    const questions: string[] = [];
    silent.hostClient.onCall = name => {
      questions.push(name);
      return new Promise(() => {});
    };
    await silent.get('notes', 'one').fetch();
    const entryOf = (report: unknown, {id}: ProxyConnection) => (report as HostReport).tabList.find(entry => entry.id === id)!;
    expect(entryOf(await tab.inspect(), tab)).not.to.have.any.keys('isVisible', 'lag');
    expect(questions).to.eql([]);
    let report = await tab.inspect({tabs: true});
    expect(entryOf(report, tab)).to.include({isVisible: true, isThere: true}).and.not.have.property('isSilent');
    expect(entryOf(report, tab).lag).to.be.a('number');
    expect(entryOf(report, silent)).to.include({isSilent: true});
    report = await tab.inspect({tabs: true});
    expect(entryOf(report, silent).lag).to.be.at.least(250);
    expect(questions).to.eql(['tab.report']);
  });

  it("returns the tab's part if no host answers", async () => {
    const report = await openTab().inspect();
    expect(report).to.have.property('error').that.is.a('string');
    expect(report.tab).to.include({hostState: 'connecting', docs: 0});
  });

  it("writes the requested scopes to the tab's console, and nothing else", async () => {
    startHost({place: 'shared-worker'});
    const [talking, quiet] = [openTab({debug: 'host,link'}), openTab()];
    await talking.get('notes', 'one').create({n: 1});
    await quiet.get('notes', 'one').fetch();
    await until('it is told', () => said.some(line => line.includes('sharedb-tabs:host')));
    expect(said.every(line => /^debug sharedb-tabs:(host|link)/.test(line)), said.join('\n')).to.equal(true);
  });

  it('writes everything on request', async () => {
    startHost({place: 'shared-worker'});
    await openTab({debug: true}).get('notes', 'one').create({n: 1});
    await until('scopes of both sides are told', () =>
      ['link', 'message', 'host', 'doc'].every(scope => said.some(line => line.includes(`sharedb-tabs:${scope}`))));
  });

  it("a worker's warnings and uncaught errors reach the tabs' consoles, and the report", async () => {
    const host = startHost({place: 'shared-worker'});
    const tab = openTab();
    await tab.get('notes', 'one').fetch();
    host.reportUncaught(new Error('the moon fell down'));
    tab.send({a: 'f'});
    await until('both are told', () => said.length >= 2);
    expect(said[0]).to.match(/^error sharedb-tabs \(host\): .*the moon fell down/);
    expect(said[1]).to.match(/^warn sharedb-tabs \(host\): .*Invalid collection/);
    const {lastErrors} = await tab.inspect() as HostReport;
    expect(lastErrors.map(({text}) => text).join()).to.contain('the moon fell down').and.contain('Invalid collection');
  });
});

describe('a host without tabs', () => {
  const channel = memoryChannels();

  it('releases documents without followers, and closes after a while, when all ops are sent', async () => {
    const backend = new Backend();
    let letThrough: (() => void) | undefined;
    backend.use('submit', (_context, next) => { letThrough = () => next(); });
    const host = new Host({connection: backend.connect(), channel, store: false, idleAfter: 50});
    const tab = new ProxyConnection({channel});
    void tab.get('notes', 'one').create({n: 1});
    await until('the server has been asked', () => !!letThrough);
    tab.close();
    await until('the tab is gone', () => host.inspect().tabs === 0);
    await new Promise(resolve => setTimeout(resolve, 150));
    expect(host.inspect()).to.include({state: 'connected', docs: 1, pendingOps: 1});
    letThrough!();
    await host.whenClosed;
    expect(host.inspect()).to.include({docs: 0, pendingOps: 0, state: 'closed'});
  });

  it('stays open if a tab returns in time', async () => {
    const clock = new HandClock();
    const host = new Host({connection: new Backend().connect(), channel, clock, store: false, idleAfter: 100});
    const first = new ProxyConnection({channel});
    await until('it is there', () => host.inspect().tabs === 1);
    first.close();
    await until('it is gone', () => host.inspect().tabs === 0);
    const second = new ProxyConnection({channel});
    await until('the next one is there', () => host.inspect().tabs === 1);
    await clock.passSlowly(200);
    expect(host.inspect()).to.include({tabs: 1, state: 'connected'});
    second.close();
    await until('the next one is gone', () => host.inspect().tabs === 0);
    await clock.passUntil('the host closes', host.whenClosed);
  });
});
