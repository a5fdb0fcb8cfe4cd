/** The part of TC39's `Signal` that is used here, from `signal-polyfill` or a browser. The app supplies it. */
export interface SignalNamespace {
  /** The constructor of signals whose value is set. */
  State: new <T>(value: T, options?: SignalOptions<T>) => StateLike<T>;
  /** The constructor of signals whose value is computed from other signals. */
  Computed: new <T>(compute: () => T, options?: SignalOptions<T>) => SignalLike<T>;
  /** The functions for libraries. */
  subtle: {
    /** The constructor of watchers. `notify` is called when a watched signal may have changed. */
    Watcher: new (notify: () => void) => WatcherLike;
    /** The key of the option that is called when a signal gets its first watcher. */
    watched?: symbol;
    /** The key of the option that is called when a signal loses its last watcher. */
    unwatched?: symbol;
  };
}

/** The options of a signal's constructor, as the signals proposal has them. */
export interface SignalOptions<T> {
  /**
   * Whether two values count as the same. Watchers are not notified of a value that equals the last one. Default `Object.is`.
   */
  equals?: (a: T, b: T) => boolean;
}

/** A signal of any library that follows the TC39 proposal. */
export interface SignalLike<T> {
  /** The present value. A computation or watcher that reads it depends on the signal. */
  get(): T;
}

export interface StateLike<T> extends SignalLike<T> {
  /** Sets the value. */
  set(value: T): void;
}

/** A watcher of the signals proposal: it is notified when one of its signals may have changed. */
export interface WatcherLike {
  /** Watches these signals too, and is ready to notify again. */
  watch(...signals: unknown[]): void;
  /** Stops watching these signals. */
  unwatch(...signals: unknown[]): void;
  /** The watched signals that have changed since they were last read. */
  getPending(): unknown[];
}

/** Runs after the current synchronous code: reading signals in a watcher's callback throws. */
export const afterTurn = (run: () => void): void => queueMicrotask(run);

/** A computed signal with a method `set` that throws a TypeError. */
export function readOnly<T>({Computed}: SignalNamespace, read: () => T, hooks: SignalOptions<T>): SignalLike<T> & {set(value: never): never} {
  const signal = new Computed(read, hooks);
  return Object.assign(signal, {
    set(): never {
      throw new TypeError('This signal is read-only: it follows its source');
    }
  });
}
