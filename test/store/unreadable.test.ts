import {expect} from 'chai';
import {mock} from 'node:test';
import {logger} from 'sharedb/lib/client/index.js';
import type {Host} from '../../lib/host.js';
import type {ProxyConnection, ProxyDoc} from '../../lib/index.js';
import {IndexedDbStorage} from '../../lib/store/indexed-db-storage.js';
import type {Change, DocKey, Storage, StoredDoc} from '../../lib/store/storage.js';
import {settled} from '../waiting/settled.js';
import {calm, eventually} from './clock.js';
import {withIndexedDb} from './disks.js';
import {HostsStage} from './hosts-stage.js';
import {TroubledStorage} from './troubled-storage.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

/** How long the disk can't read, in ms. */
const FAULT_MS = 4000;

/** A disk that can't read for a while, and can write. */
interface Disk extends Storage {
  isUnreadable: boolean;
  /** It writes, and its host dies before it knows this. */
  isMute: boolean;
}

const NEVER = new Promise<never>(() => {});

function fail(): never {
  throw new DOMException('Internal error', 'UnknownError');
}

class UnreadableDatabase extends IndexedDbStorage implements Disk {
  isUnreadable = false;
  isMute = false;

  override async read(keys: readonly DocKey[]): Promise<StoredDoc[]> {
    return this.isUnreadable ? fail() : super.read(keys);
  }

  override async write(changes: readonly Change[], epoch: string): Promise<void> {
    await super.write(changes, epoch);
    if (this.isMute) await NEVER;
  }
}

class UnreadableMemory extends TroubledStorage implements Disk {
  isUnreadable = false;
  isMute = false;

  override async read(keys: readonly DocKey[]): Promise<StoredDoc[]> {
    return this.isUnreadable ? fail() : super.read(keys);
  }

  override async write(changes: readonly Change[], epoch: string): Promise<void> {
    await super.write(changes, epoch);
    if (this.isMute) await NEVER;
  }
}

/** One disk, and several hosts one after the other. */
class UnreadableDiskStage extends HostsStage {
  disk!: Disk;
  host!: Host;

  start({isOnline = true, isUnreadable = false} = {}): void {
    this.disk.isUnreadable = isUnreadable;
    this.disk.isMute = false;
    this.host = this.openHost({storage: this.disk}, isOnline);
  }

  async server(): Promise<string[] | undefined> {
    return words({data: await this.onServer()});
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

const DISKS: Record<string, () => Disk> = {'in memory': () => new UnreadableMemory(), 'on IndexedDB': () => new UnreadableDatabase()};
for (const [name, makeDisk] of Object.entries(DISKS)) {
  describe(`a disk that can't read for a while, but can write: ${name}`, () => {
    let stage: UnreadableDiskStage;
    withIndexedDb();
    beforeEach(() => {
      mock.timers.enable({apis: ['setTimeout']});
      stage = new UnreadableDiskStage();
      stage.disk = makeDisk();
    });
    afterEach(async () => {
      await stage.end();
      await calm();
      mock.timers.reset();
    });

    async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
      await eventually(what, async () => {
        mock.timers.tick(20);
        return condition();
      });
    }

    /** Leaves a document on the disk, with an edit that the server does not have. */
    async function leaveUnsent(collection = 'notes'): Promise<void> {
      stage.start();
      const first = stage.tab();
      await first.get(collection, 'a').create({words: ['first']});
      await first.flushWrites();
      await stage.end();
      stage.start({isOnline: false});
      const tab = stage.tab();
      const doc = tab.get(collection, 'a');
      await doc.subscribe();
      doc.submitOp(add('unsent')).catch(() => {});
      await tab.flushWrites();
      await stage.end();
    }

    async function startUnreadable({isOnline = true} = {}): Promise<ProxyConnection> {
      stage.start({isOnline, isUnreadable: true});
      const tab = stage.tab();
      await until('it is quarantined', () => tab.status.quarantined === 1);
      return tab;
    }

    /** Passes the time until the disk can read again. */
    async function pass(ms = FAULT_MS): Promise<void> {
      for (let passed = 0; passed < ms; passed += 250) {
        mock.timers.tick(250);
        await calm(10);
      }
    }

    const saved = (tab: ProxyConnection): Promise<void> => until('all is saved', () => !stage.host.inspect().pendingOps && !tab.hasPending());
    const healed = (tab: ProxyConnection): Promise<void> => until('nothing is quarantined', () => !tab.status.quarantined);

    async function expectAll(tab: ProxyConnection, doc: ProxyDoc, all: string[]): Promise<void> {
      await healed(tab);
      await saved(tab);
      expect([words(doc), await stage.server(), await tab.quarantine.list()]).to.eql([all, all, []]);
      await tab.flushWrites();
      await stage.end();
      stage.start({isOnline: false});
      const again = stage.tab().get('notes', 'a');
      await again.subscribe();
      expect(words(again), 'after a restart').to.eql(all);
    }

    it('loses no edit on it: they are sent when it can read', async () => {
      await leaveUnsent();
      const tab = await startUnreadable();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      expect(words(doc)).to.eql(['first']);
      await pass();
      expect([tab.status.quarantined, tab.status.durable, tab.status.storeError?.code]).to.eql([1, true, 'UnknownError']);
      stage.disk.isUnreadable = false;
      await until('the edit is shown', () => words(doc)?.length === 2);
      await expectAll(tab, doc, ['first', 'unsent']);
    });

    it('loses no edit on it if others are made meanwhile, here and elsewhere', async () => {
      await leaveUnsent();
      const tab = await startUnreadable();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      await doc.submitOp(add('mine'));
      await stage.remote((remote, done) => remote.submitOp(add('remote'), {}, done));
      await tab.flushWrites();
      await pass();
      stage.disk.isUnreadable = false;
      await until('the edit is shown', () => words(doc)?.length === 4);
      await expectAll(tab, doc, ['first', 'mine', 'remote', 'unsent']);
    });

    async function cutNetwork(): Promise<void> {
      (stage.connection as unknown as {socket: {close(): void}}).socket.close();
      await until('the network is gone', () => stage.connection.state !== 'connected');
    }

    /**
     * A tab makes an edit. Its host dies after the edit was written, and before the disk has told the host so. So the tab sends the edit again.
     * @returns the edit's outcomes
     */
    async function dieUntold(tab: ProxyConnection): Promise<string[]> {
      stage.disk.isMute = true;
      const results: string[] = [];
      tab.get('notes', 'a').submitOp(add('again')).then(() => results.push('saved'), (error: {code: string}) => results.push(error.code));
      await until('it is written', () => stage.host.inspect().pendingWrites > 0);
      await calm();
      stage.host.abandon();
      return results;
    }

    /** Opens a tab with the document. */
    async function follow(): Promise<ProxyConnection> {
      const tab = stage.tab();
      await tab.get('notes', 'a').subscribe();
      return tab;
    }

    it('loses no edit that its tab has sent again and given up', async () => {
      stage.start();
      await stage.tab().get('notes', 'a').create({words: ['first']});
      const tab = await follow();
      await tab.flushWrites();
      await cutNetwork();
      const results = await dieUntold(tab);
      stage.start({isUnreadable: true});
      await until('the tab has given it up', () => results.length > 0);
      expect(results).to.eql(['ERR_TABS_OP_LOST']);
      const letters = await tab.deadLetters.list();
      expect(letters.length).to.equal(1);
      await pass();
      const refusal = await tab.deadLetters.retry(letters[0]!.id).then(() => undefined, (error: {code: string; message: string}) => error);
      expect(refusal).to.include({code: 'ERR_TABS_LETTER_BASE'});
      expect(refusal!.message).to.contain('the quarantine has stored data of this document that may contain the op');
      stage.disk.isUnreadable = false;
      await until('the edit is shown', () => words(tab.get('notes', 'a'))?.length === 2);
      expect(await tab.deadLetters.list()).to.eql([]);
      await expectAll(tab, tab.get('notes', 'a'), ['again', 'first']);
    });

    it('loses no edit of a closed tab, though another tab has sent its own again and given it up', async () => {
      stage.start();
      await stage.tab().get('notes', 'a').create({words: ['first']});
      const [closing, staying] = [await follow(), await follow()];
      await staying.flushWrites();
      await cutNetwork();
      closing.get('notes', 'a').submitOp(add('closed')).catch(() => {});
      await until('the edit is shown', () => words(staying.get('notes', 'a'))?.length === 2);
      await staying.flushWrites();
      const results = await dieUntold(staying);
      closing.close();
      stage.start({isUnreadable: true});
      await until('the tab has given it up', () => results.includes('ERR_TABS_OP_LOST'));
      await pass();
      stage.disk.isUnreadable = false;
      await until('the edits are shown', () => words(staying.get('notes', 'a'))?.length === 3);
      expect(await staying.deadLetters.list()).to.eql([]);
      await expectAll(staying, staying.get('notes', 'a'), ['again', 'closed', 'first']);
    });

    /**
     * A tab creates a document without a server, and edits it before and after another tab, which closes. Then the host dies. So the first
     * tab sends its ops to the next host, which can't read the disk.
     */
    async function leavePartlyPlaced({isOnline = true} = {}): Promise<ProxyConnection> {
      stage.start({isOnline: false});
      const [staying, closing] = [stage.tab(), stage.tab()];
      const doc = staying.get('notes', 'a');
      const outcomes = [doc.create({words: ['first']}), doc.submitOp(add('early'))];
      await doc.subscribe();
      const other = closing.get('notes', 'a');
      await other.subscribe();
      other.submitOp(add('closed')).catch(() => {});
      await until('the edit is shown', () => words(doc)?.length === 3);
      outcomes.push(doc.submitOp(add('late')));
      await staying.flushWrites();
      closing.close();
      await calm();
      stage.host.abandon();
      stage.start({isOnline, isUnreadable: true});
      await until('the tab has sent its ops again', () => words(doc)?.length === 3 && staying.hostState === 'connected');
      if (isOnline) await Promise.race([Promise.all(outcomes), until('its ops are saved', () => !staying.hasPending())]);
      return staying;
    }

    for (const isOnline of [true, false]) {
      it(`does not cost the edit of a closed tab between the ops that another tab has sent again ${isOnline ? 'and the server has' : 'without a server'}`, async () => {
        const tab = await leavePartlyPlaced({isOnline});
        await pass();
        stage.disk.isUnreadable = false;
        if (!isOnline) {
          await pass();
          stage.goOnline();
        }
        await until('the edit is shown', () => words(tab.get('notes', 'a'))?.length === 4);
        await expectAll(tab, tab.get('notes', 'a'), ['closed', 'early', 'first', 'late']);
      });

      it(`does not save ops twice that a host has placed which died before the disk could be read, ${isOnline ? 'with' : 'without'} a server`, async () => {
        const tab = await leavePartlyPlaced({isOnline});
        await tab.flushWrites();
        await pass(1000);
        // The host closes the document, so it is stored as a checkpoint.
        await stage.end();
        stage.start();
        const next = stage.tab();
        const doc = next.get('notes', 'a');
        await doc.subscribe();
        await until('the edit is shown', () => words(doc)?.length === 4);
        await expectAll(next, doc, ['closed', 'early', 'first', 'late']);
      });
    }

    it('keeps a document waiting without a server, and shows it with its edits when it can read', async () => {
      await leaveUnsent();
      const tab = await startUnreadable({isOnline: false});
      const doc = tab.get('notes', 'a');
      const subscribed = doc.subscribe();
      await pass();
      expect(doc.data).to.equal(undefined);
      stage.disk.isUnreadable = false;
      await until('it is shown', () => words(doc)?.length === 2);
      await subscribed;
      stage.goOnline();
      await expectAll(tab, doc, ['first', 'unsent']);
    });

    it('until the next start: it keeps both the later edits and the stored ones', async () => {
      await leaveUnsent();
      const tab = await startUnreadable();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      (stage.connection as unknown as {socket: {close(): void}}).socket.close();
      await until('the network is gone', () => stage.connection.state !== 'connected');
      doc.submitOp(add('mine')).catch(() => {});
      await tab.flushWrites();
      await stage.end();
      stage.start();
      const next = stage.tab();
      const again = next.get('notes', 'a');
      await again.subscribe();
      await until('both are shown', () => words(again)?.length === 3);
      await expectAll(next, again, ['first', 'mine', 'unsent']);
    });

    it('at two starts: nothing on it is overwritten or deleted', async () => {
      await leaveUnsent();
      for (const word of ['one', 'two']) {
        const tab = await startUnreadable().catch(async () => stage.tab());
        const doc = tab.get('notes', 'a');
        await doc.subscribe();
        await doc.submitOp(add(word));
        await tab.flushWrites();
        await pass();
        await stage.end();
      }
      stage.start();
      const tab = stage.tab();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      await until('the edit is shown', () => words(doc)?.length === 4);
      await expectAll(tab, doc, ['first', 'one', 'two', 'unsent']);
    });

    it('keeps a local document waiting, and shows it when it can read', async () => {
      await leaveUnsent('local:notes');
      stage.start({isUnreadable: true});
      const tab = stage.tab();
      const doc = tab.get('local:notes', 'a');
      const subscribed = doc.subscribe();
      await pass();
      expect(doc.version).to.equal(null);
      stage.disk.isUnreadable = false;
      await until('it is shown', () => words(doc)?.length === 2);
      await subscribed;
      expect(await tab.quarantine.list()).to.eql([]);
    });

    it('keeps a local document that was created again meanwhile: it is listed, and can be restored', async () => {
      await leaveUnsent('local:notes');
      const tab = await startUnreadable();
      const doc = tab.get('local:notes', 'a');
      await doc.subscribe();
      await doc.create({words: ['new']});
      await tab.flushWrites();
      await pass();
      stage.disk.isUnreadable = false;
      await pass(60_000);
      expect([words(doc), tab.status.quarantined, await tab.quarantine.export()]).to.satisfy(([data, count, text]: unknown[]) =>
        JSON.stringify(data) === '["new"]' && count === 1 && String(text).includes('unsent'));
      await doc.del();
      await doc.destroy();
      await until('nobody has it open', () => stage.host.inspect().docs === 0);
      const [entry] = await tab.quarantine.list();
      await tab.quarantine.restore(entry!.id);
      const again = tab.get('local:notes', 'a');
      await again.subscribe();
      expect([words(again), await tab.quarantine.list()]).to.eql([['first', 'unsent'], []]);
    });
  });
}

describe('a document that can\'t be read', () => {
  it('is never written or deleted in its place until it is read', async () => {
    mock.timers.enable({apis: ['setTimeout']});
    const stage = new UnreadableDiskStage();
    const disk = new UnreadableMemory();
    stage.disk = disk;
    stage.start();
    const first = stage.tab();
    await first.get('notes', 'a').create({words: ['first']});
    await first.get('notes', 'b').create({words: ['other']});
    await first.flushWrites();
    await stage.end();
    stage.start({isUnreadable: true});
    disk.writes.length = 0;
    const tab = stage.tab();
    const doc = tab.get('notes', 'a');
    await doc.subscribe();
    for (const word of ['one', 'two', 'three']) await doc.submitOp(add(word));
    await tab.flushWrites();
    await doc.destroy();
    for (let passed = 0; passed < FAULT_MS; passed += 250) {
      mock.timers.tick(250);
      await calm(10);
    }
    const isOfOriginal = (change: Change): boolean => change.type !== 'meta' && change.key[0] === 'notes';
    expect(disk.writes.flat().filter(isOfOriginal)).to.eql([]);
    await stage.end();
    mock.timers.reset();
  });
});
