import type {Clock} from '../platform/platform.js';

/** What has been under way for so long, in ms, has come to a thread that was busy, or a page that was frozen. */
const LATE_MS = 500;

/**
 * Messages that come late wait, and all after them, until it is known what else has happened meanwhile: this host may
 * have been replaced, and the tabs may have told the next one the same.
 */
export class StaleMessageGate {
  private waiting: (() => void)[] | undefined;
  private ended = false;

  /** @param catchUp resolves when all news from before are here */
  constructor(private readonly clock: Clock, private readonly catchUp: () => Promise<unknown>) {}

  /** @param sentAt when the message was sent, in ms since the epoch */
  receive(sentAt: number, act: () => void): void {
    if (this.waiting) return void this.waiting.push(act);
    if (this.clock.now() - sentAt <= LATE_MS) return act();
    this.waiting = [act];
    const goOn = (): void => {
      const waiting = this.waiting!;
      this.waiting = undefined;
      if (!this.ended) for (const each of waiting) each();
    };
    this.catchUp().then(goOn, goOn);
  }

  end(): void {
    this.ended = true;
  }
}
