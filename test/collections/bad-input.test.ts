import {expect} from 'chai';
import {type as json1} from 'ot-json1';
import {types} from 'sharedb/lib/client/index.js';
import {SharedArray, SharedMap, SharedQueue, SharedRecord, transaction} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {CollectionsStage} from './stage.js';

type Loose = (...args: any[]) => any;
const codeOf = (error: unknown): unknown => (error as {code?: unknown}).code ?? (error as Error).name;
/** The code of the error that a call throws, or that its promise rejects with. */
const refusal = async (act: () => unknown): Promise<unknown> => {
  try {
    return {value: await act()};
  } catch (error) {
    return codeOf(error);
  }
};

describe('collections with bad input', () => {
  let stage: CollectionsStage;
  let tab: ProxyConnection;
  beforeEach(() => {
    stage = new CollectionsStage();
    tab = stage.openTab();
  });
  afterEach(() => {
    stage.close();
    expect(stage.errors).to.eql([]);
  });

  it('refuse values without a constructor, and keys of any kind', async () => {
    const map = await SharedMap.open<any, any>(tab, 'm');
    expect(await refusal(() => map.set('a', Object.create(Object.create(Object.create(null) as object) as object)))).to.equal('ERR_TABS_BAD_VALUE');
    for (const key of [Object.create(null), Symbol('key'), undefined, null, NaN, {}]) expect(await refusal(() => map.get(key))).to.equal('ERR_TABS_BAD_KEY');
    expect(map.size).to.equal(0);
  });

  it('store no -0 and no sum that is too large', async () => {
    const map = await SharedMap.open<string, number>(tab, 'm');
    map.set('n', -0);
    expect(Object.is(map.get('n'), 0)).to.equal(true);
    map.set('n', 1e308);
    expect(await refusal(() => map.increment('n', 1e308))).to.equal('ERR_TABS_BAD_VALUE');
    expect(await refusal(() => transaction(() => map.increment('n', 1e308)))).to.equal('ERR_TABS_BAD_VALUE');
    expect(map.get('n')).to.equal(1e308);
  });

  it('change nothing if one of the documents of a map would become too large', async () => {
    const map = await SharedMap.open<string, number>(tab, 'm', {shards: 2, limits: {maxEntries: 4}});
    const entries = Array.from({length: 9}, (_, i): [string, number] => [`key ${i}`, i]);
    expect(await refusal(() => map.setMany(entries))).to.equal('ERR_TABS_LIMIT');
    expect([...map]).to.eql([]);
    await transaction(async tx => { expect(await refusal(() => tx.in(map).setMany(entries))).to.equal('ERR_TABS_LIMIT'); });
    expect([...map]).to.eql([]);
  });

  it('count all writes of a transaction against the limits', async () => {
    const map = await SharedMap.open<string, string>(tab, 'm', {limits: {maxEntries: 2, maxChars: 60}});
    const array = await SharedArray.open<number>(tab, 'a', {limits: {maxEntries: 2}});
    const add = (count: number) => (): void => { for (let i = 0; i < count; i++) array.push(i); };
    expect(await refusal(() => transaction(add(3)))).to.equal('ERR_TABS_LIMIT');
    expect(await refusal(() => transaction(() => { for (const key of ['a', 'b', 'c']) map.set(key, ''); }))).to.equal('ERR_TABS_LIMIT');
    expect(await refusal(() => transaction(() => { for (const key of ['a', 'b']) map.set(key, 'x'.repeat(30)); }))).to.equal('ERR_TABS_LIMIT');
    expect([map.size, array.length]).to.eql([0, 0]);
    await transaction(add(2));
    // What a transaction has removed makes room.
    await transaction(() => {
      array.shift();
      array.push(7);
    });
    expect([...array]).to.eql([1, 7]);
  });

  it('know a number as a key of a record by its string', async () => {
    const record = await SharedRecord.open<{1: string; 2?: string}>(tab, 'r', {initial: {1: 'a'}});
    expect(record.get(1)).to.equal('a');
    record.set(1, 'b');
    record.update({2: 'c'});
    expect([record.get(2), record.keys(), record.toObject()]).to.eql(['c', ['1', '2'], {1: 'b', 2: 'c'}]);
  });

  it('do not share a document with a map that is stored in several', async () => {
    const [map, other] = [await SharedMap.open<string, number>(tab, 'm', {shards: 2}), await SharedMap.open<string, number>(tab, 'm#1')];
    map.setMany(Array.from({length: 20}, (_, i) => [`key ${i}`, i]));
    expect([map.size, other.size]).to.eql([20, 0]);
  });

  it('treat indexes as Array does, or refuse them', async () => {
    const array = await SharedArray.open<number>(tab, 'a');
    for (const args of [[], [undefined], [-0.5], [-0.5, 1], [NaN], [1, NaN], [-Infinity, 1], ['1', '1']]) {
      array.splice(0, Infinity, 1, 2, 3);
      const model = [1, 2, 3];
      const deleted = (model.splice as Loose)(...args) as number[];
      expect([(array.splice as Loose)(...args), [...array]], JSON.stringify(args)).to.eql([deleted, model]);
    }
    for (const index of [-1, 0.5, NaN]) expect(await refusal(() => array.watchIndex(index)), String(index)).to.equal('RangeError');
  });

  it('refuse the prefix of local collections for a synced one', async () => {
    expect(await refusal(() => new SharedMap(tab, 'm', {scope: 'synced', collection: 'local:x'}))).to.equal('ERR_TABS_BAD_OPTION');
  });

  it('reject a call of a queue that the host refuses, and wait as long as asked', async () => {
    const queue = await SharedQueue.open<number>(tab, 'q');
    queue.enqueueMany([1, 2, 3]);
    for (const count of [0, -1, NaN, 1.5, '1']) expect(await refusal(() => (queue.dequeueMany as Loose)(count)), String(count)).to.equal('ERR_MESSAGE_BADLY_FORMED');
    expect(await queue.dequeueMany(3)).to.eql([1, 2, 3]);
    for (const timeout of [Infinity, 2 ** 40]) {
      const waiting = queue.dequeue({timeout});
      await new Promise(resolve => { setTimeout(resolve, 20); });
      queue.enqueue(4);
      expect(await waiting).to.equal(4);
    }
  });

  it('reject a call that waits for an item when the connection is closed', async () => {
    const queue = await SharedQueue.open<number>(tab, 'q');
    const waiting = refusal(() => queue.dequeue());
    tab.close();
    expect(await waiting).to.equal('ERR_TABS_CLOSED');
  });

  it('refuse to delete a collection that is closed', async () => {
    const map = await SharedMap.open<string, number>(tab, 'm');
    map.set('n', 1);
    await map.close();
    expect(await refusal(() => map.destroy())).to.equal('ERR_TABS_CLOSED');
    expect([...await SharedMap.open<string, number>(tab, 'm')]).to.eql([['n', 1]]);
  });

  it('refuse a document of another OT type', async () => {
    types.register(json1);
    const doc = tab.get('local:own', 'json1');
    await doc.subscribe();
    await doc.create({a: 1}, json1.uri);
    expect(await refusal(() => SharedMap.from(doc).ready)).to.equal('ERR_TABS_BAD_OPTION');
  });
});
