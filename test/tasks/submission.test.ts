import {expect} from 'chai';
import {waitingClock} from '../../lib/platform/threads.js';
import {Submission} from '../../lib/tasks/submission.js';
import {HandClock} from '../waiting/hand-clock.js';
import {failureOf} from './failure.js';

describe('the time-out of a task', () => {
  const {after} = waitingClock;
  let clock: HandClock;

  beforeEach(() => {
    clock = new HandClock();
    waitingClock.after = clock.after;
  });

  afterEach(() => { waitingClock.after = after; });

  const submit = (queueTimeout: number): Submission => new Submission([[]], {options: {queueTimeout}, name: 'fake'}, {withdraw() {}, settled() {}});

  it('ends the wait at its time', async () => {
    const task = submit(1_000);
    clock.pass(999);
    expect(task.state).to.equal('queued');
    clock.pass(1);
    expect(await failureOf(task.promise)).to.include({code: 'ERR_TASK_QUEUE_TIMEOUT'});
  });

  it('does not fire at once when a suspended page returns: messages that have arrived meanwhile come first', async () => {
    const task = submit(1_000);
    let isLate = false;
    task.arm(1_000, () => { isLate = true; });
    clock.jump(60_000);
    expect(isLate).to.equal(false);
    clock.pass(499);
    expect(isLate).to.equal(false);
    clock.pass(1);
    expect(isLate).to.equal(true);
  });

  it('leaves no timer behind when the task settles in either half', () => {
    for (const ms of [100, 600]) {
      const task = submit(1_000);
      clock.pass(ms);
      task.settle('fulfilled', 1);
      expect(clock.isWaiting).to.equal(false);
    }
  });
});
