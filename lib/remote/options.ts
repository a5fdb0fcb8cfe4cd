import {RemoteError} from './errors.js';
import {isFlag, isFunction, unknownOption, wrongValue, type OptionCheck} from '../platform/option-checks.js';
import type {Handler, RemoteOptions} from './types.js';

/** The options of a connection, checked, with their defaults. */
export interface ResolvedOptions {
  readonly name: string;
  readonly allowEvaluate: boolean;
  readonly allow: RemoteOptions['allow'];
  readonly movesFrom: number | undefined;
  readonly handlers: readonly Handler[];
  readonly timeout: number | undefined;
  readonly stacks: boolean;
  readonly onError: (error: Error, what: string) => void;
  readonly signal?: AbortSignal;
  readonly limits: {readonly depth: number; readonly references: number; readonly pending: number};
}

/** `autoTransfer: true` transfers buffers of any size. */
const MOVE_BYTES = 0;
const LIMITS = {depth: 200, references: 1_000_000, pending: 100_000};

const isPositive = (value: unknown): boolean => (value as number) > 0;
const FLAG: OptionCheck = ['true or false', isFlag];
export const FUNCTION: OptionCheck = ['a function', isFunction];

export const CHECKS: {readonly [Name in keyof RemoteOptions]-?: OptionCheck} = {
  name: ['a string', value => typeof value === 'string'],
  signal: ['an AbortSignal', value => isFunction(value?.addEventListener)],
  allowEvaluate: FLAG,
  allow: FUNCTION,
  autoTransfer: ['true, false or {minBytes}', value => isFlag(value) || value?.minBytes >= 0],
  handlers: ['an array', Array.isArray],
  timeout: ['a number of ms above 0', isPositive],
  stacks: FLAG,
  onError: FUNCTION,
  limits: ['numbers above 0', value => value && Object.values(value).every(isPositive)]
};

/**
 * @param what what the options belong to, for the message
 * @returns the options that are not undefined
 * @throws ERR_REMOTE_BAD_OPTION if an option is unknown or has a wrong value
 */
export function checkOptions<Options extends object>(what: string, options: Options, checks: {readonly [Name in keyof Options]-?: OptionCheck}): Options {
  checkNames(what, options, checks);
  const wrong = wrongValue(what, options, checks);
  if (wrong) throw badOption(wrong);
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}

/** @throws ERR_REMOTE_BAD_OPTION */
export function resolveOptions(options: RemoteOptions = {}): ResolvedOptions {
  const {limits = {}, autoTransfer, ...given} = checkOptions('remote', options, CHECKS);
  checkNames('remote: limits', limits, LIMITS);
  return {
    name: '', allow: undefined, allowEvaluate: false, handlers: [], timeout: undefined, stacks: true, onError: warn, ...given,
    movesFrom: autoTransfer === true ? MOVE_BYTES : autoTransfer ? autoTransfer.minBytes : undefined,
    limits: {...LIMITS, ...limits}
  };
}

function checkNames(what: string, options: object, known: object): void {
  const unknown = unknownOption(what, options, Object.keys(known));
  if (unknown) throw badOption(unknown);
}

const badOption = (message: string): RemoteError => new RemoteError('ERR_REMOTE_BAD_OPTION', message);

function warn(error: Error, what: string): void {
  // eslint-disable-next-line no-console
  console.warn(`sharedb-tabs/remote: nobody awaits the error of ${what}`, error);
}
