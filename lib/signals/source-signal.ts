import {readOnly, type SignalLike, type SignalNamespace} from './signal-like.js';

/** What a signal is made of: something that says when it has changed. */
export interface Source<T> {
  read(): T;
  /** Calls back for each change. Returns a function that ends that. */
  listen(changed: () => void): () => void;
}

/**
 * A read-only signal of a source. It listens only while somebody watches it; unwatched, it is read anew each time.
 */
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
  // Never equal: a document's data is changed in place.
  const watched = readOnly(Signal, () => {
    changes.get();
    return source.read();
  }, {equals: () => false});
  const {get} = watched;
  watched.get = function (this: SignalLike<T>) {
    // Nobody tells an unwatched signal of changes.
    if (!stop) changes.set(++version);
    return get.call(watched) as T;
  };
  return watched;
}

const hook = (name: symbol | undefined, run: () => void): object => (name ? {[name]: run} : {});
