import {expect} from 'chai';
import {types} from 'sharedb/lib/client/index.js';
import {dryRun} from '../../lib/ot/dry-run.js';
import type {Json0Component} from '../../lib/ot/json0-values.js';
import {Random} from '../support/random.js';

const json0 = types.map['json0']!;

describe('a json0 op that is tried', () => {
  const copyOf = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

  function someComponent(random: Random): Json0Component {
    const key = (): string | number => random.pick<string | number>(['a', 'b', 'l', 0, 1, 2]);
    const p = random.pick([Array.from({length: random.below(4)}, key), ['l', random.below(4)], ['l', 0, 1], ['a', 'x']]);
    const value = random.pick<unknown>([1, 'text', [1, [2]], {a: {b: 1}, l: [3]}]);
    return {p, ...random.pick<object>([{oi: value}, {od: 1}, {od: 1, oi: value}, {li: value}, {ld: 1}, {ld: 1, li: value}, {lm: 1}, {na: 1}, {si: 'x'}, {t: 'text0', o: [{p: 0, i: 'x'}]}])};
  }

  it('fails as the real op would, and the data stay unchanged', () => {
    const random = new Random(Number(process.env['SEED'] ?? 1));
    let failures = 0;
    for (let n = 0; n < 1000; n++) {
      const data = {a: {a: {b: 1}, l: [1, [2], 'text']}, b: 'text', l: [[1, {a: 1}], {b: 'text', l: [1]}, 3]};
      const op = Array.from({length: 1 + random.below(3)}, () => someComponent(random));
      let error: Error | undefined;
      try {
        json0.apply(copyOf(data), copyOf(op) as never);
      } catch (thrown) {
        error = thrown as Error;
      }
      const before = JSON.stringify(data);
      expect(dryRun(json0, op, data)?.message, JSON.stringify(op)).to.equal(error?.message);
      expect(JSON.stringify(data), JSON.stringify(op)).to.equal(before);
      if (error) failures++;
    }
    expect(failures).to.be.within(100, 900);
  });

  it('does not take longer because of data that it does not change', () => {
    const untouched = {toJSON: () => { throw new Error('It was copied'); }};
    const queue = {q: [untouched, untouched], l: {a: untouched}};
    expect(dryRun(json0, [{p: ['q', 0], ld: 1}, {p: ['l', 'b'], oi: 1}], queue)).to.equal(undefined);
    expect(dryRun(json0, [{p: [0], ld: 1}, {p: [1], li: 1}], [untouched, untouched])).to.equal(undefined);
    expect(queue.q).to.have.length(2);
  });
});
