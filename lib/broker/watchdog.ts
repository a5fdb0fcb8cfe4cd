import type {Clock} from '../platform/platform.js';

export interface WatchdogOptions {
  clock: Clock;
  /** How long the other side may be silent, in ms, before it is asked, and how long it may take to answer. */
  patience: number;
  /** Ask also when no answer is expected. Needed if no lock shows the other side's death. */
  always: boolean;
  /** Asks the other side. Resolves when it has answered. */
  ask(timeout: number): Promise<unknown>;
  /** The other side has not answered. */
  onSilence(): void;
}

/**
 * Notices that the other side of a session no longer answers. One timer covers everything that is sent while it runs, so an op
 * starts no timer of its own.
 */
export class Watchdog {
  private isExpecting = false;
  private hasHeard = false;
  private cancel: (() => void) | undefined;
  private ended = false;

  constructor(private readonly options: WatchdogOptions) {
    if (options.always) this.wait();
  }

  /** Something was sent. */
  expect(): void {
    if (this.cancel) this.isExpecting = true;
    else this.wait();
  }

  /** Something has come. */
  hear(): void {
    this.hasHeard = true;
  }

  end(): void {
    this.ended = true;
    this.cancel?.();
  }

  private wait(): void {
    this.isExpecting = false;
    this.hasHeard = false;
    this.cancel = this.options.clock.after(this.options.patience, () => this.look());
  }

  private look(): void {
    const {always, patience, ask, onSilence} = this.options;
    this.cancel = undefined;
    if (this.hasHeard) {
      if (always || this.isExpecting) this.wait();
      return;
    }
    // Silence is normal if the other side had nothing to send, so it is asked.
    this.cancel = () => {};
    // Asks twice: after the computer slept, the time is up before an answer could arrive.
    ask(patience / 2).catch(() => (this.ended ? undefined : ask(patience / 2))).then(
      () => {
        this.cancel = undefined;
        if (!this.ended && (always || this.isExpecting)) this.wait();
      },
      () => { if (!this.ended) onSilence(); }
    );
  }
}
