import {whenOnline} from './browser.js';
import type {Clock} from './platform.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Repeats an action after growing pauses, and at once when the browser reports that the network is back. */
export class RetrySchedule {
  private pause = FIRST_PAUSE_MS;
  private cancelWaiting: (() => void) | undefined;

  constructor(private readonly clock: () => Clock, private readonly act: () => void) {}

  /** Plans the next try. Call it after each failure. */
  schedule(): void {
    this.cancel();
    const cancelTimer = this.clock().after(this.pause, () => this.runNow());
    const stopListening = whenOnline(() => this.runNow());
    this.pause = Math.min(2 * this.pause, LONGEST_PAUSE_MS);
    this.cancelWaiting = () => {
      cancelTimer();
      stopListening();
    };
  }

  /** Tries at once, if a try is planned. */
  runNow(): void {
    if (!this.cancelWaiting) return;
    this.cancel();
    this.act();
  }

  /** Call it after a success. The next failure is followed by the shortest pause. */
  reset(): void {
    this.cancel();
    this.pause = FIRST_PAUSE_MS;
  }

  cancel(): void {
    this.cancelWaiting?.();
    this.cancelWaiting = undefined;
  }
}
