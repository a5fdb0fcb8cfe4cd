import {TabsError} from '../protocol/errors.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';

/** The part of a window that {@link askBeforeUnload} uses. */
export interface UnloadTarget {
  /** Adds a listener. The library adds one only while some edits are not saved. */
  addEventListener(type: 'beforeunload', listener: (event: {preventDefault(): void; returnValue?: unknown}) => void): void;
  /** Removes a listener. */
  removeEventListener(type: 'beforeunload', listener: (event: {preventDefault(): void; returnValue?: unknown}) => void): void;
}

/**
 * Makes the browser ask the user for confirmation before the page is unloaded while edits would be lost (see
 * {@link wouldLoseEdits}). A `beforeunload` listener exists only while some edits are not saved, because Firefox keeps pages with
 * such a listener out of the back/forward cache (MDN, `beforeunload`).
 * @param target the window. Default: the global `window`.
 * @returns a function that removes the listeners
 * @throws ERR_TABS_BAD_OPTION if `connection` is not one of `createConnection`, if `target` is no window, or if it is missing and there is
 *   no global window
 */
export function askBeforeUnload(
  connection: ProxyConnection, target: UnloadTarget | undefined = (globalThis as {window?: UnloadTarget}).window
): () => void {
  checkConnection('askBeforeUnload', connection);
  if (!target) throw new TabsError('ERR_TABS_BAD_OPTION', 'askBeforeUnload: there is no window here; call it in a page');
  if (typeof target.addEventListener !== 'function') throw new TabsError('ERR_TABS_BAD_OPTION', 'askBeforeUnload: the second argument must be a window');
  let isListening = false;
  const ask = (event: {preventDefault(): void; returnValue?: unknown}): void => {
    if (!wouldLoseEdits(connection)) return;
    event.preventDefault();
    // Chromium before 119 and Safari ignore `preventDefault` and require this.
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
 * Returns whether edits are lost if this page ends now. With a working store the result is always false: the page saves the ops
 * that the host has not received in `localStorage`. Without one, edits are lost unless the host has received them and another tab
 * is open.
 * @throws ERR_TABS_BAD_OPTION if `connection` is not one of `createConnection`
 */
export function wouldLoseEdits(connection: ProxyConnection): boolean {
  checkConnection('wouldLoseEdits', connection);
  const {status, hostState} = connection;
  if (status.durable) return false;
  if (!status.pendingOps && !connection.hasWritePending()) return false;
  const isDirect = (connection as {mode?: string}).mode === 'direct';
  return isDirect || hostState !== 'connected' || status.tabs < 2 || connection.hasUnsentOps;
}

function checkConnection(what: string, connection: ProxyConnection | undefined): void {
  // ShareDB's own connection has no save state.
  if (connection?.saveState === undefined) throw new TabsError('ERR_TABS_BAD_OPTION', `${what}: the first argument must be a connection of createConnection`);
}
