/** A clock whose timers run when the test decides. */
export class FakeClock {
  private now = 0;
  private timers: {at: number; callback: () => void}[] = [];

  readonly after = (ms: number, callback: () => void): (() => void) => {
    const timer = {at: this.now + ms, callback};
    this.timers.push(timer);
    return () => { this.timers = this.timers.filter(other => other !== timer); };
  };

  pass(ms: number): void {
    this.now += ms;
    for (const timer of this.timers.filter(({at}) => at <= this.now).sort((a, b) => a.at - b.at)) {
      if (!this.timers.includes(timer)) continue;
      this.timers = this.timers.filter(other => other !== timer);
      timer.callback();
    }
  }

  get waiting(): number {
    return this.timers.length;
  }
}

/** Waits, one turn of the event loop at a time, until the condition is true. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (await condition()) return;
    await new Promise(resolve => setImmediate(resolve));
  }
  throw new Error(`does not happen: ${what}`);
}

/** Waits until everything has happened that needs only turns of the event loop. */
export async function calm(turns = 50): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve));
}
