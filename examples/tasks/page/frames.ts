/** The longest time between two frames, which is the longest delay of a keystroke. */
export class WorstFrame {
  #last = performance.now();
  worst = 0;

  constructor(show: (ms: number) => void) {
    const frame = (): void => {
      const now = performance.now();
      this.worst = Math.max(this.worst, now - this.#last);
      this.#last = now;
      show(this.worst);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  restart(): void {
    this.worst = 0;
    this.#last = performance.now();
  }
}
