import {unknownOption} from '../platform/option-checks.js';
import {TabsError} from '../protocol/errors.js';
import type {ServiceOptions} from './service-types.js';

// The type check fails if a name is missing here.
const NAMES: Record<keyof ServiceOptions, true> = {
  handlers: true, allow: true, allowEvaluate: true, autoTransfer: true, limits: true, stacks: true, timeout: true, onError: true
};

/**
 * @throws ERR_TABS_BAD_OPTION if `services` is neither an object of functions nor a function that loads one, or an option is unknown. The values of
 * options are checked when the services are loaded
 */
export function checkServices(where: string, services: unknown, options: ServiceOptions = {}): void {
  const unknown = unknownOption(`${where}({serviceOptions})`, options, Object.keys(NAMES));
  if (unknown) throw new TabsError('ERR_TABS_BAD_OPTION', unknown);
  if (services === undefined || typeof services === 'function') return;
  const isObject = typeof services === 'object' && services !== null;
  const bad = isObject ? Object.entries(services).find(([, make]) => typeof make !== 'function')?.[0] : undefined;
  if (isObject && bad === undefined) return;
  throw new TabsError('ERR_TABS_BAD_OPTION', `${where}({services}) takes functions that each create a service, e.g. {notes: host => new Notes(host)}${bad === undefined ? '' : `: ${bad} is not a function`}`);
}
