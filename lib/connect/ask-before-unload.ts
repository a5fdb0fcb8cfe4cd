import {TabsError} from '../protocol/errors.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';

/** The window, as far as it is needed. */
export interface UnloadTarget {
  /** Adds a listener. The library adds one only while edits would be lost. */
  addEventListener(type: 'beforeunload', listener: (event: {preventDefault(): void; returnValue?: unknown}) => void): void;
  /** Removes a listener. */
  removeEventListener(type: 'beforeunload', listener: (event: {preventDefault(): void; returnValue?: unknown}) => void): void;
}

/**
 * Has the browser ask the user before the page goes away with edits that would be lost with it: see {@link wouldLoseEdits}. While
 * nothing would be lost there is no listener: Firefox keeps pages with one out of the back/forward cache (MDN, `beforeunload`).
 * @returns ends it
 * @throws ERR_TABS_BAD_OPTION where there is no window and none is given
 */
export function askBeforeUnload(
  connection: ProxyConnection, target: UnloadTarget | undefined = (globalThis as {window?: UnloadTarget}).window
): () => void {
  if (!target) throw new TabsError('ERR_TABS_BAD_OPTION', 'askBeforeUnload: there is no window here; call it in a page');
  let isListening = false;
  const ask = (event: {preventDefault(): void; returnValue?: unknown}): void => {
    if (!wouldLoseEdits(connection)) return;
    event.preventDefault();
    // Chromium before 119 and Safari look at this alone.
    event.returnValue = true;
  };
  const listen = (isWanted: boolean): void => {
    if (isWanted === isListening) return;
    isListening = isWanted;
    if (isWanted) target.addEventListener('beforeunload', ask);
    else target.removeEventListener('beforeunload', ask);
  };
  const look = (): void => listen(connection.saveState !== 'saved');
  look();
  connection.on('saveState', look);
  return () => {
    connection.off('saveState', look);
    listen(false);
  };
}

/**
 * Whether edits are lost if this page ends now. With a store that works, never: what the host has not got yet, the page leaves in
 * `localStorage`. Without one, not if other tabs are open: they go on, with a new host if need be.
 */
export function wouldLoseEdits(connection: ProxyConnection): boolean {
  const {status, hostState} = connection;
  if (status.durable) return false;
  if (!status.pendingOps && !connection.hasWritePending()) return false;
  const isDirect = (connection as {mode?: string}).mode === 'direct';
  return isDirect || hostState !== 'connected' || status.tabs < 2 || connection.hasUnsentOps;
}
