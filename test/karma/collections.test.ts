import {expect} from 'chai';
import {SharedMap, transaction} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {task, WorkerPool} from '../../lib/tasks.js';
import {MAPS, appendToLists} from '../collections/list-appends.js';
import {until} from '../waiting/until.js';
import {Random} from '../support/random.js';
import {epochOf, KarmaStage, untilOtherHost, type Tab} from './stage.js';

const of = ({connection}: Tab): ProxyConnection => connection as unknown as ProxyConnection;
const mapOf = (tab: Tab, name: string) => tab.page.collections!.SharedMap.open<string, number>(of(tab), name);
const queueOf = (tab: Tab, name: string) => tab.page.collections!.SharedQueue.open<string>(of(tab), name);

describe('collections in real tabs', function () {
  this.timeout(120_000);
  let stage: KarmaStage;

  beforeEach(() => { stage = new KarmaStage(); });
  afterEach(() => stage.close());

  it('are shared, are transactional, and survive their tabs', async () => {
    const tabs = [await stage.openFrame(), await stage.openFrame(), await stage.openFrame()];
    const maps = await Promise.all(tabs.map(tab => mapOf(tab, 'counts')));
    const lists = await Promise.all(tabs.map(tab => tab.page.collections!.SharedArray.open<string>(of(tab), 'log')));
    const torn: unknown[] = [];
    maps.forEach((map, i) => map.on(() => { if (map.get('n') !== lists[i]!.length) torn.push([map.get('n'), lists[i]!.length]); }));
    await Promise.all(maps.flatMap((map, i) => Array.from({length: 10}, (_, n) => tabs[i]!.page.collections!.transaction(() => {
      map.set('n', (map.get('n') ?? 0) + 1);
      lists[i]!.push(`${i}.${n}`);
    }, {maxRetries: 1000, timeout: 60_000}))));
    await until('all have all', () => maps.every((map, i) => map.get('n') === 30 && lists[i]!.length === 30));
    expect([new Set(lists[0]).size, torn]).to.eql([30, []]);
    await maps[0]!.flush();
    for (const tab of tabs) tab.close();
    const again = await mapOf(await stage.openFrame(), 'counts');
    expect(again.get('n')).to.equal(30);
  });

  describe('in threads of a page', () => {
    const count = task<[string, number], number>('count');
    let pool: WorkerPool;
    let maps: Awaited<ReturnType<typeof mapOf>>[];
    const torn: unknown[] = [];
    const countHere = (tab: Tab): Promise<unknown> => tab.page.collections!.transaction(() => {
      for (const map of maps) map.set('n', (map.get('n') ?? 0) + 1);
    }, {maxRetries: 1000, timeout: 60_000});
    const openTab = async (): Promise<Tab> => {
      const tab = await stage.openFrame();
      maps = await Promise.all(['counts', 'copies'].map(name => mapOf(tab, name)));
      const [counts, copies] = maps as [typeof maps[0], typeof maps[0]];
      counts.on(() => { if (counts.get('n') !== copies.get('n')) torn.push([counts.get('n'), copies.get('n')]); });
      return tab;
    };

    beforeEach(() => {
      torn.length = 0;
      pool = new WorkerPool(() => new Worker(new URL('./collections-thread.ts', import.meta.url), {type: 'module'}), {size: 2});
    });
    afterEach(() => pool.terminate());

    it('are changed by transactions of the threads and of the page at once', async () => {
      const tab = await openTab();
      const threads = [pool.run(count, [stage.id, 10]), pool.run(count, [stage.id, 10])];
      for (let done = 0; done < 10; done++) await countHere(tab);
      await Promise.all(threads);
      await until('the page has what its threads counted', () => maps.every(map => map.get('n') === 30));
      expect([torn, pool.lostThreads, pool.failedTasks]).to.eql([[], 0, 0]);
      await pool.close();
    });

    it('hold whole transactions only, and go on, when a thread is ended in the middle of one', async () => {
      const tab = await openTab();
      for (let ended = 0; ended < 3; ended++) {
        const before = maps[0]!.get('n') ?? 0;
        const endless = pool.run(count, [stage.id, Infinity]);
        await until('the page has some of its steps', () => (maps[0]!.get('n') ?? 0) >= before + 3);
        endless.cancel();
        await endless.catch(() => {});
        await countHere(tab);
      }
      const before = maps[0]!.get('n')!;
      expect(await pool.run(count, [stage.id, 5])).to.be.at.least(before + 5);
      await until('the page has them', () => maps.every(map => map.get('n')! >= before + 5));
      expect([torn, maps[0]!.get('n')]).to.eql([[], maps[1]!.get('n')]);
      await pool.close();
    });
  });

  it('make transactions that are serializable', async () => {
    const tabs = await Promise.all(Array.from({length: 5}, () => stage.openFrame()));
    const all = await Promise.all(tabs.map(async tab => ({
      transaction: tab.page.collections!.transaction,
      maps: await Promise.all(MAPS.map(name => tab.page.collections!.SharedMap.open<string, string[]>(of(tab), name)))
    })));
    const pause = (): Promise<void> => new Promise(resolve => { setTimeout(resolve); });
    expect(await appendToLists(all, new Random(1), 40, pause)).to.eql([]);
  });

  it('give the items that a closed tab has taken from a queue to another tab soon', async () => {
    const [mine, theirs] = [await stage.openFrame(), await stage.openFrame()];
    const [queue, other] = [await queueOf(mine, 'work'), await queueOf(theirs, 'work')];
    queue.enqueueMany(['a']);
    expect((await other.take()).value).to.equal('a');
    const next = queue.take();
    await queue.tryDequeue();
    const begin = performance.now();
    theirs.close();
    const lease = await next;
    console.log(`      taken back after ${Math.round(performance.now() - begin)} ms`);
    expect([lease.value, lease.attempts]).to.eql(['a', 1]);
  });

  it('continue when the tab with the host is closed during transactions', async () => {
    const options = {mode: 'elected-tab'} as const;
    const tabs = [await stage.openFrame(options), await stage.openFrame(options), await stage.openFrame(options)];
    const maps = await Promise.all(tabs.map(tab => mapOf(tab, 'counts')));
    const epoch = await epochOf(tabs[1]!);
    const adding = maps.slice(1).flatMap(map => Array.from({length: 15}, () => map.update('n', (n = 0) => n + 1, {maxRetries: 1000, timeout: 60_000})));
    await Promise.race(adding);
    tabs[0]!.close();
    await untilOtherHost(tabs[1]!, epoch);
    await Promise.all(adding);
    await until('both have all', () => maps.slice(1).every(map => map.get('n') === 30));
  });

  it('work in a direct connection, as local documents do', async () => {
    const connection = stage.connectHere({mode: 'direct'}) as unknown as ProxyConnection;
    const doc = connection.get<{n: number}>('local:ui', 'one');
    await doc.subscribe();
    await doc.create({n: 1});
    const map = await SharedMap.open<string, number>(connection, 'counts');
    await transaction(tx => {
      tx.in(map).set('n', 2);
      tx.in(doc).submitOp([{p: ['n'], na: 1}]);
    });
    expect([map.get('n'), doc.data, doc.hasPending()]).to.eql([2, {n: 2}, false]);
  });
});
