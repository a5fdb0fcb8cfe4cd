import type {Clock} from '../platform/platform.js';

/** A source of state, in the form that `useSyncExternalStore` needs. */
export interface Observable<State> {
  subscribe(listener: () => void): () => void;
  /** The same object until the state changes. */
  getSnapshot(): State;
  /**
   * The state that the server renders. React also calls this in the browser, for hydration. There it must return the same state as on the
   * server, even if the data are loaded by then. Returns the same object at each call.
   */
  getServerSnapshot(): State;
}

/**
 * State that several components share. The first subscriber opens it. It closes when it has had no subscriber for the grace period:
 * React's StrictMode unmounts and mounts each component once, and users who change pages often return.
 */
export abstract class Observer<State> implements Observable<State> {
  private readonly listeners = new Set<() => void>();
  private cancelClosing: (() => void) | undefined;
  private isOpen = false;

  constructor(private readonly clock: Clock, private readonly graceMs: number, private readonly onClosed: () => void) {
    // If React discards a render, nobody ever subscribes to the observer.
    this.closeLater();
  }

  abstract getSnapshot(): State;
  abstract getServerSnapshot(): State;
  /** Starts to follow the source. */
  protected abstract open(): void;
  /** Stops following the source. Called once for each {@link open}. */
  protected abstract close(): void;

  /** Frees what the constructor has created. Called if nobody has ever subscribed: on a server, or after a render that React has discarded. */
  protected discard(): void {}

  /** @returns a function that ends the subscription */
  readonly subscribe = (listener: () => void): (() => void) => {
    // The same function may be subscribed twice.
    const own = (): void => listener();
    this.listeners.add(own);
    this.cancelClosing?.();
    this.cancelClosing = undefined;
    this.start();
    return () => {
      if (this.listeners.delete(own) && !this.listeners.size) this.closeLater();
    };
  };

  /**
   * Opens the observer before anybody subscribes, and keeps it open at least until `loaded` settles. Used by components that
   * suspend.
   */
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
      else this.discard();
      this.isOpen = false;
      this.onClosed();
    });
  }
}
