import {expect} from 'chai';
import {OpPacing} from '../../lib/tab/doc/op-pacing.js';

/** A document with an op that waits for the server and one to send, 5 ms after the last op was sent. */
function paced(what: {unsettled?: unknown[]; pendingOps?: unknown[]; preventCompose?: boolean; state?: string; since?: number} = {}): {
  pacing: OpPacing; timers: [ms: number, callback: () => void][]; flushes: () => number;
} {
  const {unsettled = ['op'], pendingOps = ['next'], preventCompose = false, state = 'connected', since = 5} = what;
  const timers: [number, () => void][] = [];
  let flushes = 0;
  const clock = {
    now: () => 1000 + since,
    after(ms: number, callback: () => void) {
      timers.push([ms, callback]);
      return () => {};
    }
  };
  const pacing = new OpPacing({connection: {clock, state}, unsettled, pendingOps, preventCompose, flush: () => { flushes++; }});
  pacing.sentAt = 1000;
  return {pacing, timers, flushes: () => flushes};
}

describe('the time at which an op is sent to the host', () => {
  const cases: {what: string; doc?: Parameters<typeof paced>[0]; waits: boolean}[] = [
    {what: 'waits for ops that may be composed with it', waits: true},
    {what: 'does not wait if the server has answered all ops', doc: {unsettled: []}, waits: false},
    {what: 'does not wait if two ops can\'t be composed', doc: {pendingOps: ['next', 'another']}, waits: false},
    {what: 'does not wait if the app prevents composing', doc: {preventCompose: true}, waits: false},
    {what: 'does not wait without a server', doc: {state: 'disconnected'}, waits: false},
    {what: 'does not wait longer than a frame', doc: {since: 16}, waits: false},
    {what: 'does not wait after the clock was set back', doc: {since: -1}, waits: false}
  ];
  for (const {what, doc, waits} of cases) it(what, () => { expect(paced(doc).pacing.holdBack()).to.equal(waits); });

  it('causes one flush, for any number of times that the op is held back', () => {
    const {pacing, timers, flushes} = paced();
    expect([pacing.holdBack(), pacing.holdBack()]).to.eql([true, true]);
    expect(timers.map(([ms]) => ms)).to.eql([16]);
    timers[0]![1]();
    expect(flushes()).to.equal(1);
    pacing.holdBack();
    expect(timers).to.have.length(2);
  });

  it('needs one tick for all ops of a turn, and none while an op is held back', () => {
    const {pacing} = paced();
    expect([pacing.needsTick(), pacing.needsTick()]).to.eql([true, false]);
    pacing.willFlush = false;
    pacing.holdBack();
    expect(pacing.needsTick()).to.equal(false);
  });
});
