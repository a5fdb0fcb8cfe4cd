import {expect} from 'chai';
import {mock} from 'node:test';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {ClearingMark} from '../../lib/connect/clearing-mark.js';
import {OrphanedOpsStorage} from '../../lib/connect/orphaned-ops-storage.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {Clearing} from '../../lib/protocol/clearing.js';
import type {OrphanedOpsMessage} from '../../lib/protocol/messages.js';
import {DurableStore} from '../../lib/store/durable-store.js';
import {IndexedDbStorage} from '../../lib/store/indexed-db-storage.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {PortedConnection} from './ported-connection.js';
import {SignOutStage} from './sign-out-stage.js';
import {pageStorage} from '../support/page-storage.js';
import {FakeClock, calm, eventually} from '../store/clock.js';
import {dump, tamper, terminate, withIndexedDb} from '../store/disks.js';

describe('signing out', () => {
  describe('if the storage can\'t be deleted', () => {
    let stage: SignOutStage;
    beforeEach(() => {
      mock.timers.enable({apis: ['setTimeout']});
      stage = new SignOutStage();
      stage.start();
    });
    afterEach(async () => {
      stage.close();
      await calm();
      mock.timers.reset();
    });

    const FAILURES: Record<string, () => Promise<void>> = {
      'it rejects': () => Promise.reject(new Error('The disk is broken')),
      'it never answers': () => new Promise(() => {})
    };
    for (const [name, fail] of Object.entries(FAILURES)) {
      it(`ends, reports it, and the next start deletes the storage: ${name}`, async () => {
        const tab = stage.tab();
        const other = stage.tab();
        await tab.get('notes', 'a').create({secret: true});
        await other.get('notes', 'a').fetch();
        await tab.flushWrites();
        const clear = stage.storage.clear.bind(stage.storage);
        stage.storage.clear = fail;
        let code: unknown;
        void tab.clear().catch((error: {code: string}) => { code = error.code; });
        let isClosed = false;
        void stage.host.whenClosed.then(() => { isClosed = true; });
        await eventually('it ends', () => { mock.timers.tick(100); return code !== undefined && isClosed; });
        expect([code, tab.state, other.state]).to.eql(['ERR_TABS_NOT_CLEARED', 'closed', 'closed']);
        expect(await stage.storage.inventory()).to.have.length(1);
        stage.storage.clear = clear;
        const reads: unknown[] = [];
        const read = stage.storage.read.bind(stage.storage);
        stage.storage.read = keys => {
          reads.push(keys);
          return read(keys);
        };
        stage.start({id: 'the clearing', time: Date.now() + 1});
        const next = stage.tab();
        await eventually('the next host', () => next.hostState === 'connected');
        expect([await stage.storage.inventory(), reads]).to.eql([[], []]);
      });
    }
  });

  describe('a host that outlives a clearing', () => {
    let stage: SignOutStage;
    beforeEach(() => {
      stage = new SignOutStage();
      stage.start();
    });
    afterEach(() => stage.close());

    describe('if the tab that signs out does not reach its host', () => {
      it('ends a host from before it when a tab from after it greets', async () => {
        const doc = stage.tab().get('local:notes', 'a');
        await doc.create({secret: true});
        stage.tabs[0]!.close();
        const cleared = {id: 'the clearing', time: Date.now() + 1000};
        const next = new PortedConnection({channel: stage.channel, warn: () => {}}, hello => {
          hello.cleared = cleared;
          return undefined;
        });
        stage.tabs.push(next);
        await stage.host.whenClosed;
        expect(next.hostState).not.to.equal('connected');
        stage.start(cleared);
        const same = next.get('local:notes', 'a');
        await same.fetch();
        expect(same.data).to.equal(undefined);
      });

      it('hands nothing over to the next host when its own has died', async () => {
        const tab = stage.tab();
        const doc = tab.get('notes', 'a');
        await doc.create({});
        stage.isCut = true;
        doc.submitOp([{p: ['secret'], oi: true}]).catch(() => {});
        const outcome = tab.clear().then(() => 'done', (error: {code: string}) => error.code);
        stage.host.abandon();
        stage.isCut = false;
        stage.start({id: 'the clearing', time: Date.now() + 1000});
        expect([await outcome, tab.state]).to.eql(['ERR_TABS_NOT_CLEARED', 'closed']);
        expect(stage.host.inspect()).to.include({docs: 0, pendingOps: 0});
      });
    });

    describe('if the app has deleted the mark', () => {
      it('shows nothing to a page that begins while the host still deletes, and leaves it to the next host', async () => {
        const tab = stage.tab();
        await tab.get('local:notes', 'a').create({secret: true});
        const clear = stage.storage.clear.bind(stage.storage);
        let finish = (): void => {};
        const hasBegun = new Promise<void>(begun => {
          stage.storage.clear = async () => {
            begun();
            await new Promise<void>(resolve => { finish = resolve; });
            await clear();
          };
        });
        const isCleared = tab.clear();
        await hasBegun;
        const next = stage.tab();
        const doc = next.get('local:notes', 'a');
        const isFetched = doc.fetch();
        await calm();
        expect([next.hostState, doc.data]).to.eql(['connecting', undefined]);
        finish();
        await isCleared;
        await stage.host.whenClosed;
        stage.start();
        await isFetched;
        expect([next.hostState, doc.data]).to.eql(['connected', undefined]);
      });
    });
  });

  describe('a database', () => {
    async function opened(storage: InMemoryStorage, epoch: string, cleared?: Clearing): Promise<DurableStore> {
      const store = new DurableStore({storage, namespace: 'default', epoch, cleared, onStatus() {}, onFenced() {}}, new FakeClock().after);
      await store.whenReady();
      await calm();
      return store;
    }

    it('from before the last clearing is deleted once, and one from after it is kept', async () => {
      const storage = new InMemoryStorage();
      (await opened(storage, 'one')).append(['notes', 'a'], 1, 'of the last user');
      await calm();
      const clearing = {id: 'clearing', time: Date.now() + 1000};
      const second = await opened(storage, 'two', clearing);
      expect(second.keys()).to.eql([]);
      second.append(['notes', 'a'], 1, 'of the next user');
      await calm();
      expect((await opened(storage, 'three', clearing)).keys()).to.eql([['notes', 'a']]);
      expect((await opened(storage, 'four', {id: 'another', time: Date.now() - 60_000})).keys(), 'an old mark').to.eql([['notes', 'a']]);
      expect((await opened(storage, 'five', {id: 'third', time: Date.now() + 1000})).keys()).to.eql([]);
    });
  });

  describe('a host that was frozen', () => {
    const connections = withIndexedDb();
    const late = {type: 'checkpoint', key: ['notes', 'a'], n: 0, checkpoint: 'secret', hasPending: false} as const;

    it('writes nothing into the next user\'s database when it has to open it again', async () => {
      const frozen = new IndexedDbStorage();
      await frozen.open('default');
      await frozen.claim('frozen');
      await frozen.write([], 'frozen');
      terminate(connections[0]!);
      const clearing = new IndexedDbStorage();
      await clearing.open('default');
      await clearing.clear();
      const next = new IndexedDbStorage();
      await next.open('default');
      await next.claim('next');
      const code = await frozen.write([late], 'frozen').then(() => 'written', (error: {code?: string}) => error.code);
      expect(code).to.equal('ERR_TABS_FENCED');
      expect(await next.inventory()).to.eql([]);
      for (const each of [frozen, next]) each.close();
    });
  });

  describe('a host that was frozen and still has the database open', () => {
    withIndexedDb();
    const key = ['notes', 'a'] as const;

    /** This host receives no message and gives nothing up. */
    async function frozenHost(): Promise<IndexedDbStorage> {
      const open = indexedDB.open.bind(indexedDB);
      indexedDB.open = (name, version) => {
        const request = open(name, version);
        request.addEventListener('success', () => request.result.addEventListener('versionchange', event => event.stopImmediatePropagation()));
        return request;
      };
      const frozen = new IndexedDbStorage();
      await frozen.open('default');
      indexedDB.open = open;
      await frozen.claim('frozen');
      return frozen;
    }

    /**
     * Opens the host after it, which is asked to delete everything, and the host of the next user. The deletion waits for the frozen host.
     * It is forgotten when the frozen process ends: the database is empty and in use again.
     */
    async function clearAndGoOn(): Promise<IndexedDbStorage> {
      const second = new IndexedDbStorage();
      await second.open('default');
      await second.claim('second');
      indexedDB.deleteDatabase = () => {
        const request = Object.assign(new EventTarget(), {then: () => new Promise(() => {})});
        queueMicrotask(() => request.dispatchEvent(new Event('blocked')));
        return request as unknown as IDBOpenDBRequest;
      };
      await second.clear();
      const next = new IndexedDbStorage();
      await next.open('default');
      await next.claim('next');
      return next;
    }

    it('writes neither a checkpoint nor a record into the next user\'s database when it runs again', async () => {
      const frozen = await frozenHost();
      const next = await clearAndGoOn();
      for (const change of [
        {type: 'checkpoint', key, n: 0, checkpoint: 'secret', hasPending: false}, {type: 'append', key, n: 1, record: 'secret'}
      ] as const) {
        expect(await frozen.write([change], 'frozen').then(() => 'written', (error: {code?: string}) => error.code)).to.equal('ERR_TABS_FENCED');
      }
      expect(await next.inventory()).to.eql([]);
      await next.write([{type: 'append', key, n: 1, record: 'of the next user'}], 'next');
      expect((await next.read([key]))[0]!.journal).to.eql([{n: 1, record: 'of the next user'}]);
      for (const each of [frozen, next]) each.close();
    });

    it('does not write its data again, if it is in a page and the database was deleted for the clearing', async () => {
      mock.timers.enable({apis: ['setTimeout']});
      let isCleared = false;
      const backend = new Backend();
      const channel = memoryChannels();
      const host = new Host({connection: backend.connect(), channel, store: {}, isCleared: () => isCleared, warn: () => {}});
      const tab = new ProxyConnection({channel, warn: () => {}});
      const doc = tab.get('notes', 'a');
      await doc.create({text: 'secret'});
      await tab.flushWrites();
      isCleared = true;
      await new Promise(resolve => { indexedDB.deleteDatabase('sharedb-tabs:default').onsuccess = resolve; });
      doc.submitOp([{p: ['more'], oi: 'secret'}]).catch(() => {});
      let isOver = false;
      void host.whenClosed.then(() => { isOver = true; });
      await eventually('it ends', () => { mock.timers.tick(100); return isOver; });
      expect(await dump('sharedb-tabs:default').catch(() => '')).not.to.include('secret');
      tab.close();
      await calm();
      mock.timers.reset();
    });

    it('leaves no valid data if it dies after it has written a record, before it could remove it', async () => {
      const frozen = await frozenHost();
      const claims = (JSON.parse(await dump('sharedb-tabs:default')) as [string, string[], {term?: number}[]][]).find(([store]) => store === 'claim')!;
      const {term} = claims[2].find(value => value.term)!;
      const next = await clearAndGoOn();
      // Writes a record as the frozen host's transaction commits it.
      await tamper('sharedb-tabs:default', 'journal', {term, n: 1, record: 'secret'}, ['notes', 'a', term!, 1]);
      expect((await next.read([key]))[0]!.journal).to.eql([]);
      const later = new IndexedDbStorage();
      await later.open('default');
      await later.claim('later');
      expect(await later.inventory()).to.eql([]);
      expect(await dump('sharedb-tabs:default')).not.to.include('secret');
      for (const each of [frozen, next, later]) each.close();
    });
  });

  describe('pages', () => {
    const word: OrphanedOpsMessage = {tabId: 'gone', lineage: 'l', docs: []};

    it('leave no ops to the next user', async () => {
      const items = pageStorage();
      const open = (): Storage => items;
      const gone = new OrphanedOpsStorage('default', 'gone', undefined, open, new ClearingMark('default', open, 0));
      gone.leave(word);
      new ClearingMark('default', open, 0).set('clearing', 1);
      const next = new OrphanedOpsStorage('default', 'next', undefined, open, new ClearingMark('default', open, 0));
      const offered: OrphanedOpsMessage[] = [];
      await next.offer(async each => offered.push(each));
      expect([offered, items.length]).to.eql([[], 1]);
      // A page from the back/forward cache is suspended once more.
      gone.leave(word);
      expect(items.length).to.equal(1);
      next.leave({...word, tabId: 'next'});
      next.clear();
      expect(items.length).to.equal(1);
    });

    it('detect that another page has signed out since they began', () => {
      const items = pageStorage();
      const mark = new ClearingMark('default', () => items, 0);
      expect(mark.merge()).to.equal(false);
      new ClearingMark('default', () => items, 0).set('clearing', 7);
      expect([mark.merge(), mark.read()]).to.eql([true, {id: 'clearing', time: 8}]);
      const full = {...items, getItem: items.getItem.bind(items), setItem: () => { throw new DOMException('full', 'QuotaExceededError'); }};
      expect(new ClearingMark('default', () => full, 0).set('another', 9), 'a full storage').to.equal(undefined);
      const forbidden = new ClearingMark('default', () => { throw new Error('forbidden'); }, 0);
      expect([forbidden.merge(), forbidden.read(), forbidden.set('clearing', 7)]).to.eql([false, undefined, undefined]);
    });
  });
});
