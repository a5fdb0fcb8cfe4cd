/**
 * A part of the library that most tabs never need. It is loaded at its first use. Calls made while it loads run afterwards in
 * order. If it can't be loaded, for example without a network, the next call tries again.
 */
export class OnDemand<Part> {
  private part: Part | undefined;
  private waiting: ((part: Part) => void)[] = [];
  private hasEnded = false;

  /** @param onFailure called if the part can't be loaded; the waiting calls are dropped */
  constructor(private readonly load: () => Promise<Part>, private readonly onFailure: (error: unknown) => void) {}

  /** Calls `act` with the part: at once if it is loaded, else when it is. */
  ask(act: (part: Part) => void): void {
    if (this.hasEnded) return;
    if (this.part) return act(this.part);
    this.waiting.push(act);
    if (this.waiting.length > 1) return;
    this.load().then(part => {
      if (this.hasEnded) return;
      this.part = part;
      for (const waiting of this.waiting.splice(0)) waiting(part);
    }).catch((error: unknown) => {
      this.waiting = [];
      if (!this.hasEnded) this.onFailure(error);
    });
  }

  /**
   * Ends the part for good, also while it is loading.
   * @param act ends the part, synchronously, if it is loaded
   */
  end(act: (part: Part) => void): void {
    this.hasEnded = true;
    if (this.part) act(this.part);
  }
}
