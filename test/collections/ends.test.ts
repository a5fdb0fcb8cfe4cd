import {expect} from 'chai';
import {SharedMap, SharedQueue, SharedRecord, transaction} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';
import {eachWithTwoTabs} from './stage.js';

const codeOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(value => ({value}), (error: unknown) => (error as {code?: unknown}).code);

async function allOf<E>(events: AsyncIterable<E>): Promise<E[]> {
  const all: E[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('the end of a collection', () => {
  let tab: ProxyConnection;
  let other: ProxyConnection;
  eachWithTwoTabs((...all) => { [tab, other] = all; });

  it('deletes all keys of a record, also those that a new record has', async () => {
    const options = {initial: {same: 0, changed: 0}};
    const [mine, theirs] = [await SharedRecord.open(tab, 'r', options), await SharedRecord.open(other, 'r', options)];
    mine.set('changed', 1);
    await until('it is there', () => theirs.get('changed') === 1);
    const watchers = [mine.watchAll(), theirs.watchAll()];
    await mine.destroy();
    for (const watcher of watchers) {
      expect((await allOf(watcher)).map(({type, key, oldValue}) => [type, key, oldValue])).to.eql([['delete', 'same', 0], ['delete', 'changed', 1]]);
    }
  });

  it('is emitted for the keys in all documents of a map', async () => {
    const [mine, theirs] = [await SharedMap.open<string, number>(tab, 'm', {shards: 4}), await SharedMap.open<string, number>(other, 'm', {shards: 4})];
    mine.setMany(Array.from({length: 20}, (_, i) => [`key ${i}`, i]));
    await until('it is there', () => theirs.size === 20);
    const watchers = [mine.watchAll(), theirs.watchAll()];
    await mine.destroy();
    for (const watcher of watchers) expect((await allOf(watcher)).filter(({type}) => type === 'delete')).to.have.length(20);
  });

  it('ends the calls that wait for an item in another view of a queue', async () => {
    const [mine, theirs, view] = [await SharedQueue.open<number>(tab, 'q'), await SharedQueue.open<number>(other, 'q'), await SharedQueue.open<number>(tab, 'q')];
    const waiting = [codeOf(theirs.dequeue()), codeOf(view.take()), codeOf(allOf(theirs))];
    await theirs.tryDequeue();
    await mine.destroy();
    expect(await Promise.all(waiting)).to.eql(['ERR_TABS_CLOSED', 'ERR_TABS_CLOSED', {value: []}]);
  });

  it('follows the end of the connection, for writes', async () => {
    const [map, queue] = [await SharedMap.open<string, number>(tab, 'm'), await SharedQueue.open<number>(tab, 'q')];
    tab.close();
    for (const write of [() => map.set('a', 1), () => queue.enqueue(1)]) expect(write).to.throw().with.property('code', 'ERR_TABS_CLOSED');
    expect([map.size, queue.size]).to.eql([0, 0]);
  });

  it('follows the end of the connection, for transactions that wait and later ones', async () => {
    const map = await SharedMap.open<string, number>(tab, 'm');
    const waiting = codeOf(transaction(tx => (map.has('a') ? 1 : tx.retry()), {timeout: Infinity}));
    await Promise.resolve();
    tab.close();
    expect(await waiting).to.equal('ERR_TABS_CLOSED');
    expect(await codeOf(transaction(() => map.set('a', 1), {timeout: Infinity}))).to.equal('ERR_TABS_CLOSED');
  });
});
