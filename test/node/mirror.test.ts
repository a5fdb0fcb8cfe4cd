import {expect} from 'chai';
import type {ProxyDoc} from '../../lib/index.js';
import {parseMirrorMessage, type MirrorMessage} from '../../lib/protocol/mirror.js';
import type {DeadLetter} from '../../lib/protocol/messages.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {MirrorStorage} from '../../lib/store/mirror-storage.js';
import {Mirror} from '../../lib/tab/mirror.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {systemClock} from '../../lib/platform/browser.js';
import {mirrorLockNames, mirrorName} from '../../lib/protocol/version.js';
import {Random} from '../support/random.js';
import {describeStorage} from '../store/storage-contract.js';
import {until} from '../waiting/until.js';
import {turn} from '../waiting/node-turn.js';
import {MirrorStage, type StagedTab} from './mirror-stage.js';

interface Edit {
  word: string;
  outcomes: unknown[];
}

/** Adds a word to the list of a document. */
function write(doc: ProxyDoc, word: string): Edit {
  const edit: Edit = {word, outcomes: []};
  doc.submitOp([{p: ['words', doc.data.words.length], li: word}], {}, error => { edit.outcomes.push((error as {code?: string} | undefined)?.code); });
  return edit;
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

describe('a host without a store', function () {
  this.timeout(120_000);
  let stage: MirrorStage;
  const begin = (seed?: number): MirrorStage => (stage = new MirrorStage(seed));
  afterEach(() => stage.close());

  /** Opens tabs that all have the document `a`. Two of them mirror it. */
  async function openTabs(count: number): Promise<{tabs: StagedTab[]; docs: ProxyDoc[]}> {
    const tabs: StagedTab[] = [];
    for (let i = 0; i < count; i++) tabs.push(stage.openTab());
    const docs = tabs.map(({connection}) => connection.get('notes', 'a'));
    await docs[0]!.create({words: []});
    for (const doc of docs) await doc.subscribe();
    await stage.untilMirrored(Math.min(count, 2));
    return {tabs, docs};
  }

  async function expectAll(docs: ProxyDoc[], edits: Edit[]): Promise<void> {
    await until('everything is called back', () => edits.every(({outcomes}) => outcomes.length));
    await until('nothing is pending', () => docs.every(doc => !doc.hasPending()));
    const words = (await stage.server('a')).words as string[];
    expect([...words].sort()).to.eql(edits.map(({word}) => word).sort());
    await until('all tabs show it', () => docs.every(doc => JSON.stringify(doc.data.words) === JSON.stringify(words)));
    await pause(5);
    expect(edits.map(({outcomes}) => outcomes)).to.eql(edits.map(() => [undefined]));
    const ops = await stage.serverOps('a');
    expect(new Set(ops).size).to.equal(ops.length);
  }

  describe('that is killed', () => {
    it('loses no op that waits for the server', async () => {
      begin().startHost();
      const {tabs, docs: [one, two]} = await openTabs(2);
      stage.real.close();
      await until('the tabs know', () => tabs.every(({connection}) => connection.state !== 'connected'));
      const edits = [write(one!, 'one')];
      await until('the other shows it', () => two!.data.words.length === 1);
      edits.push(write(two!, 'two'));
      await until('the other shows it', () => one!.data.words.length === 2);
      const versions = [one!.version, two!.version];
      stage.killHost();
      stage.startHost({online: false});
      await until('the tabs are back', () => tabs.every(({connection}) => connection.hostState === 'connected' && connection.status.pendingOps === 2));
      expect([one!.version, two!.version, one!.data.words]).to.eql([...versions, ['one', 'two']]);
      stage.goOnline();
      await expectAll([one!, two!], edits);
    });

    it('loses no op that no tab had handed over', async () => {
      begin().startHost();
      const {docs} = await openTabs(2);
      const edits = [write(docs[0]!, 'one'), write(docs[0]!, 'two'), write(docs[1]!, 'three')];
      stage.killHost();
      stage.startHost();
      await expectAll(docs, edits);
    });

    it('before it received an acknowledgement does not duplicate the op', async () => {
      begin().startHost();
      const {docs} = await openTabs(2);
      let written = 0;
      // The server has the op, and its answer never arrives.
      stage.backend.use('afterWrite', (_context, next) => {
        if (++written > 1) next();
      });
      const edits = [write(docs[0]!, 'one')];
      await until('the server has it', () => written === 1);
      edits.push(write(docs[0]!, 'two'), write(docs[1]!, 'three'));
      await until('the other shows it', () => docs[1]!.data.words.length === 3);
      stage.killHost();
      stage.startHost();
      await expectAll(docs, edits);
    });

    it('after it received an acknowledgement, and before the tab did, lets the next host acknowledge the op', async () => {
      begin().startHost();
      const {docs: [one, two]} = await openTabs(2);
      // The host's messages no longer reach the tabs. They still reach the mirrors.
      const edits = [write(one!, 'one')];
      stage.browser.look = (_name, data) => !((data as {type: string; from?: string}).type === 'batch' && (data as {from: string}).from === 'host');
      await until('the host has the answer', async () => (await stage.server('a')).words.length === 1 && stage.host.inspect().pendingOps === 0);
      await stage.untilMirrored(2);
      expect(edits[0]!.outcomes).to.eql([]);
      stage.killHost();
      stage.browser.look = () => true;
      stage.startHost();
      await expectAll([one!, two!], edits);
    });

    it('together with a tab that mirrors it leaves the other mirror', async () => {
      begin().startHost();
      const {tabs, docs} = await openTabs(3);
      const mirrors = stage.mirrors;
      const third = tabs.find(tab => !mirrors.includes(tab))!;
      const [doc, lastDoc] = [third, mirrors[1]!].map(({connection}) => connection.get('notes', 'a'));
      stage.real.close();
      const edit = write(doc!, 'one');
      await until('the others show it', () => docs.every(({data}) => data.words.length === 1));
      stage.killTab(mirrors[0]!);
      stage.killHost();
      stage.startHost({online: false});
      write(lastDoc!, 'two');
      await until('it goes on', () => doc!.data.words.length === 2);
      // The third tab has replaced the first one as a mirror. The tabs survive the next death as well.
      await stage.untilMirrored(2);
      stage.killTab(mirrors[1]!);
      stage.killHost();
      stage.startHost();
      await until('it is called back', () => edit.outcomes.length > 0);
      expect(edit.outcomes).to.eql([undefined]);
      await until('the op of the tab that has died is there as well', async () => JSON.stringify((await stage.server('a')).words) === '["one","two"]');
    });

    it('together with both mirrors gives up its ops, with an error and a dead letter for each', async () => {
      begin().startHost();
      const {tabs} = await openTabs(3);
      const mirrors = stage.mirrors;
      const third = tabs.find(tab => !mirrors.includes(tab))!;
      const doc = third.connection.get('notes', 'a');
      expect(mirrors.length).to.equal(2);
      stage.real.close();
      await until('the tab knows', () => third.connection.state !== 'connected');
      const edits = [write(doc, 'unsettled')];
      await until('the others show it', () => mirrors[0]!.connection.get('notes', 'a').data.words.length === 1);
      stage.killHost();
      for (const tab of mirrors) stage.killTab(tab);
      edits.push(write(doc, 'unsent'));
      stage.startHost();
      const other = stage.openTab().connection;
      const heard: DeadLetter[] = [];
      other.on('deadletter', letter => heard.push(letter));
      await until('everything is called back', () => edits.every(({outcomes}) => outcomes.length));
      expect(edits.map(({outcomes}) => outcomes)).to.eql([['ERR_TABS_OP_LOST'], ['ERR_TABS_OP_LOST']]);
      await until('the letters are there', async () => (await third.connection.deadLetters.list()).length === 2);
      const letters = await third.connection.deadLetters.list();
      expect(letters.map(({collection, doc, step, type, error}) => [collection, doc, step, type, error.code])).to.eql([
        ['notes', 'a', {op: [{p: ['words', 0], li: 'unsettled'}]}, 'http://sharejs.org/types/JSONv0', 'ERR_TABS_OP_LOST'],
        ['notes', 'a', {op: [{p: ['words', 1], li: 'unsent'}]}, 'http://sharejs.org/types/JSONv0', 'ERR_TABS_OP_LOST']
      ]);
      await until('other tabs hear of them', () => heard.length === 2 || other.status.deadLetters === 2);
      await until('the server\'s state is shown', () => doc.data?.words.length === 0);
      await third.connection.deadLetters.retry(letters[0]!.id);
      expect((await stage.server('a')).words).to.eql(['unsettled']);
      await third.connection.deadLetters.retry(letters[1]!.id);
      expect((await stage.server('a')).words).to.eql(['unsettled', 'unsent']);
    });

    it('together with both mirrors leaves dead letters that show if their version is unknown', async () => {
      begin().startHost();
      const {tabs} = await openTabs(3);
      const mirrors = stage.mirrors;
      const third = tabs.find(tab => !mirrors.includes(tab))!;
      const doc = third.connection.get('notes', 'a');
      stage.real.close();
      await until('the tab knows', () => third.connection.state !== 'connected');
      write(mirrors[0]!.connection.get('notes', 'a'), 'of another tab');
      await until('the tab shows it', () => doc.data.words.length === 1);
      const edit = write(doc, 'made on it');
      stage.killHost();
      for (const tab of mirrors) stage.killTab(tab);
      stage.startHost();
      await until('it is called back', () => edit.outcomes.length > 0);
      await until('the letter is there', async () => (await third.connection.deadLetters.list().catch(() => [])).length === 1);
      await until('the tab is connected', () => third.connection.state === 'connected');
      const [letter] = await third.connection.deadLetters.list();
      const error = await third.connection.deadLetters.retry(letter!.id).catch((reason: Error & {code: string}) => reason);
      expect(error).to.include({code: 'ERR_TABS_LETTER_BASE'}).and.property('message').to.contain('it is not known what it was made on');
      expect((await stage.server('a')).words).to.eql([]);
      expect((await third.connection.deadLetters.list()).length).to.equal(1);
    });

    it('leaves its dead letters to the next host', async () => {
      begin().startHost();
      stage.backend.use('submit', ({op}, next) => next(JSON.stringify(op).includes('forbidden') ? Object.assign(new Error('no'), {code: 'ERR_FORBIDDEN'}) : undefined));
      const {tabs, docs} = await openTabs(2);
      const edit = write(docs[0]!, 'forbidden');
      await until('it is rejected', () => edit.outcomes.length > 0);
      await stage.untilMirrored(2);
      stage.killHost();
      stage.startHost();
      await until('the letter is there', async () => (await tabs[1]!.connection.deadLetters.list().catch(() => [])).length === 1);
    });

    for (const server of ['up', 'down'] as const) {
      it(`at any moment, ten times, in 20 orders of events, loses and duplicates nothing, the server ${server}`, async () => {
        for (let seed = 1; seed <= 20; seed++) {
          const random = new Random(seed);
          begin(seed).startHost();
          const {docs} = await openTabs(3);
          const edits: Edit[] = [];
          if (server === 'down') stage.real.close();
          for (let death = 0; death < 10; death++) {
            for (let turns = random.below(40); turns >= 0; turns--) {
              if (random.below(3) === 0) edits.push(write(random.pick(docs), `${edits.length}`));
              await turn();
            }
            stage.killHost();
            stage.startHost({online: server === 'up'});
            if (random.below(2)) await until('a tab is back', () => stage.tabs.every(({connection}) => connection.hostState === 'connected'));
          }
          if (server === 'down') stage.goOnline();
          try {
            await expectAll(docs, edits);
          } catch (error) {
            (error as Error).message = `seed ${seed}: ${(error as Error).message}`;
            throw error;
          }
          stage.close();
        }
      });
    }
  });

  it('that was replaced and runs again changes nothing in the mirrors, and stops', async () => {
    begin();
    let frozenFor = 0;
    stage.startHost({clock: {...stage.clock, now: () => Date.now() + frozenFor}});
    const {docs} = await openTabs(2);
    const [zombie, zombieProcess, zombieReal] = [stage.host, stage.hostProcess, stage.real];
    stage.hostProcess.freeze();
    const edits = [write(docs[0]!, 'one'), write(docs[1]!, 'two')];
    await pause(10);
    stage.startHost();
    await until('the next one has them', () => edits.every(({outcomes}) => outcomes.length));
    const stopped = zombie.whenClosed;
    // A host that hangs is replaced after seconds.
    frozenFor = 5000;
    zombieProcess.thaw();
    await stopped;
    expect(zombieReal.state).to.equal('closed');
    edits.push(write(docs[0]!, 'three'));
    await expectAll(docs, edits);
    await stage.untilMirrored(2);
    stage.killHost();
    stage.startHost();
    edits.push(write(docs[1]!, 'four'));
    await expectAll(docs, edits);
  });

  it('sends everything again to a mirror that has missed a change', async () => {
    begin().startHost();
    const {docs} = await openTabs(1);
    let contents = 0;
    let dropped = 0;
    stage.browser.look = (name, data) => {
      const {type} = data as MirrorMessage;
      if (type === 'content') contents++;
      if (!name.endsWith('/mirror') || type !== 'changes') return true;
      return ++dropped > 1;
    };
    const edits = [write(docs[0]!, 'one')];
    await until('it is settled', () => edits[0]!.outcomes.length > 0);
    edits.push(write(docs[0]!, 'two'));
    await until('it is settled', () => edits[1]!.outcomes.length > 0);
    await until('the mirror has everything again', () => contents === 1 && stage.mirrorCount === 1);
    stage.real.close();
    edits.push(write(docs[0]!, 'three'));
    await until('the host has it', () => stage.host.inspect().pendingOps === 1);
    await stage.untilMirrored(1);
    stage.killHost();
    stage.startHost();
    await expectAll(docs, edits);
  });

  it('does not wait if no tab is a mirror', async () => {
    begin();
    const asked: unknown[] = [];
    stage.browser.look = (name, data) => {
      if (name.endsWith('/mirror')) asked.push(data);
      return true;
    };
    // A clock that never runs a timer: nothing that waits for one goes on.
    stage.startHost({clock: {now: () => 0, after: () => () => {}}});
    const tab = stage.openTab().connection;
    await until('the tab is connected', () => tab.hostState === 'connected');
    expect(asked.map(data => (data as MirrorMessage).type)).not.to.include('ask');
  });

  it('waits at most a second for mirrors that do not answer, and starts without them', async () => {
    begin().startHost();
    const {tabs, docs} = await openTabs(3);
    const mirrors = stage.mirrors;
    const third = tabs.find(tab => !mirrors.includes(tab))!;
    for (const {process} of mirrors) process.freeze();
    stage.killHost();
    stage.startHost();
    const edit = write(third.connection.get('notes', 'a'), 'one');
    await until('it is given up', () => edit.outcomes.length > 0, 10_000);
    expect(edit.outcomes).to.eql(['ERR_TABS_OP_LOST']);
    for (const {process} of mirrors) process.thaw();
    await until('those that wake up follow the new host', () => stage.mirrorCount === 2);
    await until('and show what it has', () => docs.every(doc => doc.data?.words.length === 0 && !doc.hasPending()));
  });

  it('has no more than two mirrors, and another one when one is closed', async () => {
    begin().startHost();
    await openTabs(4);
    const [first, second] = stage.mirrors;
    first!.connection.close();
    await until('another one follows', () => stage.mirrorCount === 2);
    expect(stage.mirrors).to.include(second);
    expect(stage.mirrors).not.to.include(first);
  });

  it('keeps open documents in the mirrors, and nothing else', async () => {
    begin().startHost();
    const {tabs: [tab], docs: [doc]} = await openTabs(1);
    const known = (): string[][] => {
      const role = (tab!.connection.hostClient as unknown as {mirrorRole: {part: {mirror: {content: {inventory(): {key: string[]}[]}}}}}).mirrorRole.part;
      return role.mirror.content.inventory().map(({key}) => key);
    };
    await tab!.connection.get('notes', 'b').create({words: []});
    await stage.untilMirrored(1);
    expect(known()).to.deep.include.members([['notes', 'a'], ['notes', 'b']]);
    await doc!.destroy();
    await until('it is gone', () => JSON.stringify(known()) === '[["notes","b"]]');
  });

  it('posts nothing to mirrors and requests none if it has a store', async () => {
    begin();
    const posted: string[] = [];
    stage.browser.look = name => {
      posted.push(name);
      return true;
    };
    stage.startHost({mirror: false});
    const tab = stage.openTab().connection;
    await tab.get('notes', 'a').create({words: []});
    await pause(20);
    expect(posted.filter(name => name.includes('mirror'))).to.eql([]);
    expect((await tab.inspect() as {durable: boolean}).durable).to.equal(false);
  });

  it('requests no mirrors if it runs in its only tab', async () => {
    begin().startHost({mirror: undefined});
    const tab = stage.openTab().connection;
    await tab.get('notes', 'a').create({words: []});
    await pause(20);
    expect(stage.mirrorCount).to.equal(0);
  });

  it('deletes the content of the mirrors, too, when a tab signs out', async () => {
    begin().startHost();
    const {tabs: [one, two]} = await openTabs(2);
    await one!.connection.clear();
    await until('the other is closed', () => two!.connection.state === 'closed');
    expect(stage.mirrorCount).to.equal(0);
    stage.startHost();
    await pause(20);
    expect(stage.host.inspect().docs).to.equal(0);
  });

  describe('and without locks', () => {
    it('admits two mirrors, and its successor finds them', async () => {
      begin().withLocks = false;
      stage.startHost();
      const {docs} = await openTabs(3);
      expect(stage.mirrorCount).to.equal(2);
      stage.real.close();
      const edits = [write(docs[0]!, 'one'), write(docs[2]!, 'two')];
      await until('all show it', () => docs.every(doc => doc.data.words.length === 2));
      stage.killHost();
      stage.startHost();
      await expectAll(docs, edits);
    });
  });
});

describe('a tab whose history the host has dropped', () => {
  let stage: MirrorStage;
  afterEach(() => stage.close());

  it('awaits the outcome of the ops that the host has, and gives up only the others', async () => {
    stage = new MirrorStage();
    stage.startHost();
    const [one, two] = [stage.openTab(), stage.openTab()];
    const docs = [one, two].map(({connection}) => connection.get('notes', 'a'));
    await docs[0]!.create({words: []});
    for (const doc of docs) await doc.subscribe();
    stage.real.close();
    const edits = [write(docs[0]!, 'sequenced')];
    await until('the other shows it', () => docs[1]!.data.words.length === 1);
    // The next messages do not reach the first tab before it has lost its session, and the host does not keep them.
    one.process.freeze();
    write(docs[1]!, 'meanwhile');
    await until('the host has it', () => stage.host.inspect().pendingOps === 2);
    const {docs: hostDocs} = stage.host as unknown as {docs: {get(c: string, d: string): {journaled: {history: {clear(): void}}}}};
    hostDocs.get('notes', 'a').journaled.history.clear();
    edits.push(write(docs[0]!, 'unsent'));
    one.connection.hostClient.sessionClient!.reconnect('test');
    one.process.thaw();
    await until('the second is called back', () => edits[1]!.outcomes.length > 0);
    expect([edits[0]!.outcomes, edits[1]!.outcomes]).to.eql([[], ['ERR_TABS_OP_LOST']]);
    stage.goOnline();
    await until('the first is called back', () => edits[0]!.outcomes.length > 0);
    expect(edits[0]!.outcomes).to.eql([undefined]);
    const letters = await two.connection.deadLetters.list();
    expect(letters.map(({step}) => step)).to.eql([{op: [{p: ['words', 1], li: 'unsent'}]}]);
  });
});

describe('a host with another store than the last one', () => {
  let stage: MirrorStage;
  afterEach(() => stage.close());

  it('keeps the dead letters of living tabs over its own end', async () => {
    stage = new MirrorStage();
    stage.startHost({store: {storage: new InMemoryStorage()}});
    const tab = stage.openTab().connection;
    const doc = tab.get('notes', 'a');
    await doc.create({words: []});
    await doc.subscribe();
    stage.real.close();
    const edits = [write(doc, 'unsettled')];
    await until('the host has it', () => stage.host.inspect().pendingOps === 1);
    await tab.flushWrites();
    edits.push(write(doc, 'unsent'));
    stage.killHost();
    const storage = new InMemoryStorage();
    stage.startHost({store: {storage}});
    const heard: DeadLetter[] = [];
    tab.on('deadletter', letter => heard.push(letter));
    await until('both are called back', () => edits.every(({outcomes}) => outcomes.length));
    expect(edits.map(({outcomes}) => outcomes)).to.eql([['ERR_TABS_OP_LOST'], ['ERR_TABS_OP_LOST']]);
    await until('both are told of', () => heard.length === 2);
    await tab.flushWrites();
    stage.killHost();
    stage.startHost({store: {storage}});
    await until('the tab is back', async () => (await tab.deadLetters.list().catch(() => [])).length === 2);
    const words = (await tab.deadLetters.list()).map(({step}) => (step.op as {li: string}[])[0]!.li);
    expect(words.sort()).to.eql(['unsent', 'unsettled']);
  });

  it('gets them after it reconnects, if it was lost before it had answered', async () => {
    stage = new MirrorStage();
    stage.startHost({mirror: false});
    const tab = stage.openTab().connection;
    const doc = tab.get('notes', 'a');
    await doc.create({words: []});
    stage.real.close();
    const edit = write(doc, 'unsettled');
    await until('the host has it', () => stage.host.inspect().pendingOps === 1);
    stage.killHost();
    // The tab's messages never reach the next host.
    stage.browser.look = (_name, data) => !((data as {type: string}).type === 'batch' && (data as {from: string}).from === 'tab');
    stage.startHost({mirror: false});
    await until('it is given up', () => edit.outcomes.length > 0);
    stage.killHost();
    stage.browser.look = () => true;
    stage.startHost({mirror: false});
    await until('the letter is there', () => tab.status.deadLetters === 1);
    await pause(20);
    expect((await tab.deadLetters.list()).length).to.equal(1);
  });
});

describe('the storage of a host without a disk', () => {
  describeStorage('MirrorStorage, alone', () => {
    const storage = new MirrorStorage({channel: memoryChannels(), clock: systemClock, locks: {request: async () => {}, query: async () => ({held: []})}});
    return {storage: () => storage};
  });

  it('omits a document that is too long, until it is shorter', async () => {
    const storage = new MirrorStorage({channel: memoryChannels(), clock: systemClock, locks: {request: async () => {}, query: async () => ({})}}, 100);
    await storage.open('default');
    await storage.claim('epoch');
    const [short, long] = [['notes', 'short'], ['notes', 'long']] as const;
    const put = (key: readonly [string, string], chars: number): Promise<void> =>
      storage.write([{type: 'checkpoint', key, n: 1, checkpoint: 'x'.repeat(chars), hasPending: false}, {type: 'append', key, n: 2, record: 'y'}], 'epoch');
    await put(short, 20);
    await put(long, 200);
    expect((await storage.inventory()).map(({key}) => key)).to.eql([short]);
    await put(long, 50);
    await storage.write([{type: 'append', key: long, n: 3, record: 'z'.repeat(50)}, {type: 'append', key: short, n: 3, record: 'z'}], 'epoch');
    expect((await storage.inventory()).map(({key}) => key)).to.eql([short]);
    expect(await storage.read([short])).to.eql([{checkpoint: 'x'.repeat(20), journal: [{n: 2, record: 'y'}, {n: 3, record: 'z'}]}]);
  });

  it('writes nothing after another host has claimed the mirrors, which ignore its messages', async () => {
    const channel = memoryChannels();
    const platform = {channel, clock: systemClock, locks: {request: async () => {}, query: async () => ({held: [{name: mirrorLockNames('default')[0]!}]})}};
    const wire = channel(mirrorName('default'));
    const mirror = new Mirror('mirror', message => wire.postMessage(message));
    wire.onmessage = ({data}) => mirror.receive(data as MirrorMessage);
    const [old, next] = [new MirrorStorage(platform), new MirrorStorage(platform)];
    let last: (MirrorMessage & {type: 'changes'}) | undefined;
    const overhearing = channel(mirrorName('default'));
    overhearing.onmessage = ({data}) => { if ((data as MirrorMessage).type === 'changes') last = structuredClone(data); };
    let lost = 0;
    old.onLost = () => lost++;
    await old.open('default');
    await old.claim('old');
    await pause(1);
    await old.write([{type: 'meta', name: 'kept', value: 'by the first'}], 'old');
    await next.open('default');
    expect(await next.claim('next')).to.eql({kept: 'by the first'});
    expect(lost).to.equal(1);
    // The tab did not receive the last message in time.
    last!.place.n++;
    overhearing.postMessage(last);
    expect(await old.write([], 'old').catch((error: unknown) => error)).to.have.property('code', 'ERR_TABS_FENCED');
    await next.write([{type: 'meta', name: 'more', value: 'by the second'}], 'next');
    const third = new MirrorStorage(platform);
    await third.open('default');
    expect(await third.claim('third')).to.eql({kept: 'by the first', more: 'by the second'});
  });

  it('ignores malformed messages on the channel', () => {
    const scraps = [undefined, null, 1, '', [], {}, {type: 'toString'}, {type: '__proto__'}, {type: 'ask'}, {type: 'changes', place: {term: 1, n: 1}, changes: [{}]},
      {type: 'changes', place: {term: 1, n: 1}, changes: [{type: 'constructor', key: ['a', 'b']}]}, {type: 'content', to: 'x', place: {term: 1, n: 1}, content: {docs: [1], meta: []}},
      {type: 'changes', place: {term: -1, n: 1}, changes: []}, {type: 'have', host: 'x', mirror: 'y', place: 1}];
    expect(scraps.map(parseMirrorMessage)).to.eql(scraps.map(() => undefined));
  });
});
