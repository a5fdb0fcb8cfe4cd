/** Calls `done` once, possibly at once. */
export type WaitFor = (done: () => void) => void;

interface Waiting {
  left: number;
  act(): void;
}

/** Runs actions in the order in which they were added, each after everything that it waits for. */
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

  /** Drops all actions that wait. */
  clear(): void {
    this.waiting = [];
  }

  /** @param waiting the list that the action was added to; an action of a cleared list does not run */
  private run(waiting: Waiting[]): void {
    while (waiting === this.waiting && waiting[0]?.left === 0) waiting.shift()!.act();
  }
}
