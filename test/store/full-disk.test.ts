import {expect} from 'chai';
import {mock} from 'node:test';
import Backend from 'sharedb';
import {Connection, logger} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {DeadLetter} from '../../lib/protocol/messages.js';
import {greetingChannelName} from '../../lib/protocol/version.js';
import {calm, eventually} from './clock.js';
import {TroubledStorage, quotaExceeded} from './troubled-storage.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

/** One disk, and several hosts one after the other. Each host has a view of its own: a write may fail for one and work for the next. */
class FullDiskStage {
  readonly backend = new Backend();
  /** When a message is delivered. */
  deliver: (message: () => void) => void = queueMicrotask;
  readonly channel = memoryChannels(message => this.deliver(message));
  storage = new TroubledStorage();
  connection!: Connection;
  host!: Host;
  readonly tabs: ProxyConnection[] = [];

  start({isOnline = true, storage = new TroubledStorage(this.storage.disk)} = {}): Host {
    this.storage = storage;
    this.connection = new Connection({readyState: 3, close() {}, send() {}} as never);
    if (isOnline) this.goOnline();
    this.host = new Host({connection: this.connection, channel: this.channel, store: {storage}, build: '1', warn: () => {}});
    return this.host;
  }

  goOnline(): void {
    this.backend.connect(this.connection);
  }

  async goOffline(): Promise<void> {
    (this.connection as unknown as {socket: {close(): void}}).socket.close();
    await eventually('the network is gone', () => this.connection.state !== 'connected');
  }

  tab(): ProxyConnection {
    const tab = new ProxyConnection({channel: this.channel, warn: () => {}});
    this.tabs.push(tab);
    return tab;
  }

  close(): void {
    for (const tab of this.tabs) tab.close();
    this.host.close();
  }
}

const add = (doc: ProxyDoc, word: string): Promise<void> => doc.submitOp([{p: ['words', 0], li: word}]);
const words = (doc: {data?: any}): string[] => [...(doc.data as {words: string[]}).words].sort();

describe('a full disk', () => {
  let stage: FullDiskStage;
  beforeEach(() => {
    mock.timers.enable({apis: ['setTimeout']});
    stage = new FullDiskStage();
    stage.start();
  });
  afterEach(async () => {
    stage.close();
    await calm();
    mock.timers.reset();
  });

  async function opened(tab: ProxyConnection, id = 'a'): Promise<ProxyDoc> {
    const doc = tab.get('notes', id);
    await doc.subscribe();
    return doc;
  }

  async function created(id = 'a'): Promise<ProxyDoc> {
    const doc = stage.tab().get('notes', id);
    await doc.create({words: []});
    await doc.subscribe();
    await doc.connection.flushWrites();
    return doc;
  }

  async function fill(): Promise<void> {
    stage.storage.fail('write', quotaExceeded());
    void stage.tabs[0]!.get('notes', 'filler').create({}).catch(() => {});
    await eventually('it is noticed', () => {
      mock.timers.tick(20);
      return stage.host.inspect().storeError?.code === 'QuotaExceededError';
    });
  }

  async function remoteEdits(count: number): Promise<void> {
    const remote = stage.backend.connect().get('notes', 'a');
    await new Promise<void>(resolve => remote.fetch(() => resolve()));
    for (let i = 0; i < count; i++) await new Promise<void>(resolve => remote.submitOp([{p: ['words', 0], li: `remote ${i}`}] as never, {}, () => resolve()));
  }

  async function serverWords(): Promise<string[]> {
    const doc = stage.backend.connect().get('notes', 'a');
    await new Promise<void>((resolve, reject) => doc.fetch(error => (error ? reject(error as never) : resolve())));
    return words(doc);
  }

  /** Two tabs, `page` among them, show edits that the host can't write. */
  async function toldWhileFull(): Promise<{doc: ProxyDoc; page: ProxyConnection; away: ProxyDoc}> {
    const doc = await created();
    const page = stage.tab();
    const away = await opened(page);
    stage.storage.fail('write', quotaExceeded());
    for (const word of ['one', 'two', 'three']) await add(doc, word);
    await eventually('the other tab has them', () => words(away).length === 3);
    return {doc, page, away};
  }

  /** Starts another host, takes the page out of the back/forward cache, and compares the tabs with the server, before and after an edit. */
  async function expectServerStateOfNextHost({doc, page, away}: Awaited<ReturnType<typeof toldWhileFull>>): Promise<void> {
    stage.start();
    await doc.fetch();
    page.hostClient.resume();
    await eventually('it has found the host', () => page.hostState === 'connected');
    await away.fetch();
    expect(words(away)).to.eql(await serverWords());
    await add(away, 'last');
    expect([words(away), words(doc)]).to.eql([await serverWords(), await serverWords()]);
  }

  it('and another host afterwards: a suspended page shows the state of the server', async () => {
    const {doc, page, away} = await toldWhileFull();
    page.hostClient.suspend();
    stage.host.abandon();
    await remoteEdits(9);
    await expectServerStateOfNextHost({doc, page, away});
  });

  it('and two other hosts, of which the first ends before it has answered: a page shows the state of the server', async () => {
    const {doc, page, away} = await toldWhileFull();
    stage.host.abandon();
    await remoteEdits(9);
    // As between contexts: the host's first batch arrives before its answer about the document is on its way.
    stage.deliver = message => void setImmediate(message);
    const second = stage.start();
    page.once('connected', () => second.abandon());
    await second.whenClosed;
    page.hostClient.suspend();
    await expectServerStateOfNextHost({doc, page, away});
  });

  it('and another host: edits that only the lost host had become dead letters', async () => {
    const doc = await created();
    const letters: DeadLetter[] = [];
    doc.connection.on('deadletter', letter => letters.push(letter));
    await stage.goOffline();
    await fill();
    const result = add(doc, 'offline').then(() => 'saved', (error: {code: string}) => error.code);
    await eventually('the host has it', () => stage.host.inspect().pendingOps === 2);
    stage.host.abandon();
    stage.start();
    expect(await result).to.equal('ERR_TABS_OP_LOST');
    await eventually('the letter', () => letters.length === 1);
    await doc.fetch();
    expect(words(doc)).to.eql(await serverWords());
  });

  it('and another host: edits of several documents become dead letters, though their page closes before the disk has answered', async () => {
    const other = stage.tab();
    await created('a');
    const page = stage.tab();
    const docs = [await opened(page, 'a'), await opened(page, 'b')];
    await docs[1]!.create({words: []});
    await stage.goOffline();
    await fill();
    const results = docs.map(doc => add(doc, doc.id).then(() => 'saved', (error: {code: string}) => error.code));
    await eventually('the host has them', () => stage.host.inspect().pendingOps === 3);
    stage.host.abandon();
    stage.start();
    expect(await Promise.all(results)).to.eql(['ERR_TABS_OP_LOST', 'ERR_TABS_OP_LOST']);
    // The answer to the first of them waits for the disk.
    stage.storage.hold();
    await calm();
    page.close();
    stage.storage.release();
    await calm();
    const letters = await other.deadLetters.list();
    expect(letters.map(({doc}) => doc).sort()).to.eql(['a', 'b']);
  });

  it('keeps a document that was created meanwhile, with its edits, over a change of host', async () => {
    await created();
    await fill();
    stage.host.abandon();
    const storage = new TroubledStorage(stage.storage.disk);
    storage.fail('write', quotaExceeded());
    stage.start({isOnline: false, storage});
    const tab = stage.tab();
    await eventually('a host', () => tab.hostState === 'connected');
    const doc = tab.get('notes', 'b');
    const done = Promise.all([doc.create({words: []}), add(doc, 'one'), add(doc, 'two')]);
    await eventually('the host has them', () => {
      mock.timers.tick(20);
      return stage.host.inspect().docList.some(({id, pendingOps}) => id === 'b' && pendingOps > 0);
    });
    stage.host.abandon();
    stage.start();
    await done;
    expect(words(doc)).to.eql(['one', 'two']);
  });

  it('makes flushWrites reject', async () => {
    const doc = await created();
    stage.storage.fail('write', quotaExceeded());
    await add(doc, 'one');
    const code = await doc.connection.flushWrites().then(() => 'written', (error: {code: string}) => error.code);
    expect(code).to.equal('QuotaExceededError');
  });

  it('does not make room for a newer build while only this host has edits', async () => {
    const doc = await created();
    await stage.goOffline();
    await fill();
    void add(doc, 'offline').catch(() => {});
    await eventually('the host has it', () => stage.host.inspect().pendingOps === 2);
    let isClosed = false;
    void stage.host.whenClosed.then(() => { isClosed = true; });
    const greetings = stage.channel(greetingChannelName('default'));
    greetings.postMessage({type: 'candidate', protocol: 99, build: '2'});
    await calm();
    mock.timers.tick(1000);
    expect(isClosed).to.equal(false);
    stage.storage.fail('write');
    for (let i = 0; i < 30; i++) { mock.timers.tick(200); await calm(2); }
    expect(isClosed).to.equal(true);
    greetings.close();
    stage.start();
    await doc.connection.whenNothingPending();
    expect(await serverWords()).to.eql(['offline']);
  });
});
