import {expect} from 'chai';
import deepEqual from 'fast-deep-equal';
import {types} from 'sharedb/lib/client/index.js';
import {fastType, withFastType} from '../../lib/ot/fast-json0.js';
import {Random} from '../support/random.js';
import {cpuTime} from '../waiting/cpu-time.js';
import {randomData, randomOp, type Op} from './random-json0.js';

/** CI runs `PAIRS=100000 npx mocha test/ot/fast-json0.test.ts`. */
const PAIRS = Number(process.env['PAIRS'] ?? 5000);

type Json0 = typeof types.defaultType & {
  transformX(left: Op, right: Op): [Op, Op];
  compose(op: Op, next: Op): Op;
  invert(op: Op): Op;
};
const json0 = types.defaultType as Json0;
const fast = fastType(json0);

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const applied = (data: unknown, op: Op): unknown => json0.apply(copy(data), op) as unknown;

/** The result of a function, or the fact that it throws. */
function outcome(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return {thrown: (error as Error).message};
  }
}

/** A document that composes each op into its pending one, as ShareDB's client does. */
class Composer {
  type: Json0 | null = json0;

  constructor(public op: Op) {}

  compose(next: Op): void {
    withFastType(this as never, () => { this.op = this.type!.compose(this.op, next); });
  }
}

describe('the fast json0', function () {
  this.timeout(10_000 + PAIRS * 10);

  it(`transforms ${PAIRS} random pairs with the results of json0`, () => {
    for (let seed = 0; seed < PAIRS; seed++) {
      const random = new Random(seed);
      const data = randomData(random);
      const [left, right] = [randomOp(random, data), randomOp(random, data)];
      const before = copy([left, right]);
      const check = (name: string, act: (type: Json0) => unknown): void => {
        const [expected, actual] = [outcome(() => act(json0)), outcome(() => act(fast))];
        if (!deepEqual(actual, expected)) expect({seed, name, data, left, right, result: actual}).to.eql({seed, name, data, left, right, result: expected});
      };
      check('transformX', type => type.transformX(left, right));
      check('left', type => type.transform(left, right, 'left'));
      check('right', type => type.transform(left, right, 'right'));
      if (!deepEqual([left, right], before)) expect([seed, left, right]).to.eql([seed, ...before]);
    }
  });

  it(`transforms ${PAIRS} random pairs of edits of texts with the results of json0`, () => {
    const paths = [[], ['text'], ['other'], ['texts', 0], ['texts', 1]];
    const edit = (random: Random): Op => {
      const [path, at, length] = [random.pick(paths), random.below(9), 1 + random.below(4)];
      return [{p: [...path, at], ...(random.below(2) ? {si: 'xyzt'.slice(0, length)} : {sd: 'abcdefgh'.slice(at, at + length)})}];
    };
    for (let seed = 0; seed < PAIRS; seed++) {
      const random = new Random(seed);
      const [left, right] = [edit(random), edit(random)];
      const results = [json0, fast].map(type => [
        outcome(() => type.transformX(left, right)), outcome(() => type.transform(left, right, 'left')), outcome(() => type.transform(left, right, 'right'))
      ]);
      if (!deepEqual(results[1], results[0])) expect({seed, left, right, results: results[1]}).to.eql({seed, left, right, results: results[0]});
    }
  });

  it('transforms 100,000 pairs of characters that are typed into a text in a moment', () => {
    const start = cpuTime();
    for (let i = 0; i < 100_000; i++) fast.transformX([{p: ['text', i], si: 'a'}], [{p: ['text', 7], si: 'b'}]);
    expect(cpuTime() - start).to.be.below(500);
  });

  it('ends with the server\'s state, if one op replaces, without its removed data, what the other one removes', () => {
    const data = {x: 'before', list: [{y: 0}]};
    const replaced: Op = [{p: ['list', 0, 'y'], oi: 1}, {p: ['x'], oi: 'after'}];
    const removed: Op = [{p: ['x'], od: 'before'}, {p: ['list', 0, 'y'], od: 0}];
    for (const [ours, theirs] of [[replaced, removed], [removed, replaced]] as const) {
      const server = applied(applied(data, theirs), json0.transform(ours, theirs, 'left'));
      const [, right] = fast.transformX(ours, theirs);
      expect(applied(applied(data, ours), right)).to.eql(server);
      expect(applied(applied(data, ours), fast.transform(theirs, ours, 'right'))).to.eql(server);
    }
  });

  it(`composes ${PAIRS} random pairs to ops that do and undo the same`, () => {
    // Only long ops are composed by key.
    const others: Op = Array.from({length: 40}, (_, i) => ({p: [`other ${i}`], oi: i}));
    for (let seed = 0; seed < PAIRS; seed++) {
      const random = new Random(seed);
      const data = randomData(random);
      const isLong = !Array.isArray(data) && random.below(4) > 0;
      const op = [...randomOp(random, data), ...(isLong ? others : [])];
      const next = randomOp(random, applied(data, op));
      const last = randomOp(random, applied(applied(data, op), next));
      const before = copy([op, next, last]);
      const composed = [json0, fast].map(type => type.compose(type.compose(op, next), last));
      const end = applied(applied(applied(data, op), next), last);
      const results = composed.map(one => [applied(data, one), applied(end, json0.invert(one)), isLong || one]);
      if (!deepEqual(results[1], results[0])) expect({seed, data, op, next, last, composed: composed[1], results: results[1]})
        .to.eql({seed, data, op, next, last, composed: composed[0], results: results[0]});
      if (!deepEqual([op, next, last], before)) expect([seed, op, next, last]).to.eql([seed, ...before]);
    }
  });

  it(`composes random ops of one turn to a pending op that does, undoes and transforms the same, ${Math.ceil(PAIRS / 50)} times`, () => {
    const others: Op = Array.from({length: 40}, (_, i) => ({p: [`other ${i}`], oi: i}));
    for (let seed = 0; seed < PAIRS / 50; seed++) {
      const random = new Random(seed);
      const data = Object.fromEntries(Object.entries(randomData(random) as object));
      const concurrent = randomOp(random, data);
      let [at, expected]: [unknown, Op] = [applied(data, others), others];
      const doc = new Composer(others);
      const given: [Op, Op][] = [[others, copy(others)]];
      for (let count = 0; count < 12; count++) {
        // Keys that the pending op sets are removed again, too.
        const key = `other ${random.below(40)}`;
        const value = (at as Record<string, unknown>)[key];
        const next: Op = random.below(2) ? randomOp(random, at) : [{p: [key], ...(value === undefined ? {oi: count} : {od: value})}];
        given.push([next, copy(next)]);
        doc.compose(next);
        expected = json0.compose(expected, next);
        at = applied(at, next);
      }
      const results = [expected, doc.op].map(op => [applied(data, op), applied(at, json0.invert(op))]);
      if (!deepEqual(results[1], results[0])) expect({seed, data, given, op: doc.op, results: results[1]}).to.eql({seed, data, given, op: expected, results: results[0]});
      const transformed = [json0, fast].map(type => outcome(() => type.transformX(doc.op, concurrent)));
      if (!deepEqual(transformed[1], transformed[0])) expect({seed, op: doc.op, concurrent, transformed: transformed[1]}).to.eql({seed, op: doc.op, concurrent, transformed: transformed[0]});
      for (const [op, before] of given) if (!deepEqual(op, before)) expect({seed, op}).to.eql({seed, op: before});
    }
  });

  it('composes 40,000 ops of one turn in a moment', () => {
    const doc = new Composer([]);
    const start = cpuTime();
    for (let i = 0; i < 20_000; i++) doc.compose([{p: [`key ${i}`], oi: i}]);
    for (let i = 0; i < 20_000; i += 2) doc.compose([{p: [`key ${i}`], od: i}]);
    for (let i = 1; i < 20_000; i += 2) doc.compose([{p: [`key ${i}`], od: i, oi: -i}]);
    expect(cpuTime() - start).to.be.below(1500);
    expect(doc.op.length).to.equal(10_000);
    expect(applied({}, doc.op)).to.eql(Object.fromEntries(Array.from({length: 10_000}, (_, i) => [`key ${2 * i + 1}`, -2 * i - 1])));
  });

  it('leaves the pending op of another document alone', () => {
    const [doc, other] = [new Composer([]), new Composer([])];
    for (let i = 0; i < 50; i++) doc.compose([{p: [`key ${i}`], oi: i}]);
    const sent = doc.op;
    const before = copy(sent);
    other.op = sent;
    other.compose([{p: ['key'], oi: 1}]);
    fast.compose(sent, [{p: ['key'], oi: 2}]);
    expect(sent).to.eql(before);
    expect([doc.op.length, other.op.length]).to.eql([50, 51]);
  });

  it('transforms two ops of 1,000 keys each in a moment', () => {
    const op = (value: string): Op => Array.from({length: 1000}, (_, i) => ({p: [`key ${i}`], oi: value}));
    const [left, right] = [op('left'), op('right')];
    const start = cpuTime();
    const [newLeft, newRight] = fast.transformX(left, right);
    expect(cpuTime() - start).to.be.below(500);
    expect(newLeft[999]).to.eql({p: ['key 999'], od: 'right', oi: 'left'});
    expect(newRight).to.eql([]);
  });

  it('composes 1,000 ops of one key each in a moment, and keeps one component for each key', () => {
    let op: Op = [];
    const start = cpuTime();
    for (let i = 0; i < 2000; i++) {
      const key = `key ${i % 1000}`;
      op = fast.compose(op, [i < 1000 ? {p: [key], oi: i} : {p: [key], od: i - 1000, oi: i}]);
    }
    expect(cpuTime() - start).to.be.below(500);
    expect(op.length).to.equal(1000);
    expect(op[0]).to.eql({p: ['key 0'], oi: 1000});
  });

  it('has the name and URI of json0, and does not change other types', () => {
    expect([fast.name, fast.uri, fastType(fast)]).to.eql(['json0', json0.uri, fast]);
    const other = {...json0, uri: 'another'};
    expect([fastType(other), fastType(null)]).to.eql([other, null]);
  });

  it('refuses components without a path, as json0 does', () => {
    for (const act of [(type: Json0) => type.compose([], [{} as never]), (type: Json0) => type.transformX([{p: ['a'], oi: 1}], [{} as never, {} as never])]) {
      expect(outcome(() => act(fast))).to.eql(outcome(() => act(json0)));
    }
  });
});
