/**
 * A part of the library that most tabs never need: it is loaded when it is to act for the first time. What happens
 * meanwhile has its order; where the part can't be loaded, e.g. without a network, the next time tries again.
 */
export class OnDemand<Part> {
  private part: Part | undefined;
  private waiting: ((part: Part) => void)[] = [];
  private hasEnded = false;

  /** @param onFailure it can't be loaded, and what was asked of it since is not done */
  constructor(private readonly load: () => Promise<Part>, private readonly onFailure: (error: unknown) => void) {}

  /** Has the part act: at once where it is there, else as soon as it is. */
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
   * Ends it for good, also while it is being loaded.
   * @param act ends the part, within this turn, where it is there
   */
  end(act: (part: Part) => void): void {
    this.hasEnded = true;
    if (this.part) act(this.part);
  }
}
