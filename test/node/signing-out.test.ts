import {expect} from 'chai';
import {mock} from 'node:test';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {ClearingMark} from '../../lib/connect/clearing-mark.js';
import {LastWords} from '../../lib/connect/last-words.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {Clearing} from '../../lib/protocol/clearing.js';
import type {LastWord} from '../../lib/protocol/messages.js';
import {DurableStore} from '../../lib/store/durable-store.js';
import {IndexedDbStorage} from '../../lib/store/indexed-db-storage.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {FakeClock, calm, eventually} from '../store/clock.js';
import {terminate, withIndexedDb} from '../store/disks.js';

class Stage {
  readonly backend = new Backend();
  readonly channel = memoryChannels();
  readonly storage = new InMemoryStorage();
  readonly tabs: ProxyConnection[] = [];
  host!: Host;

  start(cleared?: Clearing): void {
    this.host = new Host({connection: this.backend.connect(), channel: this.channel, store: {storage: this.storage}, cleared, warn: () => {}});
  }

  tab(): ProxyConnection {
    const tab = new ProxyConnection({channel: this.channel, warn: () => {}});
    this.tabs.push(tab);
    return tab;
  }

  close(): void {
    for (const tab of this.tabs) tab.close();
    this.host.close();
  }
}

/** `localStorage`, as far as it is used. */
function pages(): Storage {
  const items = new Map<string, string>();
  return {
    get length() { return items.size; },
    key: (i: number) => [...items.keys()][i] ?? null,
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
    clear: () => items.clear()
  };
}

describe('signing out', () => {
  describe('where the storage can\'t be deleted', () => {
    let stage: Stage;
    beforeEach(() => {
      mock.timers.enable({apis: ['setTimeout']});
      stage = new Stage();
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
      it(`ends all the same, says so, and the next start deletes it: ${name}`, async () => {
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

  describe('a host that stood still', () => {
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

  describe('pages', () => {
    const word: LastWord = {tabId: 'gone', lineage: 'l', docs: []};

    it('leave no ops to the next user', async () => {
      const items = pages();
      const open = (): Storage => items;
      const gone = new LastWords('default', 'gone', undefined, open, new ClearingMark('default', open));
      gone.leave(word);
      new ClearingMark('default', open).set('clearing', 1);
      const next = new LastWords('default', 'next', undefined, open, new ClearingMark('default', open));
      const offered: LastWord[] = [];
      await next.offer(async each => offered.push(each));
      expect([offered, items.length]).to.eql([[], 1]);
      // A page from the back/forward cache is put away once more.
      gone.leave(word);
      expect(items.length).to.equal(1);
      next.leave({...word, tabId: 'next'});
      next.clear();
      expect(items.length).to.equal(1);
    });

    it('know that another one has signed out since they began', () => {
      const items = pages();
      const mark = new ClearingMark('default', () => items);
      expect(mark.isOutdated).to.equal(false);
      new ClearingMark('default', () => items).set('clearing', 7);
      expect([mark.isOutdated, mark.read()]).to.eql([true, {id: 'clearing', time: 7}]);
      const forbidden = new ClearingMark('default', () => { throw new Error('forbidden'); });
      expect([forbidden.isOutdated, forbidden.read(), forbidden.set('clearing', 7)]).to.eql([false, undefined, undefined]);
    });
  });
});
