/** Calls back once, perhaps at once. */
export type WaitFor = (done: () => void) => void;

interface Waiting {
  left: number;
  act(): void;
}

/** Acts in the order in which they were added, each when all that it waits for is over. */
export class InOrder {
  private waiting: Waiting[] = [];

  get isEmpty(): boolean {
    return !this.waiting.length;
  }

  add(waitsFor: readonly WaitFor[], act: () => void): void {
    const entry: Waiting = {left: waitsFor.length, act};
    const {waiting} = this;
    waiting.push(entry);
    for (const wait of waitsFor) {
      wait(() => {
        entry.left--;
        this.run(waiting);
      });
    }
    if (!waitsFor.length) this.run(waiting);
  }

  /** What waits now is never done. */
  clear(): void {
    this.waiting = [];
  }

  /** @param waiting of the time when the act was added: what was cleared is not done */
  private run(waiting: Waiting[]): void {
    while (waiting === this.waiting && waiting[0]?.left === 0) waiting.shift()!.act();
  }
}
