import {useCallback, useEffect, useMemo, useRef} from 'react';
import type {ProxyPresence as Presence} from '../tab/presence/presence.js';
import {observersOf} from './connection-observers.js';
import {useConnection} from './context.js';
import type {PresenceObserver, PresenceState} from './presence-observer.js';
import {identity, useObservable} from './use-observable.js';

/** The result of `usePresence` and `useDocPresence`: the values of others, and a function that shows a value of this component. */
export interface PresenceResult<Value> extends PresenceState<Value> {
  /**
   * Shows a value of this component to others; null withdraws it. The value is withdrawn when the component unmounts. A later call, for
   * example from a timer, shows nothing. Rejects if the value can't be sent.
   */
  readonly submit: (value: Value | null) => Promise<void>;
}

/**
 * Follows the presence of others in a channel.
 * @param channel any name that all participants use
 */
export function usePresence<Value = any>(channel: string): PresenceResult<Value> {
  const connection = useConnection();
  const observer = useMemo(() => observersOf(connection).presence<Value>(channel), [connection, channel]);
  return usePresenceOf(observer);
}

/** Follows the presence of others in a document, for example their selections: the document's ops transform the values. */
export function useDocPresence<Value = any>(collection: string, id: string): PresenceResult<Value> {
  const connection = useConnection();
  const observer = useMemo(() => observersOf(connection).docPresence<Value>(collection, id), [connection, collection, id]);
  return usePresenceOf(observer);
}

function usePresenceOf<Value>(observer: PresenceObserver<Value>): PresenceResult<Value> {
  const state = useObservable(observer, identity<PresenceState<Value>>);
  const local = useRef<ReturnType<Presence['create']> | undefined>(undefined);
  const hasEnded = useRef(false);
  useEffect(() => {
    hasEnded.current = false;
    return () => {
      hasEnded.current = true;
      local.current?.destroy(() => {});
      local.current = undefined;
    };
  }, [observer]);
  const submit = useCallback(async (value: Value | null): Promise<void> => {
    // Nothing would withdraw the value.
    if (hasEnded.current) return;
    local.current ??= observer.presence.create();
    const {current} = local;
    await new Promise<void>((resolve, reject) => current.submit(value as never, (error: unknown) => (error ? reject(error) : resolve())));
  }, [observer]);
  return useMemo(() => ({...state, submit}), [state, submit]);
}
