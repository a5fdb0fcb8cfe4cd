import {expect} from 'chai';
import {type Report, slowerThan} from '../../bench/compare.js';

describe('the comparison of two benchmark runs', () => {
  interface Run {
    /** The median of the figure in ms; its middle 80 % reach 20 % to each side. */
    ms: number;
    /** The median of the baseline in the same run. */
    plain: number;
    count?: number;
    browser?: string;
  }

  function reportOf({ms, plain, count = 300, browser = 'Chromium 1'}: Run): Report {
    const measured = {p10: 0.8 * ms, p50: ms, p90: 1.2 * ms, count};
    const figures = [{what: 'one tab', measured, ratios: {plain: ms / plain}}];
    return {at: '2026-11-29', browser, quick: false, scenarios: {acknowledged: {title: 'An edit', figures}}};
  }

  const compare = (was: Run, is: Run): string[] | undefined => slowerThan(reportOf(was), reportOf(is));

  it('reports a figure that got slower relative to its baseline', () => {
    expect(compare({ms: 2, plain: 1}, {ms: 3, plain: 1})).to.eql(['acknowledged, one tab: 3.00 × plain, was 2.00 × (50 % more; noise 2 %)']);
  });

  it('reports none on a slower machine, and none that got faster', () => {
    expect(compare({ms: 2, plain: 1}, {ms: 6, plain: 3})).to.eql([]);
    expect(compare({ms: 2, plain: 1}, {ms: 1, plain: 1})).to.eql([]);
  });

  it('reports none within the noise of few measurements, or within the difference of two runs of the same code', () => {
    expect(compare({ms: 2, plain: 1, count: 4}, {ms: 2.8, plain: 1, count: 4})).to.eql([]);
    expect(compare({ms: 2, plain: 1}, {ms: 2.2, plain: 1})).to.eql([]);
  });

  it('reports none that the last run did not have', () => {
    const last = {...reportOf({ms: 1, plain: 1}), scenarios: {}};
    expect(slowerThan(last, reportOf({ms: 2, plain: 1}))).to.eql([]);
  });

  it('is not made with another browser', () => {
    expect(compare({ms: 2, plain: 1}, {ms: 3, plain: 1, browser: 'Chromium 2'})).to.equal(undefined);
  });
});
