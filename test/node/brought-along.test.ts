import {expect} from 'chai';
import type {ProxyDoc} from '../../lib/index.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {until} from '../waiting/until.js';
import {Stage} from './mirror-stage.js';

describe('what the server has said just before a host died', function() {
  this.timeout(30_000);
  let stage: Stage;
  let storage: InMemoryStorage;
  let docs: ProxyDoc[];

  beforeEach(async () => {
    stage = new Stage();
    storage = new InMemoryStorage();
    stage.startHost({store: {storage}});
    docs = [stage.openTab(), stage.openTab()].map(({connection}) => connection.get('notes', 'a'));
    await docs[0]!.create({words: []});
    for (const doc of docs) await doc.subscribe();
    await docs[0]!.connection.flushWrites();
    // Time enough for what waits for nobody to be written down.
    await new Promise(resolve => setTimeout(resolve, 100));
    await docs[0]!.connection.flushWrites();
  });
  afterEach(() => stage.close());

  const words = (doc: ProxyDoc): string[] => doc.data.words as string[];

  /** Somebody else writes. These tabs are shown it, and the host dies before it has written it down. */
  async function hearAndLoseHost(...hearers: ProxyDoc[]): Promise<void> {
    const {write} = storage;
    storage.write = () => new Promise(() => {});
    const ids = hearers.map(({connection}) => connection.id!);
    stage.browser.look = (name, data) => (data as {from?: string}).from !== 'host' || ids.some(id => name.includes(id));
    const remote = stage.backend.connect().get('notes', 'a');
    await new Promise(resolve => remote.fetch(resolve));
    await new Promise(resolve => remote.submitOp([{p: ['words', 0], li: 'theirs'}], {}, resolve));
    await until('the tabs show it', () => hearers.every(doc => words(doc).includes('theirs')));
    stage.killHost();
    stage.browser.look = () => true;
    storage.write = write;
  }

  function insert(doc: ProxyDoc, word: string): Promise<unknown> {
    return doc.submitOp([{p: ['words', doc.data.words.length], li: word}]);
  }

  async function expectEverywhere(expected: string[]): Promise<void> {
    await until('all tabs show it', () => docs.every(doc => JSON.stringify(words(doc)) === JSON.stringify(expected)));
    const atServer = async (): Promise<string[]> => (await stage.server('a') as {words: string[]}).words;
    await until('the server has all', async () => (await atServer()).length >= expected.length);
    expect(await atServer()).to.eql(expected);
  }

  it('is still there without the server, in tabs that have not heard of it too', async () => {
    await hearAndLoseHost(docs[0]!);
    expect(words(docs[1]!)).to.eql([]);
    stage.startHost({store: {storage}, online: false});
    await until('the other one shows it', () => words(docs[1]!).includes('theirs'));
    const edits = docs.map((doc, i) => insert(doc, `mine ${i}`));
    stage.goOnline();
    await Promise.all(edits);
    expect(words(docs[0]!)[0]).to.equal('theirs');
    await expectEverywhere(words(docs[0]!));
  });

  it('takes no edit along that was made on it, where the server is away and somebody else was first', async () => {
    await hearAndLoseHost(docs[0]!);
    stage.tabs[0]!.process.freeze();
    const edits = [insert(docs[0]!, 'made on it')];
    stage.startHost({store: {storage}, online: false});
    edits.push(insert(docs[1]!, 'made without it'));
    await until('the host has that', () => stage.host.inspect().pendingOps === 1);
    expect(words(docs[1]!)).to.eql(['made without it']);
    stage.tabs[0]!.process.thaw();
    await until('the other one shows all', () => words(docs[1]!).length === 3);
    stage.goOnline();
    await Promise.all(edits);
    expect(words(docs[1]!)).to.have.members(['theirs', 'made on it', 'made without it']);
    await expectEverywhere(words(docs[1]!));
    expect(await docs[0]!.connection.deadLetters.list()).to.eql([]);
  });

  it('is there once where the server says it again', async () => {
    await hearAndLoseHost(...docs);
    const edit = insert(docs[0]!, 'mine');
    stage.startHost({store: {storage}});
    await edit;
    await expectEverywhere(['theirs', 'mine']);
  });

  it('is known to who adopts the last word of a page that had heard it', async () => {
    await hearAndLoseHost(docs[0]!);
    const edit = insert(docs[0]!, 'the last');
    edit.catch(() => {});
    const word = (docs[0]!.connection as unknown as {lastWord(): unknown}).lastWord();
    stage.killTab(stage.tabs[0]!);
    docs.shift();
    stage.startHost({store: {storage}, online: false});
    const {connection} = docs[0]! as unknown as {connection: {offerLastWord(word: unknown): Promise<unknown>}};
    await until('it can be offered', () => connection.offerLastWord(word).then(() => true, () => false));
    stage.goOnline();
    await expectEverywhere(['theirs', 'the last']);
  });
});
