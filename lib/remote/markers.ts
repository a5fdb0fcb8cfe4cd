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

/** The look-up is left out where an app uses no marks: it is made for each object that is sent. */
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

/** Sends an object by reference, where it would be cloned. `with` names members that go along: see `peek`. */
export function ref<T extends object>(value: T, options: {onRelease?: () => void; with?: readonly (keyof T)[]} = {}): T {
  return mark(value, {as: 'reference', onRelease: options.onRelease, keys: options.with}, 'ref()');
}

/** Sends an object as a value, where it would be a reference: its own enumerable members, without its class. */
export function value<T extends object>(value: T): T {
  return mark(value, {as: 'value'}, 'value()');
}

/** Sends something by moving it: a buffer, a view, a port, a canvas, or a value with such parts. */
export function transfer<T>(value: T, parts?: readonly Transferable[]): T {
  if (/^\[object (?:Blob|File|FileList)\]$/.test(tagOf(value))) {
    throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'Files and Blobs are not moved: send them as they are, which copies a handle and none of the data');
  }
  const moved = parts ?? [(ArrayBuffer.isView(value) ? value.buffer : value) as Transferable];
  return mark(value, {as: 'moved', parts: moved}, 'transfer()');
}

/** An event handler with what must be done before it returns: the other side does that at once, then calls. */
export function handler<F extends Fn>(fn: F, options: HandlerOptions): F {
  if (typeof fn !== 'function') throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'handler() takes a function');
  handlers.set(fn, {...options});
  return fn;
}
