import {TabsError} from '../../protocol/errors.js';

/** The calls that a read-only page may make. */
const CALLS: ReadonlySet<string> = new Set([
  'host.ping', 'host.inspect', 'host.observe', 'deadLetters.list', 'quarantine.list', 'quarantine.export'
]);

export const readOnly = (what: string): TabsError => new TabsError(
  'ERR_TABS_READ_ONLY', `${what} was refused: this page has joined with joinNamespace() and is read-only. Use createConnection() to work with documents`
);

/** @throws ERR_TABS_READ_ONLY if the call is not one of those that only read */
export function checkObserverCall(name: string): void {
  if (!CALLS.has(name)) throw readOnly(`The call ${name}`);
}
