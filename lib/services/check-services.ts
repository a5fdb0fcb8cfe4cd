import {TabsError} from '../protocol/errors.js';

/** @throws ERR_TABS_BAD_OPTION if `services` is neither an object of functions nor a function that loads one */
export function checkServices(where: string, services: unknown): void {
  if (services === undefined || typeof services === 'function') return;
  const isObject = typeof services === 'object' && services !== null;
  const bad = isObject ? Object.entries(services).find(([, make]) => typeof make !== 'function')?.[0] : undefined;
  if (isObject && bad === undefined) return;
  throw new TabsError('ERR_TABS_BAD_OPTION', `${where}({services}) takes functions that each create a service, e.g. {notes: host => new Notes(host)}${bad === undefined ? '' : `: ${bad} is not a function`}`);
}
