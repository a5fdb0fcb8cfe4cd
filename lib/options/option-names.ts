import {unknownOption} from '../platform/option-checks.js';
import {isObject} from '../protocol/checks.js';
import {TabsError} from '../protocol/errors.js';

/** @throws ERR_TABS_BAD_OPTION for an unknown option, which would have no effect, or if the options are not an object */
export function checkNames(what: string, options: unknown, known: readonly string[]): void {
  const message = isObject(options) ? unknownOption(what, options, known) : `${what} takes an object with options`;
  if (message) throw new TabsError('ERR_TABS_BAD_OPTION', message);
}
