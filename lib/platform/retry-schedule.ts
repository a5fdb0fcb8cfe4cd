import {whenOnline} from './browser.js';
import type {Clock} from './platform.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Tries something again after growing pauses, and at once when the browser says that the network is back. */
export class RetrySchedule {
  private pause = FIRST_PAUSE_MS;
  private cancelWaiting: (() => void) | undefined;

  constructor(private readonly clock: () => Clock, private readonly act: () => void) {}

  /** Called after each failure. */
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

  /** Tries at once, if a try is due some time. */
  runNow(): void {
    if (!this.cancelWaiting) return;
    this.cancel();
    this.act();
  }

  /** Called after a success: the next failure is followed by the shortest pause. */
  reset(): void {
    this.cancel();
    this.pause = FIRST_PAUSE_MS;
  }

  cancel(): void {
    this.cancelWaiting?.();
    this.cancelWaiting = undefined;
  }
}
