import {isOnline, whenIdle} from '../platform/browser.js';
import type {Clock} from '../platform/platform.js';
import {RetrySchedule} from '../platform/retry-schedule.js';

/** Delay after the tab's first session, in ms, so that the page's start is not delayed. */
const AFTER_MS = 3000;

/**
 * Loads the code that a tab needs to become the host while the tab is idle and online. When the host ends, the server that delivers
 * this code may be unreachable.
 */
export class HostPrefetch {
  private isBegun = false;
  private isEnded = false;
  private readonly retry: RetrySchedule;

  constructor(private readonly clock: () => Clock, private readonly load: () => Promise<unknown>) {
    this.retry = new RetrySchedule(clock, () => this.fetchNow());
  }

  /** Schedules the load. Call it when a session begins; only the first call has an effect. */
  begin(): void {
    if (this.isBegun) return;
    this.isBegun = true;
    this.clock().after(AFTER_MS, () => whenIdle(() => this.fetchNow()));
  }

  end(): void {
    this.isEnded = true;
    this.retry.cancel();
  }

  private fetchNow(): void {
    if (this.isEnded) return;
    if (isOnline()) this.load().catch(() => { if (!this.isEnded) this.retry.schedule(); });
    else this.retry.schedule();
  }
}
