/** A tab that does not say within this time that it is done, in ms, is frozen. It asks again when it wakes: see `TURN_MS` in the tab. */
const LIMIT_MS = 5000;

interface Turn {
  tabId: string;
  id: string;
  start(): void;
}

/**
 * Lets one tab at a time undo or redo on the stack that tabs share. The answer to a tab that waits comes after all that the tabs
 * before it have undone, since what a tab is told stays in order: so no step is undone twice.
 */
export class UndoTurns {
  private readonly queue: Turn[] = [];
  private endTimer: (() => void) | undefined;

  constructor(private readonly after: (ms: number, callback: () => void) => () => void) {}

  /** Resolves when it is this tab's turn. @param id as the tab calls the turn */
  take(tabId: string, id: string): Promise<null> {
    return new Promise(resolve => {
      this.queue.push({tabId, id, start: () => resolve(null)});
      if (this.queue.length === 1) this.startFirst();
    });
  }

  /** The tab has handed over what it has undone, or does not want its turn any more. */
  end(tabId: string, id: string): void {
    this.remove(turn => turn.tabId === tabId && turn.id === id);
  }

  /** The tab has no session any more. */
  forget(tabId: string): void {
    this.remove(turn => turn.tabId === tabId);
  }

  close(): void {
    this.endTimer?.();
  }

  private remove(isOver: (turn: Turn) => boolean): void {
    const [first] = this.queue;
    const left = this.queue.filter(turn => !isOver(turn));
    this.queue.splice(0, this.queue.length, ...left);
    if (first && first !== left[0]) this.startFirst();
  }

  private startFirst(): void {
    this.endTimer?.();
    this.endTimer = undefined;
    const [first] = this.queue;
    if (!first) return;
    this.endTimer = this.after(LIMIT_MS, () => this.remove(turn => turn === first));
    first.start();
  }
}
