/** Actions that wait until a document is restored, or its rollback is over. */
export class DeferredActions {
  private waiting: (() => void)[] = [];
  /** The actions that are being done. */
  private running: (() => void)[] = [];

  get isEmpty(): boolean {
    return !this.waiting.length && !this.running.length;
  }

  defer(act: () => void): void {
    this.waiting.push(act);
  }

  /** The waiting is over: behind what is just being done, or at once. */
  afterOthers(act: () => void): void {
    if (this.running.length) this.running.push(act);
    else act();
  }

  /** Actions that have to wait again are done the next time. */
  run(): void {
    this.running = this.waiting;
    this.waiting = [];
    while (this.running.length) this.running.shift()!();
  }
}
