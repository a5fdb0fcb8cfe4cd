import {expect} from 'chai';
import {SharedArray, SharedMap} from '../../lib/collections.js';
import {until} from '../waiting/until.js';
import {CollectionsStage} from './stage.js';

type Act<C> = (shared: C) => void;
type NumberMap = SharedMap<string, number>;

/** The result of two writes at once: the first tab's op is the first in the host's order. */
describe('concurrent writes', () => {
  let stage: CollectionsStage;
  beforeEach(() => { stage = new CollectionsStage(); });
  afterEach(() => {
    stage.close();
    expect(stage.errors).to.eql([]);
  });

  async function both<C extends SharedArray<string> | NumberMap>(all: C[], begin: Act<C>, [first, second]: [Act<C>, Act<C>]): Promise<unknown> {
    const shown = (): string[] => all.map(one => JSON.stringify(one instanceof SharedMap ? Object.fromEntries([...one].sort()) : one.toArray()));
    begin(all[0]!);
    await until('both have the beginning', () => new Set(shown()).size === 1);
    first(all[0]!);
    second(all[1]!);
    await stage.quiet();
    await until('both show the same', () => new Set(shown()).size === 1);
    return JSON.parse(shown()[0]!);
  }

  const maps: [title: string, first: Act<NumberMap>, second: Act<NumberMap>, result: object][] = [
    ['set and set: the second', map => map.set('a', 5), map => map.set('a', 6), {a: 6, b: 2}],
    ['add and add of a key: the second', map => map.set('new', 5), map => map.set('new', 6), {a: 1, b: 2, new: 6}],
    ['set and delete: the value that was set', map => map.set('a', 5), map => map.delete('a'), {a: 5, b: 2}],
    ['delete and set: the value that was set', map => map.delete('a'), map => map.set('a', 5), {a: 5, b: 2}],
    ['increment and increment: the sum', map => map.increment('a', 2), map => map.increment('a', 3), {a: 6, b: 2}],
    ['increment and set: the set', map => map.increment('a', 2), map => map.set('a', 9), {a: 9, b: 2}],
    ['clear and a new key: the new key', map => map.clear(), map => map.set('new', 5), {new: 5}],
    ['clear and set of an old key: the value that was set', map => map.clear(), map => map.set('a', 5), {a: 5}],
    ['delete and delete: gone', map => map.delete('a'), map => map.delete('a'), {b: 2}]
  ];
  for (const [title, first, second, result] of maps) {
    it(`of a map: ${title}`, async () => {
      const all = await Promise.all([stage.openTab(), stage.openTab()].map(tab => SharedMap.open<string, number>(tab, 'm')));
      expect(await both(all, map => map.setMany([['a', 1], ['b', 2]]), [first, second])).to.eql(result);
    });
  }

  const arrays: [title: string, first: Act<SharedArray<string>>, second: Act<SharedArray<string>>, result: string[]][] = [
    ['set and set of an index: the second', list => list.set(1, 'x'), list => list.set(1, 'y'), ['a', 'y', 'c']],
    ['set and delete: the value that was set', list => list.set(1, 'x'), list => list.splice(1, 1), ['a', 'x', 'c']],
    ['push and push: both, the second first', list => list.push('x'), list => list.push('y'), ['a', 'b', 'c', 'y', 'x']],
    ['pop and pop: one is gone', list => list.pop(), list => list.pop(), ['a', 'b']],
    ['move and set: moved and set', list => list.move(0, 2), list => list.set(0, 'x'), ['b', 'c', 'x']],
    ['move and move: the second', list => list.move(0, 2), list => list.move(0, 1), ['b', 'a', 'c']],
    ['move and delete: gone', list => list.move(0, 2), list => list.shift(), ['b', 'c']],
    ['a removed range and an insertion in it: the insertion', list => list.splice(0, 3), list => list.splice(1, 0, 'x'), ['x']]
  ];
  for (const [title, first, second, result] of arrays) {
    it(`of an array: ${title}`, async () => {
      const all = await Promise.all([stage.openTab(), stage.openTab()].map(tab => SharedArray.open<string>(tab, 'a')));
      expect(await both(all, list => list.push('a', 'b', 'c'), [first, second])).to.eql(result);
    });
  }
});
