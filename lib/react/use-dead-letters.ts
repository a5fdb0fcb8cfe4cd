import {useEffect, useMemo, useReducer, useState} from 'react';
import type {TabDeadLetters} from '../tab/dead-letters.js';
import type {DeadLetter} from '../protocol/messages.js';
import {useConnection} from './context.js';
import {useStatus} from './use-status.js';

/** The result of `useDeadLetters`: the dead letters, and functions to handle them. */
export interface DeadLettersResult {
  /** The ops that the server rejected for good, or that no host could apply; empty until they are loaded. */
  readonly letters: readonly DeadLetter[];
  /** Applies the op of a letter again, transformed over the ops since: see `connection.deadLetters.retry`. */
  readonly retry: TabDeadLetters['retry'];
  /** Deletes a letter: see `connection.deadLetters.discard`. */
  readonly discard: TabDeadLetters['discard'];
  /** Returns all letters as JSON, e.g. for a file that the user can keep. */
  readonly export: TabDeadLetters['export'];
  /** Why the list could not be loaded. */
  readonly error: Error | undefined;
}

/** Lists the dead letters of all tabs, and renders again when the list changes. */
export function useDeadLetters(): DeadLettersResult {
  const connection = useConnection();
  const {deadLetters: count, hostState} = useStatus();
  const [listed, setListed] = useState<Pick<DeadLettersResult, 'letters' | 'error'>>({letters: [], error: undefined});
  // The count in the status may miss a letter that is discarded at once.
  const [ownCalls, relist] = useReducer((calls: number) => calls + 1, 0);
  useEffect(() => {
    if (hostState !== 'connected') return;
    let isOver = false;
    connection.deadLetters.list().then(
      letters => { if (!isOver) setListed({letters, error: undefined}); },
      (error: Error) => { if (!isOver) setListed(({letters}) => ({letters, error})); }
    );
    return () => { isOver = true; };
  }, [connection, count, hostState, ownCalls]);
  return useMemo(() => ({
    ...listed,
    retry: id => connection.deadLetters.retry(id).finally(relist),
    discard: id => connection.deadLetters.discard(id).finally(relist),
    export: () => connection.deadLetters.export()
  }), [connection, listed]);
}
