import {expect} from 'chai';
import Backend from 'sharedb';
import BasicQueryableMemoryDB from 'sharedb/test/BasicQueryableMemoryDB.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {OpenChannel} from '../../lib/platform/platform.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {calm} from '../store/clock.js';

interface Note {
  words: string[];
}

/** A tab whose messages can be held back. */
class HeldTab {
  readonly connection: ProxyConnection;
  private held: (() => void)[] | undefined;

  constructor(open: OpenChannel) {
    this.connection = new ProxyConnection({channel: name => {
      const channel = open(name);
      const post = channel.postMessage.bind(channel);
      channel.postMessage = data => {
        if (this.held) this.held.push(() => post(data));
        else post(data);
      };
      return channel;
    }});
  }

  hold(): void {
    this.held = [];
  }

  release(): void {
    for (const post of this.held!) post();
    this.held = undefined;
  }
}

describe('a query whose documents are being restored when its results arrive', () => {
  let channel: OpenChannel;
  let storage: InMemoryStorage;
  let backend: Backend;
  let host: Host;
  let tabs: HeldTab[];

  beforeEach(async () => {
    backend = new Backend({db: new BasicQueryableMemoryDB() as never});
    channel = memoryChannels();
    storage = new InMemoryStorage();
    startHost();
    tabs = [new HeldTab(channel), new HeldTab(channel)];
    const [doc, others] = tabs.map(({connection}) => connection.get<Note>('notes', 'one'));
    await others!.create({words: []});
    await doc!.fetch();
    // A tab that has only fetched the document is not told of the op.
    await others!.submitOp([{p: ['words', 0], li: 'theirs'}]);
    await tabs[1]!.connection.flushWrites();
    host.close();
    await calm();
  });
  afterEach(() => {
    for (const {connection} of tabs) connection.close();
    host.close();
  });

  function startHost(): void {
    host = new Host({connection: backend.connect(), channel, store: {storage}});
  }

  it('updates a tab that has an unsent edit', async () => {
    const [{connection}, other] = tabs as [HeldTab, HeldTab];
    const doc = connection.get<Note>('notes', 'one');
    const edited = doc.submitOp([{p: ['words', 0], li: 'mine'}]);
    const queried = new Promise((resolve, reject) => {
      connection.createSubscribeQuery('notes', {}, null, (error, results) => { if (error) reject(error as never); else resolve(results); });
    });
    for (const tab of tabs) tab.hold();
    const read = storage.read.bind(storage);
    let goOn = (): void => {};
    const isRead = new Promise<void>(resolve => { goOn = resolve; });
    storage.read = keys => isRead.then(() => read(keys));
    startHost();
    await calm();
    // The other tab has already sent its request when this tab comes back.
    other.connection.createSubscribeQuery('notes', {});
    other.release();
    await calm();
    tabs[0]!.release();
    await calm();
    goOn();
    await edited;
    expect(await queried).to.eql([doc]);
    await doc.fetch();
    expect(doc.data.words.sort()).to.eql(['mine', 'theirs']);
    expect(await connection.deadLetters.list()).to.eql([]);
  });
});
