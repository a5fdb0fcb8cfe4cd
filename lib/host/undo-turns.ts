import type {Clock} from '../platform/platform.js';

/** The longest duration of a turn, in ms. A tab that takes longer is assumed to be frozen. The tab's own limit, `TURN_MS`, is shorter. */
const LIMIT_MS = 5000;

interface Turn {
  tabId: string;
  id: string;
  start(): void;
}

/**
 * Lets one tab at a time undo or redo on the stack that tabs share. Messages to a tab stay in order, so the tab receives the ops of
 * earlier turns before its own turn begins, and no step is undone twice.
 */
export class UndoTurns {
  private readonly queue: Turn[] = [];
  private endTimer: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  /** Resolves when the tab's turn begins, with the time that it has waited, in ms. @param id the tab's id of the turn */
  take(tabId: string, id: string): Promise<number> {
    const {clock} = this;
    const asked = clock.now();
    return new Promise(resolve => {
      this.queue.push({tabId, id, start: () => resolve(clock.now() - asked)});
      if (this.queue.length === 1) this.startFirst();
    });
  }

  /** Ends a turn. The tab has sent its ops, or no longer needs the turn. */
  end(tabId: string, id: string): void {
    this.remove(turn => turn.tabId === tabId && turn.id === id);
  }

  /** Ends all turns of a tab whose session has ended. */
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
    this.endTimer = this.clock.after(LIMIT_MS, () => this.remove(turn => turn === first));
    first.start();
  }
}
