import {expect} from 'chai';
import {changedBefore, corrected, statesRemoved, type Json0Component} from '../../lib/ot/json0-values.js';
import {Random} from '../support/random.js';
import {cpuTime} from '../waiting/cpu-time.js';
import {randomData, randomOp} from './random-json0.js';

type Path = Json0Component['p'];

const startsWith = (path: Path, start: Path): boolean => start.every((key, i) => path[i] === key);

/** The definition, for each pair of components: a change of a list may move all of its elements. */
function mayHaveChanged({p, li, ld, lm}: Json0Component, path: Path): boolean {
  const isInList = li !== undefined || ld !== undefined || lm !== undefined;
  return startsWith(path, isInList ? p.slice(0, -1) : p) || startsWith(p, path);
}

describe('the components of a json0 op', () => {
  it('count as changed by earlier ones exactly if one of these is at, above or below their path', () => {
    let count = 0;
    for (let seed = 0; seed < 3000; seed++) {
      const random = new Random(seed);
      const data = randomData(random);
      const op = [...randomOp(random, data), ...randomOp(random, data)] as Json0Component[];
      const expected = op.map(({p}, i) => op.slice(0, i).some(earlier => mayHaveChanged(earlier, p)));
      expect(changedBefore(op).slice(0, op.length), JSON.stringify(op)).to.eql(expected);
      count += expected.filter(Boolean).length;
    }
    expect(count).to.be.above(1000);
  });

  it('are checked in a moment, if there are 20,000', () => {
    const keys = Array.from({length: 20_000}, (_, i) => `key ${i}`);
    const start = cpuTime();
    expect(statesRemoved(keys.map((key, i) => ({p: [key], oi: i})), {})).to.equal(true);
    const data = Object.fromEntries(keys.map((key, i) => [key, i]));
    expect(corrected(keys.map(key => ({p: [key], od: 'wrong', oi: 0})), data)[7]).to.eql({p: ['key 7'], od: 7, oi: 0});
    expect(cpuTime() - start).to.be.below(5000);
  });
});
