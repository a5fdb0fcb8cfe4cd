import {expect} from 'chai';
import {map, type MapTarget} from '../../lib/tasks/map.js';
import type {Submission} from '../../lib/tasks/submission.js';
import {turn} from '../waiting/turn.js';
import {failureOf} from './failure.js';

interface Unit {
  size: number;
  /** Ends it, after so many ms in the thread. */
  end(ms: number): void;
}

/** A pool of fake threads, whose units end when the test says so. */
function fakeTarget(size: number, onUnit: (unit: Unit) => void): MapTarget {
  return {
    size, isHolding: false, room: () => Promise.resolve(),
    submit(_work, calls) {
      let resolve!: (values: unknown[]) => void;
      const promise = new Promise<unknown[]>(done => { resolve = done; });
      const unit = {promise, ms: 0, index: 0, cancel() {}};
      onUnit({size: calls.length, end(ms) { unit.ms = ms; resolve(calls); }});
      return unit as unknown as Submission;
    }
  };
}

function* numbers(count: number): Generator<number> {
  for (let n = 0; n < count; n++) yield n;
}

const identity = (x: number): number => x;

describe('the units of map', () => {
  it('grow while one takes less than 2 ms, to at most 1,024 items, and shrink when one takes far longer', async () => {
    const sizes: number[] = [];
    let ms = 0.1;
    const results = await map(fakeTarget(1, unit => {
      sizes.push(unit.size);
      // Fast to the largest size, then slow.
      if (sizes.length === 26) ms = 9;
      unit.end(ms);
    }), numbers(30_000), identity, {});
    expect(results).to.have.length(30_000);
    expect(results[29_999]).to.equal(29_999);
    expect(sizes[0]).to.equal(1);
    expect(Math.max(...sizes)).to.equal(1_024);
    expect(sizes.slice(0, 26)).to.eql([...sizes.slice(0, 26)].sort((a, b) => a - b));
    expect(sizes.at(-2)).to.be.below(16);
  });

  it('keep their size when one takes about 2 ms', async () => {
    const sizes: number[] = [];
    await map(fakeTarget(1, unit => {
      sizes.push(unit.size);
      unit.end(unit.size < 8 ? 1 : 3);
    }), numbers(200), identity, {});
    expect(Math.max(...sizes)).to.equal(8);
    expect(sizes.slice(8, -1).every(size => size === 8)).to.equal(true);
  });

  it('are at most twice as many as threads, and input is pulled for those alone', async () => {
    const units: Unit[] = [];
    let pulled = 0;
    function* input() { for (const n of numbers(40)) { pulled++; yield n; } }
    const whole = map(fakeTarget(3, unit => units.push(unit)), input(), identity, {chunk: 2});
    await turn();
    expect(units).to.have.length(6);
    expect(pulled).to.equal(12);
    units[0]!.end(1);
    await turn();
    expect(units).to.have.length(7);
    expect(pulled).to.equal(14);
    for (let next = 1; next < 20; next++) {
      units[next]!.end(1);
      await turn();
    }
    expect(await whole).to.eql([...numbers(40)]);
  });

  it('get the values of promises among the items, as in `for await`; one that rejects ends the call and returns the input', async () => {
    const target = fakeTarget(2, unit => unit.end(0));
    expect(await map(target, [turn().then(() => 1), 2, Promise.resolve(3)], identity, {})).to.eql([1, 2, 3]);
    let returned = 0;
    function* input() { try { yield 1; yield Promise.reject(new Error('no item')); yield 3; } finally { returned++; } }
    expect(await failureOf(map(target, input(), identity, {}))).to.have.property('message', 'no item');
    expect(returned).to.equal(1);
  });
});
