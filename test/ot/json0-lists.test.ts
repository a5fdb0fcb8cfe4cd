import {expect} from 'chai';
import {types} from 'sharedb/lib/client/index.js';
import {transformLists} from '../../lib/ot/json0-lists.js';
import {Random} from '../support/random.js';

const json0 = types.map['json0'] as unknown as {transformX(left: unknown, right: unknown): unknown[]};
const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

function changes(random: Random, length: number): object[] {
  return Array.from({length}, () => {
    const value = random.pick([1, 2, 'word', null, {a: 1}, [2]]);
    return {p: ['lists', 0, random.below(4)], ...(random.below(2) ? {li: value} : {ld: value})};
  });
}

describe('changes of one list', () => {
  it('are transformed as json0 does it', () => {
    for (let seed = 1; seed <= 3000; seed++) {
      const random = new Random(seed);
      const [left, right] = [changes(random, 1 + random.below(6)), changes(random, 1 + random.below(6))];
      const before = copy([left, right]);
      expect(copy(transformLists(left as [], right as [])), `seed ${seed}`).to.eql(json0.transformX(copy(left), copy(right)));
      expect([left, right]).to.eql(before);
    }
  });

  it('are not, if they contain other components or other paths', () => {
    const one = [{p: ['list', 1], li: 'a'}];
    const others: {p: (string | number)[]; [what: string]: unknown}[] = [
      {p: ['other', 1], li: 'a'}, {p: ['list', 1, 0], li: 'a'}, {p: ['list', 1], li: 'a', ld: 'b'}, {p: ['list', 1], lm: 2}, {p: ['list', '1'], li: 'a'},
      {p: ['list', 1], na: 1}, {p: ['list'], oi: 1}, {p: [], oi: 1}
    ];
    for (const other of others) {
      expect(transformLists(one, [other]), JSON.stringify(other)).to.equal(undefined);
      expect(transformLists([other], one), JSON.stringify(other)).to.equal(undefined);
    }
    expect(transformLists([], one)).to.equal(undefined);
  });
});
