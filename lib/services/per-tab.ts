import type {PerTab, ServiceTab} from './service-types.js';

/** A symbol of the global registry, because an app may load this file twice: with the worker's script and on demand. */
const MAKER = Symbol.for('sharedb-tabs.perTab');

type Make = (tab: ServiceTab) => object;

/**
 * Marks a service that has one object for each tab, and not one for all. The object's `Symbol.dispose` is called when the tab is
 * gone or the service ends.
 */
export function perTab<T extends object>(make: (tab: ServiceTab) => T): PerTab<T> {
  return {[MAKER]: make} as unknown as PerTab<T>;
}

/** The function that creates the objects; undefined for a service that all tabs share. */
export const makerOf = (service: object): Make | undefined => (service as {[MAKER]?: Make})[MAKER];
