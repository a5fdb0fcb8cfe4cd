import {expect} from 'chai';
import Backend from 'sharedb';
import {JournaledDoc} from '../../lib/host/doc/journaled-doc.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {OpenChannel} from '../../lib/platform/platform.js';
import {MAX_RUN, type OpRequest} from '../../lib/protocol/messages.js';
import {checkRequest} from '../../lib/protocol/tab-message-guards.js';
import {until} from '../waiting/until.js';

interface List {
  list: string[];
}

const push = (word: string): object[] => [{p: ['list', 0], li: word}];

describe('ops of a document that wait together', () => {
  const closing: (() => void)[] = [];
  let backend: Backend;
  let isDeaf: boolean;
  /** The tab that receives nothing from its host at present, and the messages that wait for it. */
  let slow: ProxyConnection | undefined;
  let late: (() => void)[];
  let channel: OpenChannel;

  beforeEach(() => {
    backend = new Backend();
    const memory = memoryChannels();
    isDeaf = false;
    slow = undefined;
    late = [];
    channel = name => {
      const opened = memory(name);
      const post = opened.postMessage.bind(opened);
      opened.postMessage = data => {
        const {type, from} = data as {type: string; from?: string};
        if (type !== 'batch' || from !== 'host') return post(data);
        if (slow && name.includes(slow.id!)) late.push(() => post(data));
        else if (!isDeaf) post(data);
      };
      return opened;
    };
    const host = new Host({connection: backend.connect(), channel, warn: () => {}});
    closing.push(() => host.close());
  });

  afterEach(() => { for (const close of closing.splice(0)) close(); });

  /** Opens a tab and records the ops that it sends. */
  function openTab(): {tab: ProxyConnection; sent: OpRequest[]} {
    const tab = new ProxyConnection({channel, warn: () => {}});
    closing.push(() => tab.close());
    const sent: OpRequest[] = [];
    tab.on('send', message => { if ((message as OpRequest).a === 'op') sent.push(message as OpRequest); });
    return {tab, sent};
  }

  async function open({tab}: ReturnType<typeof openTab>, id = 'one'): Promise<ProxyDoc<List>> {
    const doc = tab.get<List>('lists', id);
    doc.preventCompose = true;
    await doc.subscribe();
    if (!doc.type) await doc.create({list: []});
    return doc;
  }

  async function stored(id = 'one'): Promise<{data: List | undefined; version: number | null}> {
    const doc = backend.connect().get('lists', id);
    await new Promise(resolve => doc.fetch(resolve));
    return {data: doc.data as List, version: doc.version};
  }

  it('are sent in one message, and stay separate', async () => {
    const one = openTab();
    const doc = await open(one);
    one.sent.length = 0;
    await Promise.all(['a', 'b', 'c'].map(word => doc.submitOp(push(word))));
    expect(one.sent.map(({more = []}) => 1 + more.length)).to.eql([3]);
    expect(await stored()).to.eql({data: {list: ['c', 'b', 'a']}, version: 4});
  });

  it('are sent up to a limit, and later ops after them', async () => {
    const one = openTab();
    const doc = await open(one);
    one.sent.length = 0;
    const done = Array.from({length: MAX_RUN + 1}, (_, i) => doc.submitOp(push(String(i))));
    await Promise.resolve();
    await Promise.all([...done, doc.submitOp(push('later'))]);
    expect(one.sent.map(({more = []}) => 1 + more.length)).to.eql([MAX_RUN, 2]);
    expect((await stored()).data!.list.slice(0, 2)).to.eql(['later', String(MAX_RUN)]);
  });

  it('are sent one by one if the app pauses the document', async () => {
    const one = openTab();
    const doc = await open(one);
    one.sent.length = 0;
    doc.pause();
    const done = ['a', 'b'].map(word => doc.submitOp(push(word)));
    doc.resume();
    await Promise.all(done);
    expect(one.sent.map(({more}) => more)).to.eql([undefined, undefined]);
  });

  it('each with its own source', async () => {
    const sources: unknown[] = [];
    backend.use('apply', ({extra}, next) => {
      sources.push(extra.source);
      next();
    });
    const doc = await open(openTab());
    doc.submitSource = true;
    sources.length = 0;
    await Promise.all(['a', 'b'].map(source => doc.submitOp(push(source), {source})));
    expect(sources).to.eql(['a', 'b']);
  });

  it('create, delete and create again', async () => {
    const {tab, sent} = openTab();
    const doc = tab.get<List>('lists', 'new');
    await Promise.all([doc.create({list: []}), doc.del(), doc.create({list: ['a']}), doc.submitOp(push('b'))]);
    expect(sent.map(({more = []}) => 1 + more.length)).to.eql([3]);
    expect(await stored('new')).to.eql({data: {list: ['b', 'a']}, version: 3});
  });

  it('are rebased over ops of others', async () => {
    const tabs = [openTab(), openTab()];
    const docs = [await open(tabs[0]!), await open(tabs[1]!)];
    for (let round = 0; round < 3; round++) {
      await Promise.all(docs.flatMap((doc, i) => ['a', 'b', 'c'].map(word => doc.submitOp(push(`${word}${i}${round}`)))));
    }
    const {data, version} = await stored();
    expect(version).to.equal(19);
    expect(data!.list).to.have.members([0, 1, 2].flatMap(round => [0, 1].flatMap(i => ['a', 'b', 'c'].map(word => `${word}${i}${round}`))));
    for (const doc of docs) await doc.fetch();
    expect(docs.map(doc => doc.data)).to.eql([data, data]);
  });

  it('lose the op that the host refuses, and no other', async () => {
    const {submit} = JournaledDoc.prototype;
    JournaledDoc.prototype.submit = function(submission, callback) {
      return JSON.stringify(submission.step).includes('bad') ? new Error('Refused') : submit.call(this, submission, callback);
    };
    closing.push(() => { JournaledDoc.prototype.submit = submit; });
    const one = openTab();
    const doc = await open(one);
    const other = await open(openTab());
    one.sent.length = 0;
    const outcomes = await Promise.allSettled(['a', 'bad', 'b', 'c'].map(word => doc.submitOp(push(word))));
    expect(outcomes.map(({status}) => status)).to.eql(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(one.sent.map(({more = []}) => 1 + more.length)).to.eql([4, 2]);
    await other.fetch();
    expect([doc.data, other.data]).to.eql([{list: ['c', 'b', 'a']}, {list: ['c', 'b', 'a']}]);
    expect(await stored()).to.eql({data: {list: ['c', 'b', 'a']}, version: 4});
  });

  it('arrive once if the tab has not received the acknowledgement, creations included', async () => {
    const one = openTab();
    await open(one);
    const doc = one.tab.get<List>('lists', 'dark');
    doc.preventCompose = true;
    isDeaf = true;
    const done = [doc.create({list: []}), doc.submitOp(push('a')), doc.submitOp(push('b'))];
    while ((await stored('dark')).version !== 3) await new Promise(resolve => setImmediate(resolve));
    done.push(doc.submitOp(push('c')));
    isDeaf = false;
    one.tab.hostClient.sessionClient!.reconnect('test');
    await Promise.all(done);
    expect(await stored('dark')).to.eql({data: {list: ['c', 'b', 'a']}, version: 4});
    expect(doc.data).to.eql({list: ['c', 'b', 'a']});
  });

  describe('of a tab that is behind', () => {
    let tabs: ReturnType<typeof openTab>[];
    let docs: ProxyDoc<List>[];

    beforeEach(async () => {
      tabs = [openTab(), openTab()];
      docs = [await open(tabs[0]!), await open(tabs[1]!)];
      for (const {sent} of tabs) sent.length = 0;
      slow = tabs[0]!.tab;
    });

    function catchUp(): void {
      slow = undefined;
      for (const post of late.splice(0)) post();
    }

    async function expectAll(words: number): Promise<void> {
      const {data} = await stored();
      expect(data!.list).to.have.lengthOf(words);
      await docs[1]!.fetch();
      for (const doc of docs) expect(doc.data).to.eql(data);
    }

    it('are sent again on the present state, if the host no longer has the history that they were made on', async () => {
      const long = 'long '.repeat(20_000);
      await docs[1]!.submitOp(push(long));
      await Promise.all(Array.from({length: 100}, () => docs[1]!.submitOp([{p: ['list', 0], ld: long, li: long}])));
      const done = ['mine', 'and mine'].map(word => docs[0]!.submitOp(push(word)));
      await until('they have left', () => tabs[0]!.sent.length > 0);
      catchUp();
      await Promise.all(done);
      expect(tabs[0]!.sent.map(({more = []}) => 1 + more.length)).to.eql([2, 1, 1]);
      await expectAll(3);
    });

    it('are rebased by the tab itself, if there are many', async () => {
      await Promise.all(Array.from({length: 600}, () => docs[1]!.submitOp(push('theirs'))));
      const done = Array.from({length: MAX_RUN}, () => docs[0]!.submitOp(push('mine')));
      await until('they have left', () => tabs[0]!.sent.length > 0);
      catchUp();
      await Promise.all(done);
      expect(tabs[0]!.sent.map(({more = []}) => 1 + more.length)).to.eql([MAX_RUN, 1, MAX_RUN - 1]);
      await expectAll(600 + MAX_RUN);
    });
  });

  it('are refused with the ops that a tab replays if these are malformed', () => {
    const doc = {c: 'lists', d: 'one', inc: 1, rev: 3, unsettled: []};
    const problem = (own: object): string | undefined => checkRequest({a: 'tab.resume', docs: [{...doc, ...own}]});
    const unconfirmed = [{v: 2, op: push('b')}, {src: 'a tab', seq: 1, op: push('c')}, {src: 'a tab', seq: 2, del: true}];
    expect([problem({}), problem({unconfirmed})]).to.eql([undefined, undefined]);
    const malformed = [
      {unconfirmed: 7}, {unconfirmed: [null]}, {unconfirmed: [{v: 2}]}, {unconfirmed: [{v: -1, op: []}]}, {unconfirmed: [{op: []}]}, {unconfirmed: [{src: 'a tab', op: []}]},
      {unconfirmed: [{src: 7, seq: 1, op: []}]}, {unconfirmed: [{src: 'a tab', seq: -1, op: []}]}
    ];
    for (const own of malformed) expect(problem(own), JSON.stringify(own)).to.be.a('string');
  });

  it('are refused together if the message is malformed', () => {
    const next = {seq: 2, step: {op: push('b')}, x: {}};
    const problem = (more: unknown): string | undefined => checkRequest(
      {a: 'op', c: 'lists', d: 'one', at: {inc: 1, rev: 1}, src: 'tab', seq: 1, op: push('a'), x: {}, more}
    );
    expect(problem([next, {seq: 3, step: {del: true}, x: {}}])).to.equal(undefined);
    const malformed = [
      null, {}, 'x', [null], [7], [{}], [{...next, seq: 1}], [next, next], [{...next, seq: -1}], [{...next, seq: 2 ** 60}], [{...next, x: null}],
      [{...next, step: null}], [{...next, step: {}}], [{...next, step: {del: 1}}], [{...next, step: {create: {}}}],
      Array.from({length: MAX_RUN}, (_, i) => ({...next, seq: 2 + i}))
    ];
    for (const more of malformed) expect(problem(more), JSON.stringify(more)).to.be.a('string');
  });
});
