import {expect} from 'chai';
import {Host} from '../../lib/host.js';
import type {ProxyConnection} from '../../lib/index.js';
import {ClearingMark} from '../../lib/connect/clearing-mark.js';
import {OrphanedOpsStorage} from '../../lib/connect/orphaned-ops-storage.js';
import type {Clearing} from '../../lib/protocol/clearing.js';
import type {OrphanedOpsMessage} from '../../lib/protocol/messages.js';
import {DurableStore} from '../../lib/store/durable-store.js';
import {IndexedDbStorage} from '../../lib/store/indexed-db-storage.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {PortedConnection} from './ported-connection.js';
import {SignOutStage} from './sign-out-stage.js';
import {pageStorage} from '../support/page-storage.js';
import {FakeClock, calm, eventually} from '../store/clock.js';
import {dump, terminate, withIndexedDb} from '../store/disks.js';
import {TroubledStorage} from '../store/troubled-storage.js';

describe('signing out in an app that deletes the mark in localStorage', () => {
  describe('a host', () => {
    let stage: SignOutStage;
    beforeEach(() => {
      stage = new SignOutStage();
      stage.start();
    });
    afterEach(() => stage.close());

    const clearing = (): Clearing => ({id: 'the clearing', time: Date.now()});

    /** The database keeps a clearing, and the next host finds it there. */
    async function startAfter(cleared: Clearing): Promise<void> {
      const former = stage.tab();
      await former.get('notes', 'a').create({secret: true});
      await former.flushWrites();
      const isClosed = stage.host.whenClosed;
      await stage.host.clear(cleared);
      await isClosed;
      stage.start();
    }

    /** A tab that began at this time, and knows of no clearing. */
    function tabOf(began: number): {tab: ProxyConnection; heard: (Clearing | undefined)[]} {
      const heard: (Clearing | undefined)[] = [];
      const tab = new PortedConnection({channel: stage.channel, warn: () => {}}, hello => {
        hello.began = began;
        const {port1, port2} = new MessageChannel();
        if (!stage.host.admit(hello, port2)) return undefined;
        return port1;
      }, cleared => {
        heard.push(cleared);
        return false;
      });
      stage.tabs.push(tab);
      return {tab, heard};
    }

    it('closes a tab that began before the clearing, accepts none of its ops, and sends it the mark', async () => {
      const cleared = clearing();
      await startAfter(cleared);
      const {tab, heard} = tabOf(cleared.time - 1);
      const outcome = tab.get('notes', 'b').create({secret: true}).then(() => 'done', (error: {code: string}) => error.code);
      await eventually('it is closed', () => tab.state === 'closed');
      expect([await outcome, heard]).to.eql(['ERR_TABS_CLOSED', [cleared]]);
      await calm();
      expect(stage.host.inspect()).to.include({docs: 0, pendingOps: 0});
    });

    it('welcomes a tab that began after the clearing, and sends it the mark', async () => {
      const cleared = clearing();
      await startAfter(cleared);
      const {tab, heard} = tabOf(cleared.time);
      await tab.get('notes', 'b').create({});
      expect(heard).to.eql([cleared]);
      // The tab's next host has the mark from the same database.
      await tab.flushWrites();
      stage.host.close();
      await stage.host.whenClosed;
      stage.start();
      const next = tabOf(cleared.time);
      await next.tab.get('notes', 'b').fetch();
      expect(next.heard).to.eql([cleared]);
    });

    it('does not end when a tab greets with the mark that the database has', async () => {
      const cleared = clearing();
      await startAfter(cleared);
      const next = new PortedConnection({channel: stage.channel, warn: () => {}}, hello => {
        Object.assign(hello, {cleared, began: cleared.time});
        return undefined;
      });
      stage.tabs.push(next);
      await eventually('it is welcomed', () => next.hostState === 'connected');
    });

    it('starts no host in a page that began before the clearing', async () => {
      await startAfter(clearing());
      stage.host.close();
      await stage.host.whenClosed;
      const heard: (Clearing | undefined)[] = [];
      let isOpen = false;
      const host = new Host({
        connection: stage.backend.connect(), channel: stage.channel, store: {storage: stage.storage}, warn: () => {},
        isCleared: last => heard.push(last) > 0, onOpen: () => { isOpen = true; }
      });
      await host.whenClosed;
      expect([heard.map(last => last?.id), isOpen]).to.eql([['the clearing'], false]);
    });
  });

  describe('a database', () => {
    async function opened(storage: InMemoryStorage, epoch: string, cleared?: Clearing): Promise<DurableStore> {
      const store = new DurableStore({storage, namespace: 'default', epoch, cleared, onStatus() {}, onFenced() {}}, new FakeClock().after);
      await store.whenReady();
      await calm();
      return store;
    }

    it('keeps the clearing that it was deleted for', async () => {
      const storage = new InMemoryStorage();
      const first = await opened(storage, 'one');
      first.append(['notes', 'a'], 1, 'of the last user');
      await calm();
      const clearing = {id: 'clearing', time: Date.now()};
      await first.clear(clearing);
      expect([(await opened(storage, 'two')).cleared, await storage.inventory()]).to.eql([clearing, []]);
      const later = {id: 'later', time: clearing.time + 1000};
      expect((await opened(storage, 'three', later)).cleared).to.eql(later);
      expect((await opened(storage, 'four')).cleared, 'a mark that a tab knew').to.eql(later);
      expect((await opened(storage, 'five', clearing)).cleared, 'an old mark').to.eql(later);
    });

    it('ends a host that opens it again after a clearing that the host does not know', async () => {
      const storage = new TroubledStorage();
      let isFenced = false;
      const store = new DurableStore({storage, namespace: 'default', epoch: 'one', onStatus() {}, onFenced: () => { isFenced = true; }}, new FakeClock().after);
      await store.whenReady();
      store.append(['notes', 'a'], 1, 'of the last user');
      await calm();
      await storage.clear({cleared: 'clearing', clearedAt: String(Date.now() + 1000)});
      storage.onLost!('The database was deleted');
      await calm();
      expect([isFenced, await storage.inventory()]).to.eql([true, []]);
    });
  });

  describe('an IndexedDB database', () => {
    const connections = withIndexedDb();

    for (const [name, prepare] of Object.entries({
      'that is open': () => {},
      'that the browser has closed': () => terminate(connections[0]!)
    })) {
      it(`keeps the clearing and nothing else: ${name}`, async () => {
        const storage = new IndexedDbStorage();
        await storage.open('default');
        await storage.claim('one');
        await storage.write([{type: 'append', key: ['notes', 'a'], n: 1, record: 'secret'}, {type: 'meta', name: 'created', value: '1'}], 'one');
        prepare();
        await storage.clear({cleared: 'clearing', clearedAt: '7'});
        expect(await dump('sharedb-tabs:default')).not.to.include('secret');
        const next = new IndexedDbStorage();
        await next.open('default');
        expect([await next.claim('two'), await next.inventory()]).to.eql([{cleared: 'clearing', clearedAt: '7'}, []]);
        next.close();
      });
    }
  });

  describe('pages', () => {
    const word: OrphanedOpsMessage = {tabId: 'gone', lineage: 'l', docs: []};

    it('leave no ops to the next user if they do not find the mark', async () => {
      const items = pageStorage();
      const open = (): Storage => items;
      const gone = new OrphanedOpsStorage('default', 'gone', undefined, open, new ClearingMark('default', open, 5));
      gone.leave(word);
      const nextMark = new ClearingMark('default', open, 8);
      const next = new OrphanedOpsStorage('default', 'next', undefined, open, nextMark);
      next.leave({...word, tabId: 'next'});
      expect([items.length, nextMark.merge({id: 'clearing', time: 7})]).to.eql([2, false]);
      await next.offer();
      expect(Array.from({length: items.length}, (_, i) => items.key(i)).sort()).to.eql(['sharedb-tabs:default:cleared', 'sharedb-tabs:default:orphaned-ops:next']);
    });

    it('write the mark again if the app has deleted it', () => {
      const items = pageStorage();
      const early = new ClearingMark('default', () => items, 5);
      const late = new ClearingMark('default', () => items, 8);
      const clearing = {id: 'clearing', time: 7};
      // The event of a mark that is not there any more.
      const event = {key: 'sharedb-tabs:default:cleared', newValue: JSON.stringify(clearing)};
      expect(late.markIn(event)).to.eql(clearing);
      expect(late.markIn({...event, key: 'another'})).to.equal(undefined);
      expect([late.merge(clearing), late.read(), early.merge(), late.merge({id: 'before', time: 3}), late.read()]).to.eql([false, clearing, true, false, clearing]);
      items.clear();
      expect([early.merge(), late.merge()], 'nobody knows').to.eql([false, false]);
      expect(new ClearingMark('default', () => items, 9).own).to.eql({cleared: undefined, began: 9});
      late.merge(clearing);
      expect(new ClearingMark('default', () => items, 9).own).to.eql({cleared: clearing, began: 7});
    });
  });
});
