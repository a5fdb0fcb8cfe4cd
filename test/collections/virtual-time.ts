import {turn} from '../waiting/node-turn.js';

/** The turns of the event loop in which messages arrive, before time goes on. */
const TURNS = 4;
const STEP_MS = 5;
/** No wait takes longer, in virtual ms. */
const DEADLINE_MS = 120_000;

interface Timer {
  at: number;
  fire(): void;
  unref(): Timer;
}

type Globals = Record<'setTimeout' | 'clearTimeout' | 'setInterval' | 'clearInterval', (...args: any[]) => unknown>;
const globals = globalThis as unknown as Globals;

/** Timers that fire when a test waits, not when time passes: a test waits no longer than its messages take. */
export class VirtualTime {
  private now = Date.now();
  private readonly timers = new Set<Timer>();
  private readonly real: Globals & {now: () => number} = {
    setTimeout: globals.setTimeout, clearTimeout: globals.clearTimeout, setInterval: globals.setInterval, clearInterval: globals.clearInterval, now: Date.now
  };

  private constructor() {
    const clear = (timer: Timer): void => {
      if (!this.timers.delete(timer)) this.real.clearTimeout(timer);
    };
    Object.assign(globals, {
      setTimeout: (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => this.add(ms, () => callback(...args)),
      setInterval: (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
        const again = (): void => {
          timer.at = this.now + Math.max(1, ms);
          this.timers.add(timer);
          callback(...args);
        };
        const timer = this.add(Math.max(1, ms), again);
        return timer;
      },
      clearTimeout: clear, clearInterval: clear
    });
    Date.now = () => this.now;
  }

  /** Runs `act` with a time of its own. Timers that it leaves behind never fire. */
  static async run(act: (time: VirtualTime) => Promise<void>): Promise<void> {
    const time = new VirtualTime();
    try {
      await act(time);
    } finally {
      const {now, ...rest} = time.real;
      Object.assign(globals, rest);
      Date.now = now;
    }
  }

  private add(ms: number, fire: () => void): Timer {
    const timer: Timer = {at: this.now + ms, fire, unref: () => timer};
    this.timers.add(timer);
    return timer;
  }

  /** Time goes on by so many ms, and timers fire in their order. */
  private pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.timers) if (timer.at <= end && (!next || timer.at < next.at)) next = timer;
      if (!next) break;
      this.timers.delete(next);
      this.now = Math.max(this.now, next.at);
      next.fire();
    }
    this.now = end;
  }

  /** One turn of the event loop takes one ms. */
  async turn(): Promise<void> {
    await turn();
    this.pass(1);
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const end = this.now + DEADLINE_MS;
    while (!condition()) {
      if (this.now > end) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
      for (let turns = TURNS; turns; turns--) await turn();
      this.pass(STEP_MS);
    }
  }

  async settled<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    void promise.catch(() => {}).then(() => { isSettled = true; });
    await this.until('it is settled', () => isSettled);
    return promise;
  }
}
