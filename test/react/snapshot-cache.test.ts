import {expect} from 'chai';
import {isDeepStrictEqual} from 'node:util';
import client from 'sharedb/lib/client/index.js';
import {SnapshotCache, shareStructure} from '../../lib/react/snapshot-cache.js';
import {Random} from '../support/random.js';

const json0 = client.types.map['json0']!;

describe('snapshots of data that are changed in place', () => {
  let data: any;
  let cache: SnapshotCache;

  beforeEach(() => {
    data = {title: 'a', cards: [{id: 1, tags: ['x']}, {id: 2, tags: []}], meta: {by: 'me'}};
    cache = new SnapshotCache();
  });

  function submit(op: any[]): any {
    data = json0.apply(data, op);
    cache.invalidatePaths(data, op);
    return cache.take(data);
  }

  it('stay unchanged when the data change', () => {
    const before = cache.take(data) as any;
    const after = submit([{p: ['cards', 0, 'tags', 0], li: 'y'}]);
    expect(before.cards[0].tags).to.eql(['x']);
    expect(after.cards[0].tags).to.eql(['y', 'x']);
  });

  it('share the parts that have not changed', () => {
    const before = cache.take(data) as any;
    const after = submit([{p: ['cards', 0, 'id'], na: 5}]);
    expect(after.cards[0]).not.to.equal(before.cards[0]);
    expect(after.cards[0].tags).to.equal(before.cards[0].tags);
    expect(after.cards[1]).to.equal(before.cards[1]);
    expect(after.meta).to.equal(before.meta);
  });

  it('keep each item of a list when items are inserted and moved', () => {
    const before = cache.take(data) as any;
    const after = submit([{p: ['cards', 0], li: {id: 3, tags: []}}, {p: ['cards', 2], lm: 0}]);
    expect(after.cards.map((card: any) => card.id)).to.eql([2, 3, 1]);
    expect(after.cards[0]).to.equal(before.cards[1]);
    expect(after.cards[2]).to.equal(before.cards[0]);
  });

  it('are the same object if an equal state is loaded', () => {
    const before = cache.take(data);
    cache.invalidate();
    expect(cache.take(JSON.parse(JSON.stringify(data)))).to.equal(before);
  });

  it('treat a key named __proto__ as data', () => {
    const snapshot = cache.take(JSON.parse('{"__proto__": {"polluted": true}}')) as any;
    expect(Object.keys(snapshot)).to.eql(['__proto__']);
    expect(snapshot.polluted).to.equal(undefined);
  });

  it('equal the data after each of 5,000 random ops, and no earlier one changes', () => {
    const random = new Random(7);
    data = {list: [], map: {}};
    const kept: [snapshot: unknown, json: string][] = [];
    for (let i = 0; i < 5_000; i++) {
      const op: any[] = [];
      // A component follows from what those before it have made of the data.
      for (let part = random.below(3); part >= 0; part--) {
        const component = anyComponent(random, data, i);
        data = json0.apply(data, [component]);
        op.push(component);
      }
      cache.invalidatePaths(data, op);
      const snapshot = cache.take(data);
      // Much quicker than chai's comparison, which then tells the difference.
      if (!isDeepStrictEqual(snapshot, data)) expect(snapshot, `after op ${i}`).to.eql(data);
      if (i % 10 === 0) kept.push([snapshot, JSON.stringify(data)]);
    }
    for (const [snapshot, json] of kept) expect(JSON.stringify(snapshot)).to.equal(json);
  }).timeout(60_000);
});

function anyComponent(random: Random, data: any, value: number): any {
  const {list, map} = data;
  const key = `k${random.below(5)}`;
  const at = random.below(list.length || 1);
  switch (random.below(6)) {
    case 0: return {p: ['list', at], li: {value, deep: {of: [value]}}};
    case 1: return list.length > 20 ? {p: ['list', at], ld: structuredClone(list[at])} : {p: ['list', 0], li: {value}};
    case 2: return list.length ? {p: ['list', at], lm: random.below(list.length)} : {p: ['list', 0], li: {value}};
    case 3: return list.length ? {p: ['list', at, 'value'], na: 1} : {p: ['list', 0], li: {value}};
    case 4: return map[key] === undefined
      ? {p: ['map', key], oi: {value}} : {p: ['map', key], od: structuredClone(map[key]), oi: {value: random.below(2)}};
    default: return map[key] === undefined ? {p: ['map', key], oi: {value}} : {p: ['map', key, 'value'], na: 1};
  }
}

describe('structural sharing of two values', () => {
  it('returns the earlier value if they are equal', () => {
    const last = {a: [1, {b: 2}]};
    expect(shareStructure(last, {a: [1, {b: 2}]})).to.equal(last);
  });

  it('keeps equal parts, and the order and length of the later one', () => {
    const last = {a: {x: 1}, b: [1, 2, 3]};
    const shared = shareStructure(last, {a: {x: 1}, b: [1, 2]} as typeof last);
    expect(shared).to.eql({a: {x: 1}, b: [1, 2]});
    expect(shared.a).to.equal(last.a);
  });

  it('returns the later value itself if nothing is equal', () => {
    const next = {c: {d: 1}};
    expect(shareStructure({a: 1}, next)).to.equal(next);
  });
});
