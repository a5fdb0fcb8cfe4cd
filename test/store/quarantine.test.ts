import {expect} from 'chai';
import {mock} from 'node:test';
import {logger} from 'sharedb/lib/client/index.js';
import {OrphanedOpsStorage} from '../../lib/connect/orphaned-ops-storage.js';
import type {Host} from '../../lib/host.js';
import { type HostOptions} from '../../lib/host.js';
import type {ProxyConnection} from '../../lib/index.js';
import type {OrphanedOpsMessage} from '../../lib/protocol/messages.js';
import {IndexedDbStorage} from '../../lib/store/indexed-db-storage.js';
import {pageStorage} from '../support/page-storage.js';
import {calm, eventually} from './clock.js';
import {dump, withIndexedDb} from './disks.js';
import {HostsStage} from './hosts-stage.js';
import {TroubledStorage, quotaExceeded} from './troubled-storage.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

const DATABASE = 'sharedb-tabs:default';

/** The page's handlers for its end. */
interface Page {
  orphanedOps(): OrphanedOpsMessage | undefined;
}

class QuarantineStage extends HostsStage {
  host!: Host;

  start(store: HostOptions['store'], {isOnline = true} = {}): void {
    this.host = this.openHost(store, isOnline);
  }
}

describe('data kept after a fault', () => {
  let stage: QuarantineStage;
  beforeEach(() => {
    mock.timers.enable({apis: ['setTimeout']});
    stage = new QuarantineStage();
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

  const codeOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => 'done', (error: {code?: unknown}) => error.code);

  describe('the quarantine, from a tab', () => {
    let storage: TroubledStorage;
    let isKeyThere: boolean;
    const cipher = {
      encrypt: (text: string) => text,
      decrypt: (text: string) => { if (isKeyThere) return text; throw new Error('There is no key'); }
    };

    /** The quarantine has a document that can't be read now, with an edit that the server does not have. */
    async function quarantined(): Promise<ProxyConnection> {
      isKeyThere = true;
      storage = new TroubledStorage();
      stage.start({storage});
      const first = stage.tab();
      await first.get('notes', 'a').create({n: 0});
      await first.flushWrites();
      await stage.end();
      stage.start({storage}, {isOnline: false});
      const second = stage.tab();
      const doc = second.get('notes', 'a');
      await doc.subscribe();
      doc.submitOp([{p: ['n'], na: 1}]).catch(() => {});
      await second.flushWrites();
      await stage.end();
      isKeyThere = false;
      stage.start({storage, cipher});
      const tab = stage.tab();
      await until('it is quarantined', () => tab.status.quarantined === 1);
      isKeyThere = true;
      return tab;
    }

    it('restores a document that nobody uses, and its edits are sent', async () => {
      const tab = await quarantined();
      const [entry] = await tab.quarantine.list();
      expect(entry).to.have.property('size').above(0);
      await tab.quarantine.restore(entry!.id);
      await until('the edit is sent', async () => (await stage.onServer() as {n: number}).n === 1);
      await until('nothing is left there', () => !tab.status.quarantined);
      expect(await tab.quarantine.list()).to.eql([]);
      expect((await storage.disk.inventory()).map(({key}) => key.join('/'))).to.eql(['notes/a']);
    });

    it('refuses to restore a document that is open or stored again, and keeps the data', async () => {
      const tab = await quarantined();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      const [entry] = await tab.quarantine.list();
      expect(await codeOf(tab.quarantine.restore(entry!.id)), 'open').to.equal('ERR_TABS_QUARANTINE_IN_USE');
      await tab.flushWrites();
      await doc.destroy();
      await until('nobody has it open', () => stage.host.inspect().docs === 0);
      expect(await codeOf(tab.quarantine.restore(entry!.id)), 'stored anew').to.equal('ERR_TABS_QUARANTINE_IN_USE');
      expect((await tab.quarantine.list()).map(({id}) => id)).to.eql([entry!.id]);
      expect(await tab.quarantine.export()).to.include('na');
    });

    it('deletes discarded data for good, and rejects if it could not', async () => {
      const tab = await quarantined();
      const [entry] = await tab.quarantine.list();
      storage.fail('write', quotaExceeded());
      expect(await codeOf(tab.quarantine.discard(entry!.id))).to.equal('QuotaExceededError');
      storage.fail('write');
      await until('the disk takes it', () => {
        mock.timers.tick(2000);
        return tab.status.durable;
      });
      await tab.quarantine.discard(entry!.id);
      await tab.quarantine.discard('unknown');
      expect([await tab.quarantine.list(), tab.status.quarantined, await storage.disk.inventory()]).to.eql([[], undefined, []]);
      await stage.end();
      stage.start({storage, cipher});
      const next = stage.tab();
      await until('the next host is there', () => next.hostState === 'connected');
      expect(await next.quarantine.list()).to.eql([]);
    });
  });

  describe('the last op of a page', () => {
    /** A page leaves an op, and another page offers it to a host whose disk refuses writes. */
    async function offered(): Promise<{pages: Storage; storage: TroubledStorage}> {
      const storage = new TroubledStorage();
      stage.start({storage});
      const gone = stage.tab();
      const doc = gone.get('notes', 'a');
      await doc.create({n: 0});
      await gone.flushWrites();
      (stage.connection as unknown as {socket: {close(): void}}).socket.close();
      await eventually('the network is gone', () => stage.connection.state !== 'connected');
      storage.fail('write', quotaExceeded());
      doc.submitOp([{p: ['n'], na: 1}]).catch(() => {});
      const word = (gone as unknown as Page).orphanedOps()!;
      expect(word.docs).to.have.length(1);
      gone.close();
      const pages = pageStorage();
      new OrphanedOpsStorage('default', gone.id!, {request: async (_name, _options, act) => act({})}, () => pages).leave(word);
      const other = stage.tab();
      await until('the other tab has a host', () => other.hostState === 'connected');
      const words = new OrphanedOpsStorage('default', other.id!, {request: async (_name, _options, act) => act({})}, () => pages);
      words.offer(each => other.callHost('tab.orphanedOps', each)).catch(() => {});
      await until('the host has it', () => stage.host.inspect().pendingOps === 1);
      await calm();
      expect(pages.length, 'nothing durable has it').to.equal(1);
      return {pages, storage};
    }

    it('is removed from localStorage when the disk has it', async () => {
      const {pages, storage} = await offered();
      storage.fail('write');
      await until('it is written', () => {
        mock.timers.tick(200);
        return pages.length === 0;
      });
      expect(JSON.stringify(await storage.disk.read([['notes', 'a']]))).to.include('na');
    });

    it('is removed from localStorage when the server has it, even if the disk can\'t write', async () => {
      const {pages} = await offered();
      stage.goOnline();
      await until('it is saved', () => pages.length === 0);
      expect(await stage.onServer()).to.eql({n: 1});
    });
  });

  describe('a deletion that another page blocks', () => {
    withIndexedDb();

    /** A page that keeps its connection to the database when it is asked to close it. */
    async function blocker(): Promise<IDBDatabase> {
      const request = indexedDB.open(DATABASE);
      await new Promise(resolve => { request.onsuccess = resolve; });
      return request.result;
    }

    /** A frozen host: it receives no message and does not close the database. */
    async function frozenStorage(): Promise<IndexedDbStorage> {
      const open = indexedDB.open.bind(indexedDB);
      indexedDB.open = (name, version) => {
        const request = open(name, version);
        request.addEventListener('success', () => request.result.addEventListener('versionchange', event => event.stopImmediatePropagation()));
        return request;
      };
      const storage = new IndexedDbStorage();
      await storage.open('default');
      indexedDB.open = open;
      return storage;
    }

    it('does not prevent clear() from ending: everything is emptied, no earlier host can write, and the next host can', async () => {
      stage.start({});
      const tab = stage.tab();
      await tab.get('notes', 'a').create({secret: true});
      await tab.flushWrites();
      const frozen = await frozenStorage();
      const holder = JSON.parse(await dump(DATABASE)) as [string, string[], {epoch: string}[]][];
      const {epoch} = holder.find(([store]) => store === 'claim')![2].find(value => value.epoch)!;
      let outcome: unknown;
      void codeOf(tab.clear()).then(code => { outcome = code; });
      await until('it ends', () => outcome !== undefined);
      expect(outcome).to.equal('done');
      const late = {type: 'checkpoint', key: ['notes', 'a'], n: 0, checkpoint: 'secret', hasPending: false} as const;
      expect(await codeOf(frozen.write([late], epoch)), 'a host of before').to.be.oneOf(['ERR_TABS_FENCED', 'ERR_TABS_STORAGE_ERASED']);
      expect(await codeOf(frozen.write([late], 'unknown')), 'whoever has not claimed it').to.be.oneOf(['ERR_TABS_FENCED', 'ERR_TABS_STORAGE_ERASED']);
      expect(await frozen.inventory()).to.eql([]);
      frozen.close();
      await stage.end();
      stage.start({});
      const next = stage.tab();
      await next.get('notes', 'b').create({n: 1});
      await next.flushWrites();
      const raw = await dump(DATABASE);
      expect(raw).to.include('"b"').and.not.to.include('secret');
    });

    it('makes flushWrites reject, and not hang, until it is over', async () => {
      stage.start({});
      const tab = stage.tab();
      const doc = tab.get('notes', 'a');
      await doc.create({n: 0});
      await tab.flushWrites();
      const other = await blocker();
      indexedDB.deleteDatabase(DATABASE);
      await calm();
      doc.submitOp([{p: ['n'], na: 1}]).catch(() => {});
      let outcome: unknown;
      void codeOf(tab.flushWrites()).then(code => { outcome = code; });
      await until('it ends', () => {
        mock.timers.tick(100);
        return outcome !== undefined;
      });
      expect(outcome).to.be.oneOf(['ERR_TABS_STORAGE_TIMEOUT', 'ERR_TABS_STORAGE_BLOCKED']);
      other.close();
      await until('the disk is back', () => tab.status.durable);
      await tab.flushWrites();
      expect(await dump(DATABASE)).to.match(/\\"n\\":1/);
    });
  });
});
