import {useEffect, useMemo, useRef, useSyncExternalStore} from 'react';
import {isRenderedOnServer} from '../platform/rendered-on-server.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {Observable} from './observer.js';
import {shareStructure} from './snapshot-cache.js';

/**
 * Renders with the state of a source, and again when it changes.
 * @param select computes what the component needs. The component renders again only if the result has changed in value.
 */
export function useObservable<State, Selected>(source: Observable<State>, select: (state: State) => Selected): Selected {
  const last = useRef<{selected: Selected} | undefined>(undefined);
  const [getSelected, getServerSelected] = useMemo(() => {
    const selectOf = (getState: () => State): (() => Selected) => {
      let of: {state: State; selected: Selected} | undefined;
      return () => {
        const state = getState();
        if (of && Object.is(of.state, state)) return of.selected;
        const before = of ?? last.current;
        const selected = select(state);
        of = {state, selected: before ? shareStructure(before.selected, selected) : selected};
        return of.selected;
      };
    };
    return [selectOf(() => source.getSnapshot()), selectOf(() => source.getServerSnapshot())] as const;
  }, [source, select]);
  const selected = useSyncExternalStore(source.subscribe, getSelected, getServerSelected);
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

/**
 * A component that suspends on a server would wait forever if its connection opens nothing there.
 * @throws an error, after which React renders the nearest Suspense boundary in the browser
 */
export function checkCanLoad(connection: ProxyConnection): void {
  // Only connections of `createConnection` have a mode. With a backend, it is known at once.
  const isOpened = !('mode' in connection) || connection.mode !== undefined;
  if (isOpened || !isRenderedOnServer()) return;
  throw new Error(
    'sharedb-tabs/react: a connection loads nothing while a server renders, so a component with {suspense: true} can\'t wait for data. ' +
    'Its Suspense boundary is rendered in the browser. To render data on the server, pass a ShareDB backend to createConnection.'
  );
}

/** Selects the whole state. It is one function, so that `select` is the same in each render. */
export function identity<T>(value: T): T {
  return value;
}
