import {expect} from 'chai';
import type {ProxyDoc} from '../../lib/index.js';
import type {StoreDurability} from '../../lib/protocol/store-durability.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {TroubledStorage} from '../store/troubled-storage.js';
import {until} from '../waiting/until.js';
import {MirrorStage, type StagedTab} from './mirror-stage.js';

interface Note {
  words: string[];
}

describe('an edit that can\'t be written yet', () => {
  let disk: InMemoryStorage;
  let storage: TroubledStorage;
  let stage: MirrorStage;
  let tabs: StagedTab[];
  let docs: ProxyDoc<Note>[];

  function startHost(durability?: StoreDurability): void {
    storage = new TroubledStorage(disk);
    stage.startHost({mirror: false, store: {storage, durability}});
  }

  function openDoc(tab = stage.openTab()): ProxyDoc<Note> {
    tabs.push(tab);
    return tab.connection.get<Note>('notes', 'one');
  }

  async function open(durability?: StoreDurability): Promise<void> {
    disk = new InMemoryStorage();
    stage = new MirrorStage();
    tabs = [];
    startHost(durability);
    docs = [openDoc(), openDoc()];
    await docs[0]!.create({words: []});
    await docs[1]!.subscribe();
    await tabs[0]!.connection.flushWrites();
    storage.hold();
  }
  afterEach(() => {
    storage.release();
    stage.close();
  });

  async function insert(word: string, doc = docs[0]!): Promise<void> {
    const before = storage.writes.length;
    doc.submitOp([{p: ['words', doc.data.words.length], li: word}], undefined, () => {});
    await until('the storage is to write it', () => storage.writes.length > before);
    // A hundred turns of the event loop are enough for everything else.
    for (let turn = 0; turn < 100; turn++) await new Promise(resolve => setImmediate(resolve));
  }

  const atServer = (): Promise<unknown> => stage.server('one');

  for (const durability of ['written', 'strict'] as const) {
    it(`is shown in no other tab, durability: ${durability}`, async () => {
      await open(durability);
      await insert('one');
      expect(docs[1]!.data.words).to.eql([]);
      storage.release();
      await until('it is shown', () => docs[1]!.data.words.length === 1);
    });
  }

  for (const durability of [undefined, 'delayed'] as const) {
    it(`is shown in the other tabs, durability: ${durability}, and is sent to the server only later`, async () => {
      await open(durability);
      await insert('one');
      await until('it is shown', () => docs[1]!.data.words.length === 1);
      expect(docs[0]!.saveState).to.equal('unsaved');
      expect(await atServer()).to.eql({words: []});
      storage.release();
      await docs[0]!.whenNothingPending();
      expect(await atServer()).to.eql({words: ['one']});
    });
  }

  it('reaches the server once through another tab that shows it, if the host and its own tab die', async () => {
    await open();
    await insert('one');
    await until('it is shown', () => docs[1]!.data.words.length === 1);
    stage.killTab(tabs[0]!);
    stage.killHost();
    startHost();
    await until('the server has it', async () => JSON.stringify(await atServer()) === '{"words":["one"]}');
    expect(docs[1]!.data.words).to.eql(['one']);
    expect(await stage.serverOps('one')).to.have.length(2);
  });

  it('is lost, with the ops made on it, if all tabs and the host die; earlier edits are kept', async () => {
    await open();
    storage.release();
    stage.backend.use('submit', () => {});
    await insert('one');
    await tabs[0]!.connection.flushWrites();
    storage.hold();
    await insert('two');
    await until('it is shown', () => docs[1]!.data.words.length === 2);
    docs[1]!.submitOp([{p: ['words', 2], li: 'three'}], undefined, () => {});
    await until('the answer is shown', () => docs[0]!.data.words.length === 3);
    for (const tab of tabs) stage.killTab(tab);
    stage.killHost();
    startHost();
    const doc = openDoc();
    await doc.subscribe();
    expect(doc.data.words).to.eql(['one']);
  });
});
