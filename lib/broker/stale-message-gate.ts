import type {Clock} from '../platform/platform.js';

/** A message is late if it took longer than this, in ms: the host's thread was busy, or the process was suspended. */
const LATE_MS = 500;

/**
 * Holds back a message that arrives late, and all messages after it, until the host has been notified if it was replaced. In that
 * case the tabs may have sent the same messages to the next host.
 */
export class StaleMessageGate {
  private waiting: (() => void)[] | undefined;
  private ended = false;

  /** @param catchUp resolves when all messages that were sent before have arrived */
  constructor(private readonly clock: Clock, private readonly catchUp: () => Promise<unknown>) {}

  /**
   * @param sentAt when the message was sent, in ms since the epoch
   * @param act handles the message
   */
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
