import {RemoteError, tagOf} from './errors.js';
import type {Fn} from './types.js';
import type {HandlerOptions} from './wire.js';

/** How the app wants an object to be sent; see {@link ref}, {@link value}, {@link transfer}, {@link handler}. */
export type Mark =
  | {readonly as: 'reference'; readonly onRelease?: (() => void) | undefined; readonly keys?: readonly PropertyKey[] | undefined}
  | {readonly as: 'value'}
  | {readonly as: 'moved'; readonly parts: readonly Transferable[]};

const marks = new WeakMap<object, Mark>();
const handlers = new WeakMap<object, HandlerOptions>();
let isUsed = false;

/** Skips the look-up if the app uses no marks: it would run for each object that is sent. */
export const markOf = (value: object): Mark | undefined => (isUsed ? marks.get(value) : undefined);
export const handlerOptionsOf = (value: object): HandlerOptions | undefined => handlers.get(value);

function mark<T>(value: T, how: Mark, what: string): T {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') {
    throw new RemoteError('ERR_REMOTE_BAD_OPTION', `${what} takes an object or a function, not ${value === null ? 'null' : `a ${typeof value}`}`);
  }
  isUsed = true;
  marks.set(value as object, how);
  return value;
}

/**
 * Sends an object by reference that would otherwise be cloned. `with` names primitive members that are sent along: see `peek`. `onRelease` is
 * called when the other side has released the object, or the connection has ended.
 * @throws ERR_REMOTE_BAD_OPTION if it is neither an object nor a function
 */
export function ref<T extends object>(value: T, options: {onRelease?: () => void; with?: readonly (keyof T)[]} = {}): T {
  return mark(value, {as: 'reference', onRelease: options.onRelease, keys: options.with}, 'ref()');
}

/**
 * Sends an object as a value that would otherwise be a reference: its own enumerable members, without its class.
 * @throws ERR_REMOTE_BAD_OPTION if it is neither an object nor a function
 */
export function value<T extends object>(value: T): T {
  return mark(value, {as: 'value'}, 'value()');
}

/**
 * Transfers an object: a buffer, a view, a port, a canvas, or a value with such parts.
 * @throws ERR_REMOTE_BAD_OPTION for a Blob, a file, or a value that is not an object
 */
export function transfer<T>(value: T, parts?: readonly Transferable[]): T {
  if (/^\[object (?:Blob|File|FileList)\]$/.test(tagOf(value))) {
    throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'Files and Blobs can\'t be transferred: send them as they are, which copies a handle and none of the data');
  }
  const moved = parts ?? [(ArrayBuffer.isView(value) ? value.buffer : value) as Transferable];
  return mark(value, {as: 'moved', parts: moved}, 'transfer()');
}

/**
 * An event handler with actions that must happen before it returns: the other side performs them at once, and then calls the
 * handler.
 * @throws ERR_REMOTE_BAD_OPTION if it is not a function
 */
export function handler<F extends Fn>(fn: F, options: HandlerOptions): F {
  if (typeof fn !== 'function') throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'handler() takes a function');
  handlers.set(fn, {...options});
  return fn;
}
