import type {Clock} from '../../platform/platform.js';
import type {DocJournal} from './doc-journal.js';

const SOON_MS = 100;
const LATER_MS = 3000;
/**
 * The shortest time between two restarts of the timer, in ms. Restarting it for each record is expensive, and without restarts it would
 * often fire too early.
 */
const REARM_MS = 100;

/**
 * Replaces a document's journal by a checkpoint when nothing was written for a while: for a short time if the journal is long, otherwise
 * for a longer time. A journal that is overdue is replaced without such a pause.
 */
export class CheckpointScheduler {
  /** The required time without a write, in ms. */
  private quiet = LATER_MS;
  /** When a record was last written, and when the timer was set, in ms since the epoch. */
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
    // If a checkpoint is due, its timer is not restarted.
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
