import {expect} from 'chai';
import type {ProxyDoc} from '../../lib/index.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import type {OrphanedOpsMessage} from '../../lib/protocol/messages.js';
import {until} from '../waiting/until.js';
import {MirrorStage} from './mirror-stage.js';

describe('an op that was sent just before a host died', function() {
  this.timeout(120_000);
  let stage: MirrorStage;
  let storage: InMemoryStorage;
  let docs: ProxyDoc[];
  /** How often each document has been loaded again since. */
  let loads: number[];

  beforeEach(async () => {
    stage = new MirrorStage();
    storage = new InMemoryStorage();
    stage.startHost({store: {storage}});
    docs = [stage.openTab(), stage.openTab(), stage.openTab()].map(({connection}) => connection.get('notes', 'a'));
    await docs[0]!.create({words: []});
    for (const doc of docs) await doc.subscribe();
    // Writes that wait for no request reach the disk, too.
    await docs[0]!.connection.flushWrites();
    loads = docs.map(() => 0);
    docs.forEach((doc, i) => doc.on('load', () => { loads[i]!++; }));
  });
  afterEach(() => stage.close());

  const words = (doc: ProxyDoc): string[] => doc.data.words as string[];

  /**
   * From here on nothing is written, and only these tabs receive the host's messages.
   * @returns kills the host and ends this
   */
  function lastMoments(...hearers: ProxyDoc[]): () => void {
    const {write} = storage;
    storage.write = () => new Promise(() => {});
    const ids = hearers.map(({connection}) => connection.id!);
    stage.browser.look = (name, data) => (data as {from?: string}).from !== 'host' || ids.some(id => name.includes(id));
    return () => {
      stage.killHost();
      stage.browser.look = () => true;
      storage.write = write;
    };
  }

  const untilShown = (word: string, hearers: ProxyDoc[]): Promise<void> =>
    until('the tabs show it', () => hearers.every(doc => words(doc).includes(word)));

  /** A remote client edits. These tabs show the edit, and the host dies before it is written. */
  async function hearAndLoseHost(...hearers: ProxyDoc[]): Promise<void> {
    const end = lastMoments(...hearers);
    const remote = stage.backend.connect().get('notes', 'a');
    await new Promise(resolve => remote.fetch(resolve));
    await new Promise(resolve => remote.submitOp([{p: ['words', 0], li: 'theirs'}], {}, resolve));
    await untilShown('theirs', hearers);
    end();
  }

  /** The same with an edit of a tab. */
  async function hearOfTabAndLoseHost(writer: ProxyDoc, ...hearers: ProxyDoc[]): Promise<{edit: Promise<unknown>}> {
    const end = lastMoments(writer, ...hearers);
    const edit = insert(writer, 'the tab\'s');
    edit.catch(() => {});
    await untilShown('the tab\'s', hearers);
    end();
    return {edit};
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

  function expectNoReload(doc: ProxyDoc): void {
    expect(loads[docs.indexOf(doc)]).to.equal(0);
  }

  /** @returns the page's orphaned ops, which another page can offer */
  function leave(i: number): OrphanedOpsMessage {
    const word = (docs[i]!.connection as unknown as {orphanedOps(): OrphanedOpsMessage}).orphanedOps();
    lose(i);
    return word;
  }

  function lose(i: number): void {
    stage.killTab(stage.tabs[i]!);
    docs.splice(i, 1);
    loads.splice(i, 1);
  }

  async function offer(word: OrphanedOpsMessage): Promise<void> {
    const {connection} = docs[0]!;
    await until('it can be offered', () => connection.callHost('tab.orphanedOps', word).then(() => true, () => false));
  }

  describe('by the server', () => {
    it('is kept without the server, also in tabs that have not received it', async () => {
      await hearAndLoseHost(docs[0]!);
      expect(words(docs[1]!)).to.eql([]);
      stage.startHost({store: {storage}, online: false});
      await untilShown('theirs', docs);
      const edits = docs.map((doc, i) => insert(doc, `mine ${i}`));
      stage.goOnline();
      await Promise.all(edits);
      expect(words(docs[0]!)[0]).to.equal('theirs');
      await expectEverywhere(words(docs[0]!));
    });

    it('keeps an edit that was made on it, if the server is unreachable and another op was first', async () => {
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
      expectNoReload(docs[0]!);
      expect(await docs[0]!.connection.deadLetters.list()).to.eql([]);
    });

    it('is applied once if the server sends it again', async () => {
      await hearAndLoseHost(...docs);
      const edit = insert(docs[0]!, 'mine');
      stage.startHost({store: {storage}});
      await edit;
      await expectEverywhere(['theirs', 'mine']);
    });

    it('is known to the host that adopts the orphaned ops of a page that had received it', async () => {
      await hearAndLoseHost(docs[0]!);
      insert(docs[0]!, 'the last').catch(() => {});
      const word = leave(0);
      stage.startHost({store: {storage}, online: false});
      await offer(word);
      stage.goOnline();
      await expectEverywhere(['theirs', 'the last']);
    });
  });

  describe('by a tab', () => {
    it('is applied once if that tab lives', async () => {
      const {edit} = await hearOfTabAndLoseHost(docs[0]!, docs[1]!);
      stage.startHost({store: {storage}});
      await edit;
      await expectEverywhere(['the tab\'s']);
      docs.forEach(expectNoReload);
    });

    it('is kept if that tab has died with the host, also in tabs that have not received it', async () => {
      await hearOfTabAndLoseHost(docs[0]!, docs[1]!);
      lose(0);
      const edit = insert(docs[0]!, 'made on it');
      stage.startHost({store: {storage}});
      await edit;
      await expectEverywhere(['the tab\'s', 'made on it']);
      docs.forEach(expectNoReload);
    });

    it('keeps an edit that was made on it, if another op was first', async () => {
      await hearOfTabAndLoseHost(docs[0]!, docs[1]!);
      lose(0);
      stage.tabs[0]!.process.freeze();
      const edits = [insert(docs[0]!, 'made on it')];
      stage.startHost({store: {storage}});
      edits.push(insert(docs[1]!, 'made without it'));
      await edits[1];
      stage.tabs[0]!.process.thaw();
      await Promise.all(edits);
      expect(words(docs[0]!)).to.have.members(['the tab\'s', 'made on it', 'made without it']);
      await expectEverywhere(words(docs[0]!));
      docs.forEach(expectNoReload);
      expect(await docs[0]!.connection.deadLetters.list()).to.eql([]);
    });

    it('is replayed by that tab, too, if an op of another tab follows it', async () => {
      const end = lastMoments(...docs);
      const edits = [insert(docs[0]!, 'the first')];
      await untilShown('the first', docs);
      edits.push(insert(docs[1]!, 'the second'));
      edits[1]!.catch(() => {});
      await untilShown('the second', docs);
      end();
      lose(1);
      lose(1);
      stage.startHost({store: {storage}});
      await edits[0];
      await expectEverywhere(['the first', 'the second']);
      docs.forEach(expectNoReload);
    });

    it('keeps an edit that was made on it, if the next host has another order and is about to tell the tab', async () => {
      const end = lastMoments(docs[2]!);
      const front = (doc: ProxyDoc, word: string): Promise<unknown> => doc.submitOp([{p: ['words', 0], li: word}]);
      const first = front(docs[0]!, 'first');
      await untilShown('first', [docs[2]!]);
      const second = front(docs[1]!, 'second');
      await untilShown('second', [docs[2]!]);
      end();
      for (const i of [0, 2]) stage.tabs[i]!.process.freeze();
      stage.startHost({store: {storage}});
      await second;
      stage.tabs[0]!.process.thaw();
      await first;
      const edits = [insert(docs[2]!, 'made before')];
      stage.browser.look = (name, data) => {
        if (edits.length < 2 && JSON.stringify(data).includes('tab.resume')) queueMicrotask(() => edits.push(insert(docs[2]!, 'made meanwhile')));
        return true;
      };
      stage.tabs[2]!.process.thaw();
      await until('it says where it stands', () => edits.length === 2);
      await Promise.all(edits);
      expect(words(docs[2]!)).to.have.members(['first', 'second', 'made before', 'made meanwhile']);
      await expectEverywhere(words(docs[0]!));
      expect(await docs[2]!.connection.deadLetters.list()).to.eql([]);
    });

    it('is in the orphaned ops of a page whose own op follows it', async () => {
      await hearOfTabAndLoseHost(docs[0]!, docs[1]!);
      lose(0);
      insert(docs[0]!, 'the last').catch(() => {});
      const word = leave(0);
      stage.startHost({store: {storage}});
      await offer(word);
      await expectEverywhere(['the tab\'s', 'the last']);
    });

    it('is not sent before it is written if it has a source for the server, which others do not know', async () => {
      const end = lastMoments(...docs);
      docs[0]!.submitSource = true;
      docs[0]!.submitOp([{p: ['words', 0], li: 'sourced'}], {source: 'a source'}).catch(() => {});
      await until('the host has it', () => stage.host.inspect().pendingOps === 1);
      docs[0]!.submitSource = false;
      insert(docs[0]!, 'not sourced').catch(() => {});
      await until('the host has both', () => stage.host.inspect().pendingOps === 2);
      expect(words(docs[1]!)).to.eql([]);
      end();
      stage.startHost({store: {storage}});
      await expectEverywhere(['sourced', 'not sourced']);
    });
  });
});
