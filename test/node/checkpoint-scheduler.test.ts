import {expect} from 'chai';
import {CheckpointScheduler} from '../../lib/host/doc/checkpoint-scheduler.js';
import {VirtualClock} from '../simulator/virtual-clock.js';

describe('the journal of a document', () => {
  let clock: VirtualClock;
  let begin: number;
  let cuts: number[];
  let journal: {isDue: boolean; isOverdue: boolean; isWorthwhile: boolean};
  let timer: CheckpointScheduler;

  beforeEach(() => {
    clock = new VirtualClock();
    begin = clock.now;
    cuts = [];
    journal = {isDue: false, isOverdue: false, isWorthwhile: true};
    timer = new CheckpointScheduler(journal, clock.of({name: 'host', state: 'running'} as never), () => cuts.push(clock.now - begin));
  });

  /** Writes `count` times, once every `every` ms. */
  function write(count: number, every: number): void {
    for (let i = 0; i < count; i++) {
      timer.noteWrite();
      const until = clock.now + every;
      while (clock.runNext(until));
      clock.now = until;
    }
  }

  const rest = (): void => { while (clock.runNext()); };

  it('is cut 3 s after the last record', () => {
    write(5, 500);
    rest();
    expect(cuts).to.eql([5000]);
  });

  it('is cut after a pause of 100 ms when it is long', () => {
    write(3, 30);
    journal.isDue = true;
    write(3, 30);
    rest();
    expect(cuts).to.eql([250]);
  });

  it('is cut without a pause when it is very long', () => {
    journal.isDue = true;
    write(10, 30);
    expect(cuts).to.eql([]);
    journal.isOverdue = true;
    write(10, 30);
    expect(cuts).to.have.length.within(1, 3);
    expect(cuts[0]).to.be.below(400);
  });

  it('is not cut if the checkpoint is too large in proportion', () => {
    journal.isWorthwhile = false;
    write(3, 30);
    rest();
    expect(cuts).to.eql([]);
    expect(timer.isWaiting).to.equal(false);
  });

  it('is not cut after the timer was cancelled', () => {
    write(1, 30);
    timer.cancel();
    rest();
    expect(cuts).to.eql([]);
  });
});
