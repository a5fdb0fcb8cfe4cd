import {expect} from 'chai';
import {afterReset} from '../../lib/ot/after-reset.js';
import {appliedTo} from '../../lib/ot/applied.js';

const refused = {message: 'refused'};

describe('a tab\'s ops after the host has sent another state of the document', () => {
  const all = [{seq: 1}, {seq: 2}, {seq: 3}, {}];
  const cases: {what: string; outcomes?: {seq: number; error?: object}[]; unsettled?: number[]; kept?: number[]; answered?: number[]; lost: (number | undefined)[]}[] = [
    {what: 'all are lost if the host knows none of them', lost: [1, 2, 3, undefined]},
    {what: 'those in the new state still wait for the server', unsettled: [1, 3], kept: [1, 3], lost: [2, undefined]},
    {what: 'those with an answer are not lost', outcomes: [{seq: 1}, {seq: 2, error: refused}], answered: [1, 2], lost: [3, undefined]},
    {what: 'an answer counts more than a place in the new state', outcomes: [{seq: 2}], unsettled: [1, 2, 3], kept: [1, 3], answered: [2], lost: [undefined]},
    {what: 'answers to ops that the tab does not have count for nothing', outcomes: [{seq: 7}], unsettled: [8], lost: [1, 2, 3, undefined]}
  ];
  for (const {what, outcomes = [], unsettled = [], kept = [], answered = [], lost} of cases) {
    it(what, () => {
      const after = afterReset(all, outcomes, unsettled);
      expect(after.kept.map(({seq}) => seq)).to.eql(kept);
      expect(after.lost.map(({seq}) => seq)).to.eql(lost);
      expect(after.ended.filter(({outcome}) => outcome).map(({op}) => op.seq)).to.eql(answered);
      // Nothing is forgotten, and the order stays.
      expect(after.ended.map(({op}) => op)).to.eql(all.filter(op => !after.kept.includes(op)));
    });
  }

  it('each answer belongs to its op', () => {
    const {ended} = afterReset(all, [{seq: 2, error: refused}], []);
    expect(ended.map(({outcome}) => outcome)).to.eql([undefined, {seq: 2, error: refused}, undefined, undefined]);
  });
});

describe('ops applied to data', () => {
  const sum = {apply: (data: unknown, op: unknown) => (data as number) * 10 + (op as number)};

  it('are applied in order', () => {
    expect(appliedTo(1, sum, [{op: 2}, {op: 3}])).to.equal(123);
    expect(appliedTo(1, sum, [])).to.equal(1);
  });
});
