import type {Clock} from '../../lib/platform/platform.js';
import type {Subject} from './agenda.js';

interface Timer {
  at: number;
  callback: () => void;
  subject: Subject;
}

/** Time moves when the walk says so. The timers of a frozen process stand still, and are late when it thaws. */
export class VirtualClock {
  /** Any time will do; this one looks like one. */
  now = 1_000_000_000_000;
  /** How far the computer's clock is off: timers do not care when it is set. */
  offset = 0;
  /** How often it has jumped. */
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

  /** Moves on to the next timer, and runs it. @returns whether there was one up to that time */
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

  /** Whose timers are running. */
  get inUse(): string[] {
    return this.timers.map(({subject}) => subject.name);
  }
}
