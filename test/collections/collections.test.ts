import {expect} from 'chai';
import {SharedArray, SharedMap, SharedRecord} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';
import {turn} from '../waiting/node-turn.js';
import {CollectionsStage, rejection} from './stage.js';

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return (error as {code?: string}).code ?? (error as Error).name;
  }
  return 'nothing';
};

describe('shared collections', () => {
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

  describe('in several tabs', () => {
    it('show the writes of another tab, without a server', async () => {
      const [mine, theirs] = await Promise.all([tab, stage.openTab()].map(one => SharedMap.open<string, number>(one, 'scores')));
      mine!.set('ann', 1);
      expect(mine!.get('ann')).to.equal(1);
      await until('the other tab has it', () => theirs!.get('ann') === 1);
      theirs!.delete('ann');
      await until('it is gone', () => !mine!.has('ann'));
      expect(stage.sent).not.to.include('scores');
    });

    it('may be opened by all of them at once', async () => {
      const tabs = [tab, ...Array.from({length: 4}, () => stage.openTab())];
      const maps = await Promise.all(tabs.map(one => SharedMap.open<string, number>(one, 'at once')));
      maps.forEach((map, i) => map.set(`tab ${i}`, i));
      await until('all have all', () => maps.every(map => map.size === 5));
    });

    it('survive a restart', async () => {
      const map = await SharedMap.open<string, number>(tab, 'kept');
      const list = await SharedArray.open<string>(tab, 'kept');
      const record = await SharedRecord.open<{a: number; b?: string}>(tab, 'kept', {initial: {a: 1}});
      map.set('one', 1);
      list.push('a', 'b');
      record.set('b', 'x');
      await Promise.all([map.flush(), list.flush(), record.flush()]);
      await stage.restart();
      tab = stage.openTab();
      expect([...await SharedMap.open(tab, 'kept')]).to.eql([['one', 1]]);
      expect([...await SharedArray.open(tab, 'kept')]).to.eql(['a', 'b']);
      expect((await SharedRecord.open(tab, 'kept', {initial: {a: 7}})).toObject()).to.eql({a: 1, b: 'x'});
    });

    it('continue when the host dies', async () => {
      const [mine, theirs] = await Promise.all([tab, stage.openTab()].map(one => SharedMap.open<string, number>(one, 'scores')));
      mine!.set('before', 1);
      stage.replaceHost();
      mine!.set('after', 2);
      await until('the other tab has both', () => theirs!.get('before') === 1 && theirs!.get('after') === 2);
    });

    it('of one name and different kinds are separate', async () => {
      const map = await SharedMap.open<string, number>(tab, 'x');
      const list = await SharedArray.open<number>(tab, 'x');
      map.set('a', 1);
      list.push(2);
      expect([[...map], [...list]]).to.eql([[['a', 1]], [2]]);
    });
  });

  describe('a map', () => {
    it('has the members of Map', async () => {
      const map = await SharedMap.open<string, number>(tab, 'map');
      map.setMany([['a', 1], ['b', 2], ['a', 3]]);
      expect([map.size, [...map], [...map.keys()], [...map.values()], [...map.getMany(['a', 'x'])]])
        .to.eql([2, [['a', 3], ['b', 2]], ['a', 'b'], [3, 2], [['a', 3]]]);
      const seen: unknown[] = [];
      map.forEach((value, key) => seen.push([key, value]));
      expect(seen).to.eql([['a', 3], ['b', 2]]);
      expect([map.delete('a'), map.delete('a'), map.deleteMany(['b', 'c']), map.size]).to.eql([true, false, 1, 0]);
      map.set('x', 1);
      map.clear();
      expect(map.size).to.equal(0);
    });

    it('keeps keys of all kinds separate', async () => {
      const keys = ['1', 1, 'true', true, false, -0.5, '', '0', '__proto__', 'constructor', 'toString', 'valueOf', '\0n1', '\0shards', 'é', '4294967296'];
      const [mine, theirs] = await Promise.all([tab, stage.openTab()].map(one => SharedMap.open<string | number | boolean, number>(one, 'keys')));
      keys.forEach((key, i) => mine!.set(key, i));
      expect(mine!.size).to.equal(keys.length);
      await until('they are here', () => theirs!.size === keys.length);
      expect([...theirs!]).to.eql(keys.map((key, i) => [key, i]));
      expect(keys.map(key => theirs!.get(key))).to.eql(keys.map((_, i) => i));
    });

    it('refuses keys and values that can\'t be stored, and changes nothing', async () => {
      const map = await SharedMap.open<any, any>(tab, 'map', {limits: {maxEntries: 3, maxValueChars: 100, maxKeyLength: 5, maxChars: 200}});
      const cycle: Record<string, unknown> = {};
      cycle['self'] = cycle;
      for (const value of [undefined, NaN, Infinity, () => {}, Symbol('x'), new Date(), new Map(), new (class A {})(), {a: [undefined]}, cycle, 1n]) {
        expect(codeOf(() => map.set('a', value))).to.equal('ERR_TABS_BAD_VALUE');
      }
      for (const key of [NaN, undefined, null, {}, Symbol('x')]) expect(codeOf(() => map.set(key, 1))).to.equal('ERR_TABS_BAD_KEY');
      expect(codeOf(() => map.set('long key', 1))).to.equal('ERR_TABS_LIMIT');
      expect(codeOf(() => map.set('a', 'x'.repeat(100)))).to.equal('ERR_TABS_LIMIT');
      expect(codeOf(() => map.setMany([['a', 1], ['b', 1], ['c', 1], ['d', 1]]))).to.equal('ERR_TABS_LIMIT');
      expect(codeOf(() => map.setMany([['a', 'x'.repeat(90)], ['b', 'x'.repeat(90)], ['c', 'x'.repeat(90)]]))).to.equal('ERR_TABS_LIMIT');
      expect(codeOf(() => map.increment('a'))).to.equal('ERR_TABS_BAD_VALUE');
      expect(map.size).to.equal(0);
      const error = await rejection(Promise.resolve().then(() => map.set('a', {b: [1, new Date()]})));
      expect([error.path, error.message]).to.eql([['b', 1], error.message]);
      expect(error.message).to.match(/map "map", "a": a Date at b\.1/);
    });

    it('adds up concurrent increments of tabs', async () => {
      const maps = await Promise.all([tab, stage.openTab(), stage.openTab()].map(one => SharedMap.open<string, number>(one, 'sums')));
      maps[0]!.set('n', 0);
      await until('all have it', () => maps.every(map => map.has('n')));
      for (let i = 0; i < 20; i++) for (const map of maps) map.increment('n', 2);
      await until('the sum is right', () => maps.every(map => map.get('n') === 120));
    });

    it('is stored in several documents', async () => {
      const [mine, theirs] = await Promise.all([tab, stage.openTab()].map(one => SharedMap.open<string, number>(one, 'wide', {shards: 4})));
      mine!.setMany(Array.from({length: 50}, (_, i) => [`key ${i}`, i]));
      await until('all are here', () => theirs!.size === 50);
      expect(new Map(theirs!).get('key 7')).to.equal(7);
      expect((await rejection(SharedMap.open(stage.openTab(), 'wide', {shards: 2}))).code).to.equal('ERR_TABS_BAD_OPTION');
      theirs!.clear();
      await until('it is empty', () => mine!.size === 0 && [...mine!].length === 0);
    });

    it('stores values that JSON can\'t represent with a codec', async () => {
      const codec = {encode: (date: Date) => date.getTime(), decode: (json: unknown) => new Date(json as number)};
      const map = await SharedMap.open<string, Date>(tab, 'dates', {codec});
      map.set('a', new Date(5));
      expect(map.get('a')).to.eql(new Date(5));
      expect([...map.values()]).to.eql([new Date(5)]);
    });

    it('stores copies of values', async () => {
      const map = await SharedMap.open<string, {n: number}>(tab, 'copies');
      const value = {n: 1};
      map.set('a', value);
      value.n = 2;
      expect(map.get('a')).to.eql({n: 1});
    });

    it('updates its memory count with each op', async () => {
      const map = await SharedMap.open<string, unknown>(tab, 'memory');
      const exact = (): number => 2 * JSON.stringify(Object.fromEntries(map)).length;
      expect(map.memory).to.equal(exact());
      map.set('a', 'x'.repeat(1000));
      map.setMany([['b', {c: [1, 2, 3]}], ['d', null]]);
      map.set('a', 'y');
      map.delete('d');
      expect(Math.abs(map.memory - exact())).to.be.below(20);
    });
  });

  describe('an array', () => {
    it('has the members of arrays', async () => {
      const list = await SharedArray.open<string>(tab, 'list');
      expect([list.push('a', 'b', 'c'), list.unshift('z'), list.length]).to.eql([3, 4, 4]);
      expect([list.pop(), list.shift(), list.get(0), list.at(-1), list.get(7)]).to.eql(['c', 'z', 'a', 'b', undefined]);
      expect(list.splice(1, 1, 'x', 'y')).to.eql(['b']);
      list.move(0, 2);
      list.set(3, 'end');
      list.set(0, 'first');
      expect([list.toArray(), list.slice(1, 3), [...list.entries()][1]]).to.eql([['first', 'y', 'a', 'end'], ['y', 'a'], [1, 'y']]);
      expect([codeOf(() => list.set(9, 'x')), codeOf(() => list.move(0, 4)), codeOf(() => list.set(-1, 'x'))]).to.eql(['RangeError', 'RangeError', 'RangeError']);
      list.clear();
      expect([...list]).to.eql([]);
      expect(list.pop()).to.equal(undefined);
    });

    it('merges a move and a change of one element', async () => {
      const [mine, theirs] = await Promise.all([tab, stage.openTab()].map(one => SharedArray.open<string>(one, 'list')));
      mine!.push('a', 'b', 'c');
      await until('both have it', () => theirs!.length === 3);
      mine!.move(0, 2);
      theirs!.set(0, 'changed');
      await until('both are there', () => [mine!, theirs!].every(list => list.at(2) === 'changed' && list.length === 3));
    });
  });

  it('a record can be written in part', async () => {
    const record = await SharedRecord.open<{a?: number; b?: string; c?: boolean}>(tab, 'record', {initial: {a: 1}});
    record.update({b: 'x', c: undefined});
    record.increment('a', 2);
    expect(record.toObject()).to.eql({a: 3, b: 'x'});
    record.assign({b: undefined, c: true});
    expect([record.toObject(), record.keys(), record.values(), record.delete('b'), record.get('c')]).to.eql([{a: 3, c: true}, ['a', 'c'], [3, true], false, true]);
  });

  it('a view of an app\'s own document stays the app\'s', async () => {
    const doc = tab.get('local:boards', 'one');
    await doc.subscribe();
    await doc.create({0: 'zero', a: {b: 1}});
    const map = SharedMap.from<string, any>(doc);
    expect([map.isReady, map.get('0'), map.size, map.scope]).to.eql([true, 'zero', 2, 'local']);
    map.set('1', 'one');
    doc.submitOp([{p: ['a', 'b'], na: 1}]);
    expect(doc.data).to.eql({0: 'zero', 1: 'one', a: {b: 2}});
    await map.close();
    expect(doc.data).to.have.property('a');
    expect(doc.subscribed).to.equal(true);
    expect((await rejection(SharedArray.from(doc).ready)).code).to.equal('ERR_TABS_BAD_OPTION');
  });

  describe('their life', () => {
    it('begins when they are loaded', async () => {
      const map = new SharedMap<string, number>(tab, 'early');
      expect(codeOf(() => map.get('a'))).to.equal('ERR_TABS_NOT_READY');
      expect(codeOf(() => map.set('a', 1))).to.equal('ERR_TABS_NOT_READY');
      expect(await map.ready).to.equal(map);
      expect(map.isReady).to.equal(true);
    });

    it('ends for one view by close', async () => {
      const [one, two] = [await SharedMap.open<string, number>(tab, 'views'), await SharedMap.open<string, number>(tab, 'views')];
      await one.close();
      await one.close();
      two.set('a', 1);
      expect([codeOf(() => one.get('a')), two.get('a')]).to.eql(['ERR_TABS_CLOSED', 1]);
      await two[Symbol.asyncDispose]();
      const again = await SharedMap.open<string, number>(tab, 'views');
      expect(again.get('a')).to.equal(1);
    });

    for (const scope of ['local', 'synced'] as const) {
      for (const hasWritten of [false, true]) {
        it(`goes on in a view that is opened while the last one is closed, ${scope}${hasWritten ? ', with a write under way' : ''}`, async () => {
          stage.close();
          stage = new CollectionsStage({online: true});
          const [mine, other] = [stage.openTab(), stage.openTab()];
          const theirs = await SharedMap.open<string, number>(other, 'again', {scope});
          const first = await SharedMap.open<string, number>(mine, 'again', {scope});
          if (hasWritten) first.set('a', 1);
          const closing = first.close();
          const second = await SharedMap.open<string, number>(mine, 'again', {scope});
          await closing;
          second.set('b', 2);
          await until('it is there', () => theirs.get('b') === 2);
          theirs.set('c', 3);
          await until('it is here', () => second.get('c') === 3);
          expect(second.has('a')).to.equal(hasWritten);
          await Promise.all([second.close(), theirs.close()]);
          expect(mine.getExisting(`${scope === 'local' ? 'local:' : ''}collections`, 'map:again')).to.equal(undefined);
        });
      }
    }

    it('ends in all tabs by destroy, with events', async () => {
      const [mine, theirs] = await Promise.all([tab, stage.openTab()].map(one => SharedMap.open<string, number>(one, 'doomed')));
      mine!.set('a', 1);
      await until('it is here', () => theirs!.has('a'));
      const events = theirs!.watchAll();
      await mine!.destroy();
      const {value} = await events.next();
      expect([value.type, value.key, value.oldValue]).to.eql(['delete', 'a', 1]);
      expect((await events.next()).done).to.equal(true);
      expect(codeOf(() => theirs!.get('a'))).to.equal('ERR_TABS_CLOSED');
      const again = await SharedMap.open<string, number>(tab, 'doomed');
      expect(again.size).to.equal(0);
    });

    it('rejects unknown options', async () => {
      expect(codeOf(() => new SharedMap(tab, ''))).to.equal('ERR_TABS_BAD_OPTION');
      expect(codeOf(() => new SharedMap(tab, 'x', {scope: 'both' as never}))).to.equal('ERR_TABS_BAD_OPTION');
      expect(codeOf(() => new SharedMap(tab, 'x', {shards: 0}))).to.equal('ERR_TABS_BAD_OPTION');
    });
  });

  describe('watching', () => {
    it('begins with the call, and gives old and new values', async () => {
      const map = await SharedMap.open<string, number>(tab, 'watched');
      map.set('before', 0);
      const [all, one] = [map.watchAll(), map.watch('a')];
      map.set('a', 1);
      map.set('b', 2);
      await turn();
      map.set('a', 3);
      await turn();
      const {value} = await one.next();
      expect([value.type, value.oldValue, value.newValue, value.isLocal]).to.eql(['set', undefined, 3, true]);
      const events = [(await all.next()).value, (await all.next()).value];
      expect(events.map(event => [event.key, event.oldValue, event.newValue])).to.eql([['a', undefined, 3], ['b', undefined, 2]]);
    });

    it('buffers no more than the collection, however long nobody reads', async () => {
      const map = await SharedMap.open<string, number>(tab, 'busy');
      const events = map.watchAll();
      for (let i = 0; i < 3000; i++) {
        map.set(`key ${i % 100}`, i);
        if (i % 300 === 0) await turn();
      }
      map.set('gone', 1);
      map.delete('gone');
      await turn();
      await map.close();
      const keys: string[] = [];
      for await (const event of events) keys.push(event.key);
      expect(keys).to.have.length(100);
    });

    it('ends with break, signal and close', async () => {
      const map = await SharedMap.open<string, number>(tab, 'ends');
      const abort = new AbortController();
      const [broken, aborted, closed] = [map.watchAll(), map.watchAll({signal: abort.signal}), map.watchAll()];
      map.set('a', 1);
      for await (const event of broken) {
        expect(event.key).to.equal('a');
        break;
      }
      expect((await broken.next()).done).to.equal(true);
      abort.abort(new Error('enough'));
      expect((await rejection(aborted.next())).message).to.equal('enough');
      expect((await aborted.next()).done).to.equal(true);
      await map.close();
      expect([(await closed.next()).value.key, (await closed.next()).done]).to.eql(['a', true]);
    });

    it('begins with the present content, and omits this tab\'s own changes, on request', async () => {
      const [mine, theirs] = await Promise.all([tab, stage.openTab()].map(one => SharedMap.open<string, number>(one, 'options')));
      mine!.set('a', 1);
      const [immediate, remote] = [mine!.watch('a', {immediate: true}), mine!.watchAll({remoteOnly: true})];
      expect((await immediate.next()).value.newValue).to.equal(1);
      await until('it is here', () => theirs!.has('a'));
      theirs!.set('b', 2);
      expect((await remote.next()).value).to.include({key: 'b', newValue: 2, isLocal: false});
    });

    it('emits each change by on(), after all documents are current', async () => {
      const map = await SharedMap.open<string, number>(tab, 'on');
      const seen: unknown[] = [];
      const stop = map.on(({key, oldValue, newValue}) => seen.push([key, oldValue, newValue]));
      map.set('a', 1);
      map.set('a', 2);
      expect(seen).to.eql([]);
      await turn();
      stop();
      map.set('a', 3);
      await turn();
      expect(seen).to.eql([['a', undefined, 1], ['a', 1, 2]]);
    });

    it('gives the steps of an array, or one new state if they are many', async () => {
      const list = await SharedArray.open<string>(tab, 'steps');
      const [events, index, lazy] = [list.watch(), list.watchIndex(0), list.watch()];
      list.push('a', 'b');
      list.move(0, 1);
      list.set(0, 'c');
      list.splice(0, 2);
      await turn();
      const told = [];
      for (let i = 0; i < 4; i++) told.push((await events.next()).value);
      expect(told.map(({type, index, inserted, deleted, from, to, oldValue, newValue}) => [type, index, inserted, deleted, from, to, oldValue, newValue])).to.eql([
        ['splice', 0, ['a', 'b'], [], undefined, undefined, undefined, undefined],
        ['move', undefined, undefined, undefined, 0, 1, undefined, undefined],
        ['set', 0, undefined, undefined, undefined, undefined, 'b', 'c'],
        ['splice', 0, [], ['c', 'a'], undefined, undefined, undefined, undefined]
      ]);
      for (let i = 0; i < 300; i++) {
        list.push(String(i));
        if (i % 50 === 0) await turn();
      }
      await turn();
      expect((await index.next()).value).to.include({type: 'set', newValue: '0'});
      const {value} = await lazy.next();
      expect([value.type, value.oldValue, value.newValue.length]).to.eql(['reset', [], 300]);
      list.push('more');
      await turn();
      expect((await lazy.next()).value).to.deep.include({type: 'splice', index: 300, inserted: ['more']});
    });

    it('without this tab\'s own steps, merges those of others in an array that both change', async () => {
      const [mine, theirs] = await Promise.all([tab, stage.openTab()].map(one => SharedArray.open<string>(one, 'both')));
      mine!.push(...Array.from({length: 270}, (_, i) => `old ${i}`));
      const before = mine!.toArray();
      const events = mine!.watch({remoteOnly: true});
      await until('it is there', () => theirs!.length === 270);
      for (let i = 0; i < 260; i++) {
        theirs!.set(theirs!.length - 1 - i, `their ${i}`);
        if (i % 100) continue;
        await until('it is here', () => mine!.toArray().includes(`their ${i}`));
        mine!.unshift(`mine ${i}`);
        await until('it is there', () => theirs!.length === mine!.length);
      }
      await until('all is here', () => mine!.toArray().includes('their 259'));
      const {value} = await events.next();
      expect([value.type, value.oldValue, value.newValue]).to.eql(['reset', before, mine!.toArray()]);
      mine!.shift();
      theirs!.push('last');
      expect((await events.next()).value).to.deep.include({type: 'splice', inserted: ['last'], isLocal: false});
    });

    it('reports writes inside a value', async () => {
      const doc = tab.get('local:boards', 'two');
      await doc.subscribe();
      await doc.create({a: {n: 1}});
      const map = SharedMap.from<string, {n: number}>(doc);
      const events = map.watch('a');
      doc.submitOp([{p: ['a', 'n'], na: 1}]);
      const {value} = await events.next();
      expect([value.oldValue, value.newValue]).to.eql([{n: 1}, {n: 2}]);
    });
  });

  it('make several ops of a large batch, in one turn', async () => {
    const [mine, theirs] = await Promise.all([tab, stage.openTab()].map(one => SharedMap.open<number, number>(one, 'large')));
    mine!.setMany(Array.from({length: 2500}, (_, i) => [i, i]));
    expect(mine!.size).to.equal(2500);
    await until('all is here', () => theirs!.size === 2500);
  });
});
