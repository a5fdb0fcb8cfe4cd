import {isFlag, unknownOption, type OptionCheck} from '../platform/option-checks.js';
import {isObject} from '../protocol/checks.js';
import {TabsError} from '../protocol/errors.js';

/**
 * @param what the call or the object that the options belong to, for the message
 * @param checks the valid values of each option
 * @throws ERR_TABS_BAD_OPTION if `options` is not an object, or an option is unknown or has a wrong value
 */
export function checkOptions<Options extends object>(what: string, options: Options, checks: {[Name in keyof Options]-?: OptionCheck}): void {
  const refuse = (value: unknown, words: string): never => {
    throw new TabsError('ERR_TABS_BAD_OPTION', `${what}${words}, not ${isObject(value) ? 'an object' : String(value)}`);
  };
  if (!isObject(options)) refuse(options, ' takes an object of options');
  // Includes inherited names: an AbortSignal that is passed in place of the options has only such members, and is refused.
  for (const name in options) {
    const value = options[name];
    const [words, fits] = Object.hasOwn(checks, name) ? checks[name] : [];
    if (!fits) throw new TabsError('ERR_TABS_BAD_OPTION', unknownOption(what, {[name]: value}, Object.keys(checks))!);
    if (value !== undefined && !fits(value)) refuse(value, `: option ${name} takes ${words}`);
  }
}

export const FLAG: OptionCheck = ['true or false', isFlag];
/** Infinity is valid, too. */
export const NUMBER: OptionCheck = ['a number of at least 0', value => typeof value === 'number' && value >= 0];
export const COUNT: OptionCheck = ['an integer of at least 1', value => Number.isSafeInteger(value) && value > 0];
/** Does not use `instanceof`, because a signal of another page is not an instance of this page's class. */
export const SIGNAL: OptionCheck = ['an AbortSignal', value => isObject(value) && 'aborted' in value];
export const oneOf = (...values: string[]): OptionCheck => [`'${values.join("' or '")}'`, value => values.includes(value)];
