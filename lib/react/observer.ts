import type {Clock} from '../platform/platform.js';

/** What `useSyncExternalStore` needs of a source of state. */
export interface Observable<State> {
  subscribe(listener: () => void): () => void;
  /** The same object until the state changes. */
  getSnapshot(): State;
}

/**
 * State that several components share. It is opened by the first one that subscribes, and closed when it has
 * had no subscriber for the grace period: React's StrictMode unmounts and mounts each component once, and a
 * user who changes pages often comes back.
 */
export abstract class Observer<State> implements Observable<State> {
  private readonly listeners = new Set<() => void>();
  private cancelClosing: (() => void) | undefined;
  private isOpen = false;

  constructor(private readonly clock: Clock, private readonly graceMs: number, private readonly onClosed: () => void) {
    // A render that React discards leaves an observer that nobody subscribes to.
    this.closeLater();
  }

  abstract getSnapshot(): State;
  /** Begins to follow the source. */
  protected abstract open(): void;
  /** Lets go of the source. Called once for each {@link open}. */
  protected abstract close(): void;

  /** @returns ends the subscription */
  readonly subscribe = (listener: () => void): (() => void) => {
    // The same function may be given twice.
    const own = (): void => listener();
    this.listeners.add(own);
    this.cancelClosing?.();
    this.cancelClosing = undefined;
    this.start();
    return () => {
      if (this.listeners.delete(own) && !this.listeners.size) this.closeLater();
    };
  };

  /** Opens it before anybody subscribes, and keeps it at least until `loaded` settles: for a component that suspends. */
  startUntil(loaded: Promise<void>): void {
    this.start();
    if (this.listeners.size) return;
    this.cancelClosing?.();
    void loaded.then(() => {
      if (!this.listeners.size) this.closeLater();
    });
  }

  private start(): void {
    if (this.isOpen) return;
    this.isOpen = true;
    this.open();
  }

  protected notify(): void {
    for (const listener of [...this.listeners]) listener();
  }

  private closeLater(): void {
    this.cancelClosing?.();
    this.cancelClosing = this.clock.after(this.graceMs, () => {
      if (this.isOpen) this.close();
      this.isOpen = false;
      this.onClosed();
    });
  }
}
