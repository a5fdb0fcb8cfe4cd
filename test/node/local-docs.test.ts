import {expect} from 'chai';
import Backend from 'sharedb';
import {Connection} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {OpenChannel} from '../../lib/platform/platform.js';
import {aesGcm} from '../../lib/store/aes-gcm.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {until} from '../waiting/until.js';
import {MirrorStage} from './mirror-stage.js';

interface Ui {
  theme?: string;
  open?: string[];
}

describe('a document of a collection that begins with local:', () => {
  let closing: (() => void)[];
  let channel: OpenChannel;
  let storage: InMemoryStorage;
  /** Everything that was sent to the server. */
  let sent: string;

  beforeEach(() => {
    closing = [];
    channel = memoryChannels();
    storage = new InMemoryStorage();
    sent = '';
  });
  afterEach(() => { for (const close of closing.splice(0)) close(); });

  function startHost(connection: unknown = neverConnected(), options: object = {}): Host {
    const host = new Host({connection, channel, place: 'shared-worker', store: {storage}, warn: () => {}, ...options});
    closing.push(() => host.close());
    return host;
  }

  /** Connects to the server and records what is sent. */
  function connected(): unknown {
    const connection = new Backend().connect();
    connection.on('send', message => { sent += JSON.stringify(message); });
    return connection;
  }

  function neverConnected(): unknown {
    return new Connection({readyState: 0, send: (message: string) => { sent += message; }, close() {}} as never);
  }

  function openTab(): ProxyConnection {
    const tab = new ProxyConnection({channel, warn: () => {}});
    closing.push(() => tab.close());
    return tab;
  }

  const ui = (tab: ProxyConnection, id = 'settings'): ProxyDoc<Ui> => tab.get<Ui>('local:ui', id);

  async function created(tab: ProxyConnection, data: Ui = {theme: 'dark'}): Promise<ProxyDoc<Ui>> {
    const doc = ui(tab);
    await doc.subscribe();
    await doc.create(data);
    return doc;
  }

  it('is shared by tabs if no server ever answers', async () => {
    startHost();
    const mine = await created(openTab());
    const theirs = ui(openTab());
    await theirs.subscribe();
    expect(theirs.data).to.eql({theme: 'dark'});
    await mine.submitOp([{p: ['theme'], od: 'dark', oi: 'light'}]);
    await until('the other tab shows it', () => theirs.data.theme === 'light');
    expect([mine.subscribed, theirs.subscribed, mine.hasPending()]).to.eql([true, true, false]);
  });

  it('does not exist before somebody creates it, and not after it was deleted', async () => {
    startHost();
    const [mine, theirs] = [ui(openTab()), ui(openTab())];
    await Promise.all([mine.subscribe(), theirs.fetch()]);
    expect([mine.type, mine.version, theirs.type]).to.eql([null, 0, null]);
    await mine.create({theme: 'dark'});
    await mine.del();
    await theirs.fetch();
    expect([mine.type, theirs.type]).to.eql([null, null]);
    await mine.create({theme: 'light'});
    expect(mine.data).to.eql({theme: 'light'});
  });

  it('sends the server neither its name nor its data', async () => {
    const host = startHost(connected());
    const tab = openTab();
    const doc = await created(tab, {theme: 'secret'});
    await doc.submitOp([{p: ['open'], oi: ['secret']}]);
    tab.startBulk();
    const many = ['a', 'b'].map(id => ui(tab, `secret ${id}`));
    const subscribed = many.map(one => one.subscribe());
    tab.endBulk();
    await Promise.all(subscribed);
    await doc.unsubscribe();
    await doc.subscribe();
    await tab.get('notes', 'public').subscribe();
    expect(sent).to.include('public');
    expect(sent).not.to.match(/local:|secret|settings/);
    expect(host.inspect().pendingOps).to.equal(0);
  });

  it('does not count as an unsent edit', async () => {
    const host = startHost();
    const doc = ui(openTab());
    await doc.subscribe();
    let most = 0;
    const written = doc.create({theme: 'dark'});
    doc.submitOp([{p: ['open'], oi: []}]);
    const watch = setInterval(() => { most = Math.max(most, host.inspect().pendingOps); });
    await written;
    await doc.whenNothingPending();
    clearInterval(watch);
    expect(most).to.equal(0);
  });

  it('is restored with its version by the next host', async () => {
    const host = startHost();
    const doc = await created(openTab());
    await doc.submitOp([{p: ['theme'], od: 'dark', oi: 'light'}]);
    const {version} = doc;
    for (const close of closing.splice(0)) close();
    await host.whenClosed;
    startHost();
    const again = ui(openTab());
    await again.subscribe();
    expect([again.data, again.version]).to.eql([{theme: 'light'}, version]);
    await again.submitOp([{p: ['open'], oi: ['a']}]);
    expect([again.data, again.version]).to.eql([{theme: 'light', open: ['a']}, version! + 1]);
  });

  it('continues in the same tab when its host dies during an edit', async () => {
    const host = startHost();
    const doc = await created(openTab());
    const written = doc.submitOp([{p: ['theme'], od: 'dark', oi: 'light'}]);
    host.abandon();
    startHost();
    await written;
    const other = ui(openTab());
    await other.subscribe();
    expect(other.data).to.eql({theme: 'light'});
  });

  it('survives the end of its host if the tabs are the store', async () => {
    const stage = new MirrorStage();
    closing.push(() => stage.close());
    stage.startHost({online: false});
    const [mine, theirs] = [ui(stage.openTab().connection), ui(stage.openTab().connection)];
    await mine.subscribe();
    await mine.create({theme: 'dark'});
    await theirs.subscribe();
    await stage.untilMirrored(2);
    stage.killHost();
    stage.startHost({online: false});
    await mine.submitOp([{p: ['open'], oi: ['a']}]);
    await until('both show it', () => theirs.data.open?.[0] === 'a');
    expect(theirs.data).to.eql({theme: 'dark', open: ['a']});
  });

  it('is encrypted if all documents are', async () => {
    const key = await crypto.subtle.generateKey({name: 'AES-GCM', length: 256}, false, ['encrypt', 'decrypt']);
    const store = {storage, cipher: aesGcm(key)};
    const host = startHost(neverConnected(), {store});
    const tab = openTab();
    const doc = await created(tab, {theme: 'secret'});
    await doc.submitOp([{p: ['open'], oi: ['secret']}]);
    await tab.flushWrites();
    expect(JSON.stringify(storage, (_key, value: unknown) => (value instanceof Map ? [...value] : value))).not.to.include('secret');
    for (const close of closing.splice(0)) close();
    await host.whenClosed;
    startHost(neverConnected(), {store});
    const again = ui(openTab());
    await again.subscribe();
    expect(again.data).to.eql({theme: 'secret', open: ['secret']});
  });

  it('is deleted by clear()', async () => {
    const host = startHost();
    const tab = openTab();
    await created(tab);
    await tab.flushWrites();
    await tab.clear();
    await host.whenClosed;
    startHost();
    const again = ui(openTab());
    await again.subscribe();
    expect(again.type).to.equal(null);
  });

  it('is not kept when it was deleted, and nobody has it open', async () => {
    const host = startHost();
    const tab = openTab();
    const doc = await created(tab);
    await tab.flushWrites();
    await doc.del();
    await doc.destroy();
    await until('it was let go of', () => host.inspect().docs === 0);
    await tab.flushWrites();
    host.close();
    await host.whenClosed;
    startHost();
    const again = ui(openTab());
    await again.subscribe();
    expect([again.type, again.version]).to.eql([null, 0]);
  });

  it('stays unchanged if an op can only be applied in part', async () => {
    startHost();
    const [mine, theirs] = [await created(openTab()), ui(openTab())];
    await theirs.subscribe();
    // Neither tab applies the op itself. Any page of the same origin could send such an op.
    const error = await raw(mine, [{p: ['open'], oi: ['a']}, {p: ['theme', 'x', 'y'], oi: 1}]);
    expect(error).not.to.equal(undefined);
    await theirs.fetch();
    expect(theirs.data).to.eql({theme: 'dark'});
    await theirs.submitOp([{p: ['open'], oi: ['b']}]);
    expect(theirs.data).to.eql({theme: 'dark', open: ['b']});
  });

  /**
   * Sends an op without applying it in the tab first.
   * @returns the host's error
   */
  async function raw(doc: ProxyDoc<Ui>, op: object[]): Promise<unknown> {
    const {type} = doc;
    doc.type = {...type!, apply: (data: unknown) => data} as never;
    const failed = doc.submitOp(op).then(() => undefined, (error: unknown) => error);
    doc.type = type;
    return failed;
  }

  it('has no queries, presence or old versions', async () => {
    startHost(connected());
    const tab = openTab();
    await created(tab);
    const codes: unknown[] = [];
    const note = (error: unknown): void => { codes.push((error as {code?: string} | null)?.code); };
    tab.createFetchQuery('local:ui', {}, {}, note);
    tab.createSubscribeQuery('local:ui', {}, {}, note);
    tab.fetchSnapshot('local:ui', 'settings', 1, note);
    tab.getDocPresence('local:ui', 'settings').subscribe(note);
    await until('all are answered', () => codes.length === 4);
    expect(codes).to.eql(Array(4).fill('ERR_TABS_LOCAL'));
    expect(sent).not.to.include('local:');
  });

  it('can be subscribed while the server is unreachable', async () => {
    const backend = new Backend();
    const connection = backend.connect();
    startHost(connection);
    const tab = openTab();
    const doc = await created(tab);
    connection.close();
    await until('the tab knows', () => tab.state !== 'connected');
    expect(doc.subscribed).to.equal(true);
    await doc.submitOp([{p: ['theme'], od: 'dark', oi: 'light'}]);
    expect(doc.hasPending()).to.equal(false);
  });
});
