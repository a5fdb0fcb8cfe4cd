import type {Clock} from '../../lib/platform/platform.js';

/** A clock whose time the test moves. */
export class HandClock implements Clock {
  private time = 1_000_000_000_000;
  private timers: {at: number; callback: () => void}[] = [];

  now = (): number => this.time;

  after = (ms: number, callback: () => void): (() => void) => {
    const timer = {at: this.time + ms, callback};
    this.timers.push(timer);
    return () => { this.timers = this.timers.filter(other => other !== timer); };
  };

  /** Whether a timer is running. */
  get isWaiting(): boolean {
    return this.timers.length > 0;
  }

  /** Moves the time. Every timer runs at its time. */
  pass(ms: number): void {
    const end = this.time + ms;
    while (this.runNext(end));
    this.time = end;
  }

  /** Like `pass`, but waits for the effects of each timer before the next one runs. */
  async passSlowly(ms: number): Promise<void> {
    const end = this.time + ms;
    await settle();
    while (this.runNext(end)) await settle();
    this.time = end;
    await settle();
  }

  /** Jumps forward, as when a computer sleeps: due timers run late, in order. */
  jump(ms: number): void {
    this.time += ms;
    this.pass(0);
  }

  /** Moves the time until a promise settles. */
  async passUntil<Value>(what: string, promise: Promise<Value>): Promise<Value> {
    let isSettled = false;
    promise.then(() => { isSettled = true; }, () => { isSettled = true; });
    for (let ms = 0; ms < 300_000; ms += 50) {
      await this.passSlowly(50);
      if (isSettled) return promise;
    }
    throw new Error(`${what}: does not happen within five minutes`);
  }

  private runNext(end: number): boolean {
    const [next] = this.timers.filter(({at}) => at <= end).sort((one, other) => one.at - other.at);
    if (!next) return false;
    this.timers = this.timers.filter(timer => timer !== next);
    this.time = Math.max(this.time, next.at);
    next.callback();
    return true;
  }
}

/** This many turns are enough for a request in memory and its answer. */
const TURNS = 12;

async function settle(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await new Promise(resolve => setImmediate(resolve));
}
