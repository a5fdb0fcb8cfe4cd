import {expect} from 'chai';
import {mock} from 'node:test';
import {logger} from 'sharedb/lib/client/index.js';
import type {Host} from '../../lib/host.js';
import type {ProxyConnection} from '../../lib/index.js';
import { type ProxyDoc} from '../../lib/index.js';
import type {DeadLetter} from '../../lib/protocol/messages.js';
import {settled} from '../waiting/settled.js';
import {calm, eventually} from './clock.js';
import {HostsStage} from './hosts-stage.js';
import {TroubledStorage} from './troubled-storage.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

const OPEN_MS = 5000;

/** One disk, and several hosts one after the other. A host's view of the disk may be late. */
class LateDiskStage extends HostsStage {
  storage = new TroubledStorage();
  host!: Host;

  start({isOnline = true, isLate = false} = {}): void {
    this.storage = new TroubledStorage(this.storage.disk);
    if (isLate) this.storage.hold();
    this.host = this.openHost({storage: this.storage}, isOnline);
  }

  /** The host closes the disk. */
  async giveUpDisk(): Promise<void> {
    await calm();
    mock.timers.tick(OPEN_MS / 2);
    mock.timers.tick(OPEN_MS / 2);
    await calm();
  }

  async server(id = 'a'): Promise<string[] | undefined> {
    const data = await this.onServer(id);
    return data && [...data.words].sort();
  }

  /** Acts as a client with its own connection to the server. */
  async remote(act: (doc: any, done: (error?: unknown) => void) => void): Promise<void> {
    const doc = this.backend.connect().get('notes', 'a');
    await settled(done => doc.fetch(done));
    await settled(done => act(doc, done));
    doc.connection.close();
  }
}

const add = (word: string): object[] => [{p: ['words', 0], li: word}];
const words = ({data}: {data?: any}): string[] | undefined => data && [...data.words].sort();

describe('a disk that opens late', () => {
  let stage: LateDiskStage;
  beforeEach(() => {
    mock.timers.enable({apis: ['setTimeout']});
    stage = new LateDiskStage();
  });
  afterEach(async () => {
    await stage.end();
    await calm();
    mock.timers.reset();
  });

  async function opened(tab = stage.tab()): Promise<ProxyDoc> {
    const doc = tab.get('notes', 'a');
    await doc.subscribe();
    return doc;
  }

  /** Leaves a document on the disk, with edits that the server does not have. */
  async function leaveUnsent(...texts: string[]): Promise<void> {
    stage.start();
    const first = stage.tab();
    await first.get('notes', 'a').create({words: ['first']});
    await first.flushWrites();
    await stage.end();
    stage.start({isOnline: false});
    const tab = stage.tab();
    const doc = await opened(tab);
    for (const text of texts) doc.submitOp(add(text)).catch(() => {});
    await tab.flushWrites();
    await stage.end();
  }

  async function startLate({isOnline = true} = {}): Promise<ProxyConnection> {
    stage.start({isLate: true, isOnline});
    const tab = stage.tab();
    await stage.giveUpDisk();
    await eventually('the tab has a host', () => tab.hostState === 'connected');
    return tab;
  }

  async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    await eventually(what, async () => {
      mock.timers.tick(20);
      return condition();
    });
  }

  const saved = (tab: ProxyConnection): Promise<void> => until('all is saved', () => !stage.host.inspect().pendingOps && !tab.hasPending());

  it('loses no edit on it: the host rebases them to the server\'s state', async () => {
    await leaveUnsent('one', 'two');
    await stage.remote((doc, done) => doc.submitOp(add('remote'), {}, done));
    const tab = await startLate();
    const doc = await opened(tab);
    expect(words(doc)).to.eql(['first', 'remote']);
    await doc.submitOp(add('mine'));
    stage.storage.release();
    await until('the edits are shown', () => words(doc)?.length === 5);
    await saved(tab);
    const all = ['first', 'mine', 'one', 'remote', 'two'];
    expect([words(doc), await stage.server(), await tab.quarantine.list()]).to.eql([all, all, []]);
    await tab.flushWrites();
    await stage.end();
    stage.start({isOnline: false});
    expect(words(await opened()), 'after a restart').to.eql(all);
    stage.goOnline();
    await calm();
    expect(await stage.server()).to.eql(all);
  });

  it('loses no edit that was made on other unsent edits', async () => {
    await leaveUnsent('one');
    const tab = await startLate();
    const doc = await opened(tab);
    stage.backend.use('submit', (_context, next) => setImmediate(next));
    for (const word of ['mine', 'too']) doc.submitOp(add(word), {}).catch(() => {});
    stage.storage.release();
    await until('the edits are shown', () => words(doc)?.length === 4);
    await saved(tab);
    expect(words(doc)).to.eql(await stage.server());
  });

  it('shows a document without a server as soon as it has been read, and sends its edits later', async () => {
    await leaveUnsent('one');
    const tab = await startLate({isOnline: false});
    const doc = tab.get('notes', 'a');
    const subscribed = doc.subscribe();
    await calm();
    expect(doc.data).to.equal(undefined);
    stage.storage.release();
    await until('the disk is read', () => words(doc)?.length === 2);
    await subscribed;
    doc.submitOp(add('two')).catch(() => {});
    stage.goOnline();
    await saved(tab);
    expect([words(doc), await stage.server(), await tab.quarantine.list()]).to.eql([['first', 'one', 'two'], ['first', 'one', 'two'], []]);
  });

  it('does not duplicate an edit that the server has', async () => {
    await leaveUnsent();
    stage.start();
    const tab = stage.tab();
    const doc = await opened(tab);
    await tab.flushWrites();
    // The server accepts the op, and no client receives the answer.
    stage.backend.use('reply', (context, next) => {
      if ((context.request as {a?: string}).a === 'op') return;
      next();
    });
    doc.submitOp(add('one')).catch(() => {});
    await eventually('the server has it', async () => (await stage.server())?.length === 2);
    await tab.flushWrites();
    await stage.end();
    (stage.backend as unknown as {middleware: Record<string, unknown[]>}).middleware['reply'] = [];
    const next = await startLate();
    const again = await opened(next);
    expect(words(again)).to.eql(['first', 'one']);
    await again.submitOp(add('two'));
    stage.storage.release();
    await until('what is stored is dealt with', async () => {
      const [status, list] = [next.status.durable, await next.quarantine.list()];
      return status && !list.length && !stage.host.inspect().pendingOps;
    });
    await saved(next);
    expect([words(again), await stage.server()]).to.eql([['first', 'one', 'two'], ['first', 'one', 'two']]);
  });

  it('removes an edit that its tab had given up from the dead letters', async () => {
    stage.start();
    const tab = stage.tab();
    await tab.get('notes', 'a').create({words: []});
    const doc = await opened(tab);
    await tab.flushWrites();
    const {socket} = stage.connection as unknown as {socket: {close(): void}};
    socket.close();
    await eventually('the network is gone', () => stage.connection.state !== 'connected');
    const letters: DeadLetter[] = [];
    tab.on('deadletter', letter => letters.push(letter));
    const result = doc.submitOp(add('one')).then(() => 'saved', (error: {code: string}) => error.code);
    await tab.flushWrites();
    stage.host.abandon();
    stage.start({isLate: true});
    await stage.giveUpDisk();
    expect(await result).to.equal('ERR_TABS_OP_LOST');
    await until('the letter', () => letters.length === 1);
    await doc.submitOp(add('two'));
    stage.storage.release();
    await until('the edit is back', () => words(doc)?.length === 2);
    await saved(tab);
    expect([await stage.server(), await tab.deadLetters.list(), await tab.quarantine.list()]).to.eql([['one', 'two'], [], []]);
  });

  describe('whose edits can\'t be rebased', () => {
    async function expectListed(reason: RegExp): Promise<void> {
      await leaveUnsent('one');
      const tab = await startLate();
      await change();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      await act(doc);
      stage.storage.release();
      await until('it is listed', async () => reason.test((await tab.quarantine.list())[0]?.error.message ?? ''));
      const [entry] = await tab.quarantine.list();
      expect(entry).to.deep.include({collection: 'notes', doc: 'a'});
      expect(entry!.error.code).to.equal('ERR_TABS_STORAGE_SUPERSEDED');
      await until('the status says so', () => tab.status.quarantined === 1);
      expect(await tab.quarantine.export()).to.include('one');
    }
    let change: () => Promise<unknown>;
    let act: (doc: ProxyDoc) => Promise<unknown>;

    it('keeps them, and gives the reason: the server has trimmed its log', async () => {
      change = async () => {
        for (const word of ['remote', 'another']) await stage.remote((doc, done) => doc.submitOp(add(word), {}, done));
        const {ops} = stage.backend.db as unknown as {ops: Record<string, Record<string, unknown[]>>};
        delete ops['notes']!['a']![1];
      };
      act = doc => doc.submitOp(add('mine'));
      await expectListed(/can't be transformed: The server no longer has the ops/);
    });

    it('keeps them, and gives the reason: the document was deleted', async () => {
      change = () => stage.remote((doc, done) => doc.del({}, done));
      act = async () => {};
      await expectListed(/can't be transformed/);
    });

    it('keeps them, and gives the reason: the document was created again', async () => {
      change = async () => {
        await stage.remote((doc, done) => doc.del({}, done));
        await stage.remote((doc, done) => doc.create({words: []}, done));
      };
      act = doc => doc.submitOp(add('mine'));
      await expectListed(/can't be transformed/);
    });
  });

  it('does not delete the only copy of a local document that was created again meanwhile', async () => {
    stage.start({isOnline: false});
    const first = stage.tab();
    await first.get('local:notes', 'a').create({words: ['kept']});
    await first.flushWrites();
    await stage.end();
    const tab = await startLate({isOnline: false});
    await tab.get('local:notes', 'a').create({words: ['new']});
    stage.storage.release();
    await until('it is listed', async () => (await tab.quarantine.list()).length === 1);
    expect(await tab.quarantine.export()).to.include('kept');
    expect(words(tab.get('local:notes', 'a'))).to.eql(['new']);
  });
});
