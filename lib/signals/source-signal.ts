import {readOnly, type SignalLike, type SignalNamespace} from './signal-like.js';

/** The source of a signal: a value that reports its changes. */
export interface Source<T> {
  read(): T;
  /** Calls back for each change. Returns a function that stops it. */
  listen(changed: () => void): () => void;
}

/** A read-only signal of a source. It listens to the source only while it is watched. Unwatched, it reads the source each time. */
export function sourceSignal<T>(Signal: SignalNamespace, source: Source<T>): SignalLike<T> {
  let version = 0;
  let stop: (() => void) | undefined;
  const changes = new Signal.State(0, {
    ...hook(Signal.subtle.watched, () => (stop ??= source.listen(() => changes.set(++version)))),
    ...hook(Signal.subtle.unwatched, () => {
      stop?.();
      stop = undefined;
    })
  });
  // Never equal, because a document's data is changed in place.
  const watched = readOnly(Signal, () => {
    changes.get();
    return source.read();
  }, {equals: () => false});
  const {get} = watched;
  watched.get = function (this: SignalLike<T>) {
    // An unwatched signal is not notified of changes.
    if (!stop) changes.set(++version);
    return get.call(watched) as T;
  };
  return watched;
}

const hook = (name: symbol | undefined, run: () => void): object => (name ? {[name]: run} : {});
