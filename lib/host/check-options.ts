import {unknownOption} from '../platform/option-names.js';
import {TabsError} from '../protocol/errors.js';
import type {HostSettings} from './host-settings.js';
import type {StoreOptions} from './open-store.js';

// The type check fails if a name is missing here.
const NAMES: Record<keyof HostSettings, true> = {
  connection: true, namespace: true, channel: true, locks: true, clock: true, place: true, build: true, after: true, store: true, mirror: true,
  idleAfter: true, cleared: true, isCleared: true, isTransient: true, queries: true, faults: true, warn: true
};
export const STORE_NAMES: Record<keyof StoreOptions, true> = {
  name: true, storage: true, durability: true, resume: true, maxAge: true, maxSize: true, cipher: true
};

/**
 * @param others the names of the options that are not settings
 * @throws ERR_TABS_BAD_OPTION if an option is unknown, or `connection` is not a ShareDB connection
 */
export function checkHostOptions(options: HostSettings, others: Record<string, true>): void {
  const {connection, store} = options;
  const unknown = unknownOption('Host', options, Object.keys({...NAMES, ...others})) ??
    unknownOption('Host({store})', store || {}, Object.keys(STORE_NAMES));
  if (unknown) throw new TabsError('ERR_TABS_BAD_OPTION', unknown);
  if (typeof (connection as {get?: unknown} | undefined)?.get !== 'function') {
    throw new TabsError('ERR_TABS_BAD_OPTION', 'Host: option connection takes a ShareDB Connection, for example backend.connect()');
  }
}
