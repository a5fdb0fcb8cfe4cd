import type {Clock} from '../platform/platform.js';

export interface WatchdogOptions {
  clock: Clock;
  /** How long the other side may be silent, in ms, before it is asked; and how long it may take to answer. */
  patience: number;
  /** Ask also when nothing is expected: where no lock tells of the other side's death. */
  always: boolean;
  /** Asks the other side. Resolves when it has answered. */
  ask(timeout: number): Promise<unknown>;
  /** It has not answered. */
  onSilence(): void;
}

/**
 * Notices that the other side of a session does not answer any more. One timer for all that is sent
 * while it runs: an op costs none.
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
    // Nothing came: perhaps because there was nothing to say.
    this.cancel = () => {};
    // Twice: after a computer's sleep the time is up before the answer could come.
    ask(patience / 2).catch(() => (this.ended ? undefined : ask(patience / 2))).then(
      () => {
        this.cancel = undefined;
        if (!this.ended && (always || this.isExpecting)) this.wait();
      },
      () => { if (!this.ended) onSilence(); }
    );
  }
}
