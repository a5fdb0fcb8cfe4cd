import {isFlag, isFunction, unknownOption, wrongValue, type OptionCheck} from '../platform/option-checks.js';
import {isObject, isText} from '../protocol/checks.js';
import {TabsError} from '../protocol/errors.js';
import type {HostSettings} from './host-settings.js';
import type {StoreOptions} from './open-store.js';
import type {ServerTimeouts} from './server/server-watch.js';

/** Whether a value is a number above 0. */
const isPositive = (value: unknown): boolean => typeof value === 'number' && value > 0;

export const IS_FLAG: OptionCheck = ['true or false', isFlag];
export const IS_NAME: OptionCheck = ['a non-empty string', name => name && isText(name)];
export const IS_STORE: OptionCheck = ['false or an object with options', store => store === false || isObject(store)];
export const IS_TRANSIENT: OptionCheck = ['a function of an error', isFunction];
const IS_TIME: OptionCheck = ['a number of milliseconds above 0', isPositive];
const ANYTHING: OptionCheck = ['', () => true];

// In these tables, the type check fails if a name is missing.
const STORE: Record<keyof StoreOptions, OptionCheck> = {
  name: IS_NAME,
  storage: ['an object with the methods of Storage, such as new IndexedDbStorage()', storage => isObject(storage) && isFunction(storage['open'])],
  durability: ["'delayed', 'written' or 'strict'", durability => ['delayed', 'written', 'strict'].includes(durability)],
  resume: ["'snapshot' or 'ops'", resume => ['snapshot', 'ops'].includes(resume)],
  maxAge: IS_TIME,
  maxSize: ['a number of bytes above 0', isPositive],
  cipher: ['an object with the functions encrypt and decrypt, such as aesGcm(key)',
    cipher => isObject(cipher) && isFunction(cipher['encrypt']) && isFunction(cipher['decrypt'])]
};
const TIMEOUTS: Record<keyof ServerTimeouts, OptionCheck> = {hello: IS_TIME, answer: IS_TIME, pong: IS_TIME};
const SETTINGS: Record<keyof HostSettings, OptionCheck> = {
  connection: ['a ShareDB Connection, for example backend.connect()', connection => isFunction(connection?.get)],
  namespace: IS_NAME, channel: ['a function that opens a channel by its name', isFunction], locks: ['an object like navigator.locks', isObject],
  store: IS_STORE, mirror: IS_FLAG, isCleared: ['a function', isFunction], isTransient: IS_TRANSIENT,
  warn: ['a function of a message and a detail', isFunction], idleAfter: ['a number of milliseconds', time => typeof time === 'number'],
  build: ['a string', isText],
  clock: ANYTHING, place: ANYTHING, after: ANYTHING, cleared: ANYTHING, queries: ANYTHING, faults: ANYTHING
};

/**
 * @param what the function, for the error's message
 * @throws ERR_TABS_BAD_OPTION with the first option that is unknown, or whose value is defined and does not fit
 */
export function checkValues(what: string, options: unknown, checks: Readonly<Record<string, OptionCheck>>): void {
  const mistake = isObject(options) ? unknownOption(what, options, Object.keys(checks)) ?? wrongValue(what, options, checks) : `${what} takes an object with options`;
  if (mistake) throw new TabsError('ERR_TABS_BAD_OPTION', mistake);
}

/** Checks the options of a store as {@link checkValues} does. */
export const checkStoreOptions = (what: string, store: StoreOptions | false | undefined): void => checkValues(`${what}({store})`, store || {}, STORE);

/** Checks time limits as {@link checkValues} does. */
export const checkServerTimeouts = (what: string, timeouts: ServerTimeouts = {}): void => checkValues(`${what}({serverTimeouts})`, timeouts, TIMEOUTS);

/**
 * @param others the names of the options that are not settings
 * @throws ERR_TABS_BAD_OPTION if an option is unknown or has a wrong value, or `connection` is not a ShareDB connection
 */
export function checkHostOptions(options: HostSettings, others: Record<string, true>): void {
  const otherChecks = Object.fromEntries(Object.keys(others).map(name => [name, ANYTHING]));
  checkValues('Host', options, {...SETTINGS, ...otherChecks});
  // The option has no default.
  checkValues('Host', {connection: options.connection ?? null}, SETTINGS);
  checkStoreOptions('Host', options.store);
}
