import type {Clock} from '../../lib/platform/platform.js';
import type {Subject} from './agenda.js';

interface Timer {
  at: number;
  callback: () => void;
  subject: Subject;
}

/** A clock that the walk moves. The timers of a frozen process stop, and are late when it thaws. */
export class VirtualClock {
  /** The time of day at the start, in ms since 1970. */
  now = 1_000_000_000_000;
  /** The deviation of the computer's clock, in ms. Timers do not depend on it. */
  offset = 0;
  /** The number of jumps. */
  sleeps = 0;
  private timers: Timer[] = [];

  /** The clock of one process. */
  of(subject: Subject): Clock {
    return {
      now: () => this.now + this.offset,
      after: (ms, callback) => {
        const timer: Timer = {at: this.now + ms, callback, subject};
        if (subject.state !== 'dead') this.timers.push(timer);
        return () => { this.timers = this.timers.filter(other => other !== timer); };
      }
    };
  }

  /**
   * Advances to the next timer and runs it.
   * @returns whether there was one up to that time
   */
  runNext(until = Infinity): boolean {
    let next: Timer | undefined;
    for (const timer of this.timers) {
      if (timer.subject.state === 'running' && timer.at <= until && (!next || timer.at < next.at)) next = timer;
    }
    if (!next) return false;
    this.timers = this.timers.filter(timer => timer !== next);
    this.now = Math.max(this.now, next.at);
    next.callback();
    return true;
  }

  forget(subject: Subject): void {
    this.timers = this.timers.filter(timer => timer.subject !== subject);
  }

  /** The names of processes with timers. */
  get inUse(): string[] {
    return this.timers.map(({subject}) => subject.name);
  }
}
