import {isOnline, whenIdle} from '../platform/browser.js';
import type {Clock} from '../platform/platform.js';
import {RetrySchedule} from '../platform/retry-schedule.js';

/** How long after its first session a tab waits, in ms, so as not to disturb the page's own start. */
const AFTER_MS = 3000;

/**
 * Loads the code that a tab needs to become the host while the tab is idle and online. When the host dies, the server that has
 * this code may be unreachable.
 */
export class HostPrefetch {
  private isBegun = false;
  private isEnded = false;
  private readonly retry: RetrySchedule;

  constructor(private readonly clock: () => Clock, private readonly load: () => Promise<unknown>) {
    this.retry = new RetrySchedule(clock, () => this.fetchNow());
  }

  /** Call it with each session; only the first call has an effect. */
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
