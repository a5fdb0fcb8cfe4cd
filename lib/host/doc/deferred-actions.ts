/** Actions that wait until a document is restored or its rollback has ended. */
export class DeferredActions {
  private waiting: (() => void)[] = [];
  /** The actions that are being run. */
  private running: (() => void)[] = [];

  get isEmpty(): boolean {
    return !this.waiting.length && !this.running.length;
  }

  defer(act: () => void): void {
    this.waiting.push(act);
  }

  /** Runs an action after the deferred actions that are being run, or at once if there are none. */
  afterOthers(act: () => void): void {
    if (this.running.length) this.running.push(act);
    else act();
  }

  /** Runs the deferred actions. Actions that they defer wait for the next call. */
  run(): void {
    this.running = this.waiting;
    this.waiting = [];
    while (this.running.length) this.running.shift()!();
  }
}
