import {useEffect, useMemo, useRef, useSyncExternalStore} from 'react';
import type {Observable} from './observer.js';
import {shareStructure} from './snapshot-cache.js';

/**
 * Renders with the state of a source, and again when it changes.
 * @param select computes what the component needs. The component renders again only if the result has changed in value.
 */
export function useObservable<State, Selected>(source: Observable<State>, select: (state: State) => Selected): Selected {
  const last = useRef<{selected: Selected} | undefined>(undefined);
  const getSelected = useMemo(() => {
    let of: {state: State; selected: Selected} | undefined;
    return () => {
      const state = source.getSnapshot();
      if (of && Object.is(of.state, state)) return of.selected;
      const before = of ?? last.current;
      const selected = select(state);
      of = {state, selected: before ? shareStructure(before.selected, selected) : selected};
      return of.selected;
    };
  }, [source, select]);
  // Hydration finds no difference as long as the state is what the server had: nothing loaded, no host.
  const selected = useSyncExternalStore(source.subscribe, getSelected, getSelected);
  useEffect(() => {
    last.current = {selected};
  }, [selected]);
  return selected;
}

/**
 * Throws the promise that React's Suspense waits for, or the error for an error boundary.
 * @param loaded settles when the state is no longer loading
 */
export function suspendWhile(isLoading: boolean, loaded: Promise<void>, error: Error | undefined): void {
  if (isLoading) throw loaded;
  if (error) throw error;
}

/** Selects the whole state. It is one function, so that `select` is the same in each render. */
export function identity<T>(value: T): T {
  return value;
}
