import {unknownOption} from '../platform/option-names.js';
import {TabsError} from '../protocol/errors.js';

/** @throws ERR_TABS_BAD_OPTION for an unknown option: it would have no effect */
export function checkNames(what: string, options: object, known: readonly string[]): void {
  const message = unknownOption(what, options, known);
  if (message) throw new TabsError('ERR_TABS_BAD_OPTION', message);
}
