import type {Clock} from '../platform/platform.js';

export interface WatchdogOptions {
  clock: Clock;
  /** How long the other side may send nothing, in ms, before it is pinged, and how long it then has to answer. */
  patience: number;
  /** Whether to ping also when no answer is expected. Needed if no lock shows that the other side has ended. */
  always: boolean;
  /** Pings the other side. Resolves when it has answered, and rejects after `timeout` ms. */
  ask(timeout: number): Promise<unknown>;
  /** The other side has not answered. */
  onSilence(): void;
}

/**
 * Detects that the other side of a session no longer answers. One timer covers all messages that are sent while it runs, so an op
 * does not start a timer of its own.
 */
export class Watchdog {
  private isExpecting = false;
  /** Whether the other side has sent something since the timer began. */
  private isActive = false;
  private cancel: (() => void) | undefined;
  private ended = false;

  constructor(private readonly options: WatchdogOptions) {
    if (options.always) this.wait();
  }

  /** A message was sent, and the other side should answer. */
  expect(): void {
    if (this.cancel) this.isExpecting = true;
    else this.wait();
  }

  /** The other side has sent something. */
  noteMessage(): void {
    this.isActive = true;
  }

  end(): void {
    this.ended = true;
    this.cancel?.();
  }

  private wait(): void {
    this.isExpecting = false;
    this.isActive = false;
    this.cancel = this.options.clock.after(this.options.patience, () => this.look());
  }

  private look(): void {
    const {always, patience, ask, onSilence} = this.options;
    this.cancel = undefined;
    if (this.isActive) {
      if (always || this.isExpecting) this.wait();
      return;
    }
    // The other side may have had nothing to send. While it is pinged, `cancel` marks that a watch is running.
    this.cancel = () => {};
    // There is a second ping, because the first may time out at once after the computer has slept.
    ask(patience / 2).catch(() => (this.ended ? undefined : ask(patience / 2))).then(
      () => {
        this.cancel = undefined;
        if (!this.ended && (always || this.isExpecting)) this.wait();
      },
      () => { if (!this.ended) onSilence(); }
    );
  }
}
