import {expect} from 'chai';
import {types} from 'sharedb/lib/client/index.js';
import {stepBetween} from '../../lib/ot/state-step.js';
import {Random} from '../support/random.js';
import {randomData} from './random-json0.js';

const json0 = types.defaultType;
const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

describe('the op from one state to another', () => {
  it('leads there, for random json0 documents', () => {
    const random = new Random(1);
    for (let i = 0; i < 2000; i++) {
      const [from, to] = [randomData(random), randomData(random)];
      const op = stepBetween(json0, copy(from), copy(to));
      // No op makes an object of a list.
      if (op === undefined) expect(Array.isArray(from)).to.not.equal(Array.isArray(to));
      else expect(json0.apply(copy(from), copy(op))).to.eql(to);
    }
  });

  it('keeps concurrent insertions into a text and increments of a number', () => {
    const from = {text: 'one two four', n: 3, list: [1, 2]};
    const to = {text: 'one three four', n: 10, list: [2]};
    const op = stepBetween(json0, from, to);
    const own = [{p: ['text', 12], si: ' five'}, {p: ['n'], na: 1}, {p: ['list', 2], li: 3}];
    expect(json0.apply(copy(to), json0.transform!(own, op, 'right'))).to.eql({text: 'one three four five', n: 11, list: [2, 3]});
  });
});
