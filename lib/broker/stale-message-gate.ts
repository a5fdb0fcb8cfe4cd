import type {Clock} from '../platform/platform.js';

/** A message that took longer than this, in ms, reached a thread that was busy or a page that was frozen. */
const LATE_MS = 500;

/**
 * Holds back messages that arrive late, and all messages after them, until the host knows whether it was replaced meanwhile. The
 * tabs may have sent the same messages to the next host.
 */
export class StaleMessageGate {
  private waiting: (() => void)[] | undefined;
  private ended = false;

  /** @param catchUp resolves when everything that was sent before has arrived */
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
