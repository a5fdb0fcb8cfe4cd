import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {TroubledStorage} from '../store/troubled-storage.js';
import {until} from '../waiting/until.js';

interface Note {
  words: string[];
}

describe('an edit that can\'t be written down yet', () => {
  let storage: TroubledStorage;
  let host: Host;
  let tabs: ProxyConnection[];
  let docs: ProxyDoc<Note>[];
  let backend: Backend;

  async function open(durability?: 'delayed' | 'relaxed' | 'strict'): Promise<void> {
    backend = new Backend();
    storage = new TroubledStorage();
    const channel = memoryChannels();
    host = new Host({connection: backend.connect(), channel, store: {storage, durability}});
    tabs = [new ProxyConnection({channel}), new ProxyConnection({channel})];
    docs = tabs.map(tab => tab.get<Note>('notes', 'one'));
    await docs[0]!.create({words: []});
    await docs[1]!.subscribe();
    await tabs[0]!.flushWrites();
    storage.hold();
  }
  afterEach(() => {
    storage.release();
    for (const tab of tabs) tab.close();
    host.close();
  });

  async function insert(word: string): Promise<void> {
    const before = storage.writes.length;
    void docs[0]!.submitOp([{p: ['words', 0], li: word}]);
    await until('the storage is to write it', () => storage.writes.length > before);
    // Ten turns of the event loop are enough for everything else.
    for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve));
  }

  const atServer = async (): Promise<unknown> => {
    const doc = backend.connect().get('notes', 'one');
    await new Promise(resolve => doc.fetch(resolve));
    return doc.data;
  };

  for (const durability of [undefined, 'relaxed', 'strict'] as const) {
    it(`is shown in no other tab, durability: ${durability}`, async () => {
      await open(durability);
      await insert('one');
      expect(docs[1]!.data.words).to.eql([]);
      storage.release();
      await until('it is shown', () => docs[1]!.data.words.length === 1);
    });
  }

  it('is shown in the other tabs, durability: delayed, and the server has it only later', async () => {
    await open('delayed');
    await insert('one');
    expect(docs[1]!.data.words).to.eql(['one']);
    expect(await atServer()).to.eql({words: []});
    storage.release();
    await docs[0]!.whenNothingPending();
    expect(await atServer()).to.eql({words: ['one']});
  });
});
