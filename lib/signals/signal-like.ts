/** The part of TC39's `Signal` that is used here, from `signal-polyfill` or a browser. The app supplies it. */
export interface SignalNamespace {
  State: new <T>(value: T, options?: SignalOptions<T>) => StateLike<T>;
  Computed: new <T>(compute: () => T, options?: SignalOptions<T>) => SignalLike<T>;
  subtle: {
    Watcher: new (notify: () => void) => WatcherLike;
    watched?: symbol;
    unwatched?: symbol;
  };
}

/** The options of a signal's constructor, as the signals proposal has them. */
export interface SignalOptions<T> {
  equals?: (a: T, b: T) => boolean;
}

/** A signal of any library that follows the TC39 proposal. */
export interface SignalLike<T> {
  get(): T;
}

export interface StateLike<T> extends SignalLike<T> {
  set(value: T): void;
}

/** A watcher of the signals proposal: it is notified when one of its signals may have changed. */
export interface WatcherLike {
  watch(...signals: unknown[]): void;
  unwatch(...signals: unknown[]): void;
  getPending(): unknown[];
}

/** Runs after the current synchronous code: reading signals in a watcher's callback throws. */
export const afterTurn = (run: () => void): void => queueMicrotask(run);

/** A signal that only this library sets. */
export function readOnly<T>({Computed}: SignalNamespace, read: () => T, hooks: SignalOptions<T>): SignalLike<T> & {set(value: never): never} {
  const signal = new Computed(read, hooks);
  return Object.assign(signal, {
    set(): never {
      throw new TypeError('This signal is read-only: it follows its source');
    }
  });
}
