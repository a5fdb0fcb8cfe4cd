import type {Clock} from '../../platform/platform.js';
import type {DocJournal} from './doc-journal.js';

const SOON_MS = 100;
const LATER_MS = 3000;
/** The timer is set anew so often: neither for each record, nor so seldom that it goes off where it need not. */
const REARM_MS = 100;

/**
 * Waits for a quiet moment to cut a document's journal: soon when it has grown long, later when it is only there. A
 * journal that is long overdue is cut without one.
 */
export class CheckpointScheduler {
  /** How long, in ms, nothing must have been written. */
  private quiet = LATER_MS;
  /** When something last was, and when the timer was set, in ms since the epoch. */
  private writtenAt = 0;
  private setAt = 0;
  private cancelTimer: (() => void) | undefined;

  constructor(
    private readonly journal: Pick<DocJournal, 'isDue' | 'isOverdue' | 'isWorthwhile'>,
    private readonly clock: Clock,
    private readonly cut: () => void
  ) {}

  get isWaiting(): boolean {
    return !!this.cancelTimer;
  }

  noteWrite(): void {
    const {isDue, isWorthwhile} = this.journal;
    if (!isDue && !isWorthwhile) return;
    this.writtenAt = this.clock.now();
    const quiet = isDue ? SOON_MS : LATER_MS;
    const isSet = this.isWaiting && quiet >= this.quiet;
    // One that is due is not put off by setting its timer anew.
    if (isSet && (isDue || this.writtenAt - this.setAt < REARM_MS)) return;
    this.quiet = quiet;
    this.wait(quiet);
  }

  cancel(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
  }

  private wait(ms: number): void {
    this.cancel();
    this.setAt = this.clock.now();
    this.cancelTimer = this.clock.after(ms, () => {
      this.cancelTimer = undefined;
      const left = this.writtenAt + this.quiet - this.clock.now();
      if (left > 0 && !this.journal.isOverdue) this.wait(left);
      else this.cut();
    });
  }
}
