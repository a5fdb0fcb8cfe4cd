import {expect} from 'chai';
import {UnconfirmedSteps} from '../../lib/ot/unconfirmed-steps.js';
import type {PendingOp} from '../../lib/tab/upstream.js';

describe('the steps that another host may not know', () => {
  const own: PendingOp = {op: ['mine'], callbacks: []};
  const [theirs, mine, others] = [{v: 1, op: ['of the server']}, {src: 'me', seq: 1, op: ['mine']}, {src: 'you', seq: 1, op: ['yours']}];
  let steps: UnconfirmedSteps<PendingOp>;

  beforeEach(() => {
    steps = new UnconfirmedSteps<PendingOp>();
    steps.add(1, 4, theirs);
    steps.add(2, 5, mine, own);
    steps.add(3, 6, others);
  });

  it('begin after durable steps, and after the server\'s steps', () => {
    steps.confirm(1);
    expect([steps.start, steps.ops]).to.eql([5, [mine, others]]);
    steps.confirmOps(new Set([own]));
    expect([steps.start, steps.ops]).to.eql([6, [others]]);
  });

  it('are sent again by the tab if no ops of others follow them', () => {
    expect(steps.tentative).to.eql([]);
    steps.add(4, 7);
    steps.add(4, 8, {src: 'me', seq: 2, op: ['again']}, own);
    expect([steps.tentative, steps.ops]).to.eql([[own], [theirs, mine, others]]);
  });

  it('leave behind, when the document starts anew, which host alone may know an op that waits for the server', () => {
    steps.startAnew([own], 'the host');
    expect([steps.start, steps.onlyHost]).to.eql([undefined, 'the host']);
    steps.confirm(1);
    expect(steps.onlyHost).to.equal('the host');
    steps.confirm(2);
    expect(steps.onlyHost).to.equal(undefined);
    steps.add(3, 6, others);
    steps.startAnew([own], 'the host');
    expect(steps.onlyHost).to.equal(undefined);
  });

  it('stay unchanged while a host is asked for their position, even if the server has one of them by now', () => {
    steps.fallBack();
    steps.confirm(3);
    steps.confirmOps(new Set([own]));
    expect([steps.isReturning, steps.start, steps.ops]).to.eql([true, 4, [theirs, mine, others]]);
    steps.clear();
    expect([steps.isReturning, steps.start]).to.eql([false, undefined]);
  });

  describe('after a revision that a host sent while it could not write', () => {
    beforeEach(() => steps.begin(3, 'one'));

    it('are confirmed by later writes of that host, also in another session', () => {
      steps.confirm(2);
      expect(steps.onlyHost).to.equal('one');
      steps.resume('one');
      steps.confirm(1);
      expect(steps.onlyHost).to.equal(undefined);
    });

    it('are confirmed by no other host, however many come', () => {
      for (const host of ['two', 'three']) {
        steps.resume(host);
        steps.confirm(9);
        expect(steps.onlyHost).to.equal('one');
      }
    });

    it('are not counted for another host that can\'t write either, before it knows the state of the tab', () => {
      steps.resume('two');
      steps.begin(1, 'two');
      steps.confirm(9);
      expect(steps.onlyHost).to.equal('one');
      steps.clear();
      steps.begin(2, 'two');
      expect(steps.onlyHost).to.equal('two');
    });
  });
});
