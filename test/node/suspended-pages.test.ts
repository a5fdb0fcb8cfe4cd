import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {greetingChannelName} from '../../lib/protocol/version.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {FakeClock, calm} from '../store/clock.js';
import {MirrorStage} from './mirror-stage.js';

/** The page's handlers for the back/forward cache. */
interface Page {
  suspend(): void;
  resume(): void;
}

/** A clock whose timers run when the test decides. It has a time of day. */
class HostClock extends FakeClock {
  private passed = 0;
  readonly dayTime = (): number => Date.now() + this.passed;
  override pass(ms: number): void {
    this.passed += ms;
    super.pass(ms);
  }
}

describe('a tab whose next greeting arrives before its last one', () => {
  it('has a session', async () => {
    const backend = new Backend();
    const channel = memoryChannels();
    const host = new Host({connection: backend.connect(), channel});
    const greetings: unknown[] = [];
    const connection = new ProxyConnection({channel: name => {
      const opened = channel(name);
      const post = opened.postMessage.bind(opened);
      opened.postMessage = data => {
        if ((data as {type: string}).type === 'hello') greetings.push(data);
        post(data);
      };
      return opened;
    }});
    const doc = connection.get('notes', 'a');
    await doc.create({words: []});
    const greetingChannel = channel(greetingChannelName('default'));
    greetingChannel.postMessage(greetings[0]);
    greetingChannel.close();
    await doc.submitOp([{p: ['words', 0], li: 'after that'}]);
    await doc.fetch();
    expect(doc.data).to.eql({words: ['after that']});
    connection.close();
    host.close();
  });
});

describe('a page in the back/forward cache', () => {
  let stage: MirrorStage;

  beforeEach(() => {
    stage = new MirrorStage();
    stage.startHost();
  });
  afterEach(() => stage.close());

  it('is not visible to others until it is restored', async () => {
    const page = stage.openTab().connection;
    const own = page.getPresence('room');
    await own.subscribe();
    const place = own.create('me');
    await place.submit({at: 1});
    const seen: Record<string, unknown>[] = [];
    for (const connection of [stage.openTab().connection, stage.backend.connect()]) {
      const presence = connection.getPresence('room');
      await settled(done => void presence.subscribe(done));
      seen.push(presence.remotePresences);
    }
    const all = (value: unknown): void => { for (const each of seen) expect({...each}).to.eql(value); };
    await until('all see it', () => seen.every(({me}) => me));
    page.hostClient.suspend();
    await until('nobody sees it', () => seen.every(({me}) => !me));
    all({});
    page.hostClient.resume();
    await until('all see it again', () => seen.every(({me}) => me));
    await place.submit({at: 2});
    await until('all see where it has gone', () => seen.every(({me}) => (me as {at: number}).at === 2));
    all({me: {at: 2}});
  });

  it('continues with its documents, if its message arrives after its lock is free', async () => {
    const {connection} = stage.openTab();
    const doc = connection.get('notes', 'a');
    await doc.create({words: []});
    await doc.subscribe();
    const edit = doc.submitOp([{p: ['words', 0], li: 'mine'}]);
    // Only this tab has the document, and the edit has not left the tab.
    connection.hostClient.sessionClient!.sendEnd = () => {};
    connection.hostClient.suspend();
    await until('the host misses it', () => stage.host.inspect().tabs === 0);
    await calm();
    connection.hostClient.resume();
    await edit;
    expect(await stage.server('a')).to.eql({words: ['mine']});
  });
});

describe('a page that is suspended together with its host', () => {
  let stage: MirrorStage;
  let clock: HostClock;
  let doc: ProxyDoc;
  let page: Page;
  let answer: () => void;

  beforeEach(async () => {
    stage = new MirrorStage();
    clock = new HostClock();
    stage.startHost({clock: {now: clock.dayTime, after: clock.after}, mirror: false});
    const {locks} = stage.hostProcess;
    const {query} = locks;
    // In WebKitGTK this takes longer than the news of a lock.
    locks.query = () => new Promise(resolve => { clock.after(100, () => resolve(query!())); });
    const {connection} = stage.openTab();
    page = connection.hostClient;
    doc = connection.get('notes', 'a');
    await doc.create({words: []});
    stage.backend.use('submit', (_context, next) => { answer = next; });
  });
  afterEach(() => stage.close());

  /** Lets time pass in small steps, so that the host's timers run in order. */
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 25) {
      await calm();
      clock.pass(25);
    }
    await calm();
  }

  /** Lets more time pass than a page may be away, on a computer that does not sleep. */
  async function passHalfAnHour(): Promise<void> {
    for (let times = 0; times < 2; times++) {
      clock.pass(16 * 60_000);
      await calm();
    }
  }

  it('gets the outcomes of its edits if the host forgot it before it returned', async () => {
    doc.preventCompose = true;
    const edits = [doc.submitOp([{p: ['words', 0], li: 'one'}])];
    await calm();
    const early = answer;
    edits.push(doc.submitOp([{p: ['words', 1], li: 'two'}]));
    await calm();
    expect(doc.hasUnsent).to.equal(false);
    page.suspend();
    await calm();
    await passHalfAnHour();
    await calm();
    early();
    await until('the next one is on its way', () => answer !== early);
    page.resume();
    await pass(500);
    edits.push(doc.submitOp([{p: ['words', 2], li: 'three'}]));
    answer();
    await pass(500);
    answer();
    await Promise.all(edits);
    expect((await stage.server('a') as {words: string[]}).words).to.eql(['one', 'two', 'three']);
  });

  describe('and is given up, and whose document has another history when it is restored,', () => {
    /** The page comes back after the document was closed, changed, and opened again by another tab. */
    async function comeBackLate(): Promise<void> {
      page.suspend();
      await pass(500);
      await passHalfAnHour();
      await pass(500);
      if (stage.host.inspect().pendingOps) answer();
      await until('the host has let go of the document', () => stage.host.inspect().docs === 0);
      const remote = stage.backend.connect().get('notes', 'a');
      await new Promise(resolve => remote.fetch(resolve));
      const write = async (word: string): Promise<void> => {
        const before = answer;
        remote.submitOp([{p: ['words', 0], li: word}]);
        await until('it is at the server', () => answer !== before);
        answer();
        await until('the server has it', () => !remote.hasPending());
      };
      await write('meanwhile');
      void stage.openTab().connection.get('notes', 'a').subscribe();
      await pass(500);
      for (const word of ['later', 'at last']) await write(word);
      await pass(500);
      page.resume();
      await pass(500);
    }

    it('gets the present state', async () => {
      void doc.subscribe();
      await pass(500);
      await comeBackLate();
      expect(doc.data).to.eql({words: ['at last', 'later', 'meanwhile']});
    });

    it('gets the outcomes of its edits', async () => {
      const edit = doc.submitOp([{p: ['words', 0], li: 'mine'}]);
      await pass(500);
      await comeBackLate();
      await edit;
      expect(doc.data).to.eql({words: ['at last', 'later', 'meanwhile', 'mine']});
    });
  });

  it('gets the outcomes of its edits if the host forgot it and was replaced since', async () => {
    const options = {clock: {now: clock.dayTime, after: clock.after}, store: {storage: new InMemoryStorage()}};
    stage.host.close();
    stage.startHost(options);
    const other = stage.openTab().connection.get('notes', 'a');
    void other.subscribe();
    await pass(500);
    const edit = doc.submitOp([{p: ['words', 0], li: 'mine'}]);
    await pass(500);
    expect([doc.hasPending(), doc.hasUnsent]).to.eql([true, false]);
    page.suspend();
    await pass(500);
    await passHalfAnHour();
    answer();
    await until('the server has it', () => stage.host.inspect().pendingOps === 0);
    // From here on, the journal has nothing of the tab.
    const {docs} = stage.host as unknown as {docs: {all(): {checkpoint(): void}[]}};
    for (const each of docs.all()) each.checkpoint();
    await pass(5000);
    stage.killHost();
    stage.startHost(options);
    page.resume();
    await pass(500);
    await edit;
    expect((await stage.server('a') as {words: string[]}).words).to.eql(['mine']);
  });

  for (const [where, hearsOfLock, returnsAfter] of [
    ['', false, 0],
    [', if the host has noticed before that its lock is free', true, 0],
    [', where it takes longer to come back than the host', false, 500]
  ] as const) {
    it(`gets the outcomes of its edits${where}`, async () => {
      const edit = doc.submitOp([{p: ['words', 0], li: 'mine'}]);
      await calm();
      expect([doc.hasPending(), doc.hasUnsent]).to.eql([true, false]);

      if (!hearsOfLock) stage.hostProcess.freeze();
      page.suspend();
      // Here a lock is granted without a turn of the event loop, and a message needs one.
      for (let i = 0; i < 20; i++) await undefined;
      if (hearsOfLock) stage.hostProcess.freeze();
      clock.pass(1000);

      stage.hostProcess.thaw();
      await pass(returnsAfter);
      page.resume();
      await pass(500);
      answer();
      await edit;
    });
  }
});
