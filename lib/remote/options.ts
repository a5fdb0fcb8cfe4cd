import {RemoteError} from './errors.js';
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
  readonly limits: {readonly depth: number; readonly references: number; readonly pending: number};
}

/** `autoTransfer: true` transfers buffers of any size. */
const MOVE_BYTES = 0;

/** @throws ERR_REMOTE_BAD_OPTION */
export function resolveOptions(options: RemoteOptions = {}): ResolvedOptions {
  const {autoTransfer = false, limits = {}, timeout} = options;
  if (timeout !== undefined && !(timeout > 0)) throw badOption('timeout', 'a number of ms above 0');
  for (const [name, limit] of Object.entries(limits)) if (!((limit as number) > 0)) throw badOption(`limits.${name}`, 'a number above 0');
  if (options.name !== undefined && typeof options.name !== 'string') throw badOption('name', 'a string');
  for (const name of ['allow', 'onError'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') throw badOption(name, 'a function');
  }
  return {
    name: options.name ?? '',
    allowEvaluate: options.allowEvaluate === true,
    allow: options.allow,
    movesFrom: autoTransfer === true ? MOVE_BYTES : autoTransfer ? autoTransfer.minBytes : undefined,
    handlers: options.handlers ?? [],
    timeout,
    stacks: options.stacks !== false,
    onError: options.onError ?? warn,
    limits: {depth: limits.depth ?? 200, references: limits.references ?? 1_000_000, pending: limits.pending ?? 100_000}
  };
}

const badOption = (name: string, what: string): RemoteError => new RemoteError('ERR_REMOTE_BAD_OPTION', `The option ${name} must be ${what}`);

function warn(error: Error, what: string): void {
  // eslint-disable-next-line no-console
  console.warn(`sharedb-tabs/remote: nobody awaits the error of ${what}`, error);
}
