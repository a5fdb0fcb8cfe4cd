import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {calm} from '../store/clock.js';
import {TroubledStorage} from '../store/troubled-storage.js';
import {HandClock} from '../waiting/hand-clock.js';
import {until} from '../waiting/until.js';

interface Note {
  words: string[];
}

describe('flushWrites', () => {
  let storage: TroubledStorage;
  let backend: Backend;
  let server: ReturnType<Backend['connect']>;
  let host: Host;
  let tab: ProxyConnection;
  let doc: ProxyDoc<Note>;

  async function open(durability?: 'written', clock?: HandClock): Promise<void> {
    storage = new TroubledStorage();
    const channel = memoryChannels();
    backend = new Backend();
    server = backend.connect();
    // The first message of a tab to a worker after an idle time leaves before the ops of the same turn.
    host = new Host({connection: server, channel, place: 'shared-worker', store: {storage, durability}});
    tab = new ProxyConnection({channel, warn: () => {}, clock});
    doc = tab.get<Note>('notes', 'one');
    await doc.create({words: []});
    await doc.subscribe();
    await tab.flushWrites();
  }
  afterEach(() => {
    storage.release();
    tab.close();
    host.close();
  });

  const insert = (word: string, into = doc): void => void into.submitOp([{p: ['words', 0], li: word}], undefined, () => {});

  /** The content of the disk. */
  async function stored(): Promise<string> {
    const docs = await storage.disk.read([['notes', 'one'], ['notes', 'two']]);
    return JSON.stringify(docs);
  }

  interface Watched {
    outcome?: unknown;
  }

  function watch(promise: PromiseLike<void>): Watched {
    const watched: Watched = {};
    promise.then(() => { watched.outcome = 'resolved'; }, error => { watched.outcome = error.code; });
    return watched;
  }

  /** Waits until the tab sends its next message at once. */
  async function rest(): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, 20));
  }

  for (const durability of [undefined, 'written'] as const) {
    it(`waits for an op of this very turn, durability: ${durability}`, async () => {
      await open(durability);
      await rest();
      const before = storage.writes.length;
      storage.hold();
      insert('now');
      const flushed = watch(tab.flushWrites());
      await until('the storage is to write it', () => storage.writes.length > before);
      await calm();
      expect(flushed).to.eql({});
      storage.release();
      await until('it is told', () => 'outcome' in flushed);
      expect(await stored()).to.include('now');
    });
  }

  it('waits for an op that is held back to be composed', async () => {
    const clock = new HandClock();
    await open(undefined, clock);
    // The server does not answer.
    let isUnderWay = false;
    backend.use('submit', () => { isUnderWay = true; });
    insert('first');
    await until('the first one is under way, and the tab knows that the host has it', () => isUnderWay && !doc.hasUnsent);
    insert('held back');
    await calm();
    expect(await stored()).not.to.include('held back');
    const flushed = watch(tab.flushWrites());
    await calm();
    expect(flushed).to.eql({});
    clock.pass(16);
    await until('it is told', () => 'outcome' in flushed);
    expect(await stored()).to.include('held back');
  });

  it('waits for ops of a document that the host has to load first', async () => {
    await open();
    await rest();
    const two = tab.get<Note>('notes', 'two');
    void two.create({words: []}, () => {});
    insert('in two', two);
    await tab.flushWrites();
    expect(await stored()).to.include('in two');
  });

  it('waits for the ops of a paused document until it is resumed', async () => {
    await open();
    doc.pause();
    insert('paused');
    const flushed = watch(tab.flushWrites());
    await calm();
    expect(flushed).to.eql({});
    doc.resume();
    await until('it is told', () => 'outcome' in flushed);
    expect(await stored()).to.include('paused');
  });

  it('waits neither for later ops nor for an answer of the server', async () => {
    await open();
    server.close();
    doc.pause();
    insert('paused');
    doc.resume();
    const flushed = watch(tab.flushWrites());
    await calm();
    doc.pause();
    insert('later');
    await until('it is told', () => 'outcome' in flushed);
    expect(flushed).to.eql({outcome: 'resolved'});
  });

  it('does not wait for a state that is being loaded', async () => {
    await open();
    server.close();
    void tab.get('notes', 'not stored').fetch(() => {});
    insert('one');
    await tab.flushWrites();
    expect(await stored()).to.include('one');
  });

  for (const [what, end, code] of [
    ['the host is lost', () => host.close(), 'ERR_TABS_SESSION_ENDED'],
    ['the connection is closed', () => tab.close(), 'ERR_TABS_CLOSED']
  ] as const) {
    it(`fails when ${what}`, async () => {
      await open();
      doc.pause();
      insert('never');
      const flushed = watch(tab.flushWrites());
      await calm();
      end();
      await until('it is told', () => 'outcome' in flushed);
      expect(flushed).to.eql({outcome: code});
    });
  }
});
