import {define} from './own-members.js';

/** The codes of a {@link RemoteError}. */
export const REMOTE_ERROR_CODES = {
  /** The connection has ended, or the other side was reloaded. `mayHaveRun` says whether the call may have run. */
  ERR_REMOTE_CLOSED: 'ERR_REMOTE_CLOSED',
  /** There was no answer within the option `timeout`. The call may still run. */
  ERR_REMOTE_TIMEOUT: 'ERR_REMOTE_TIMEOUT',
  /** The stub was released, or the other side no longer has its object. */
  ERR_REMOTE_RELEASED: 'ERR_REMOTE_RELEASED',
  /** A value can neither be cloned nor sent by reference. `path` names the place inside the value. */
  ERR_REMOTE_UNCLONEABLE: 'ERR_REMOTE_UNCLONEABLE',
  /** The called member is not a function. */
  ERR_REMOTE_NOT_A_FUNCTION: 'ERR_REMOTE_NOT_A_FUNCTION',
  /** The member does not exist or is not accessible. */
  ERR_REMOTE_NO_MEMBER: 'ERR_REMOTE_NO_MEMBER',
  /** The other side does not run functions that are sent to it. */
  ERR_REMOTE_NOT_ALLOWED: 'ERR_REMOTE_NOT_ALLOWED',
  /** The host has no service of this name. */
  ERR_REMOTE_NO_SERVICE: 'ERR_REMOTE_NO_SERVICE',
  /** The other side uses another version of this protocol, or has sent a malformed message. */
  ERR_REMOTE_PROTOCOL: 'ERR_REMOTE_PROTOCOL',
  /** A limit of the option `limits` is exceeded. */
  ERR_REMOTE_LIMIT: 'ERR_REMOTE_LIMIT',
  /** The event's dispatch has ended, so its default can't be prevented any more. */
  ERR_REMOTE_TOO_LATE: 'ERR_REMOTE_TOO_LATE',
  /** An option or argument of this library's functions is wrong. */
  ERR_REMOTE_BAD_OPTION: 'ERR_REMOTE_BAD_OPTION'
} as const;

/** One of {@link REMOTE_ERROR_CODES}. */
export type RemoteErrorCode = keyof typeof REMOTE_ERROR_CODES;

/** An error of the connection itself. Errors that a method throws arrive as copies, with their own class if it is built in, else as Error. */
export class RemoteError extends Error {
  /** The name of the class. */
  override readonly name = 'RemoteError';
  /** Whether the call may have run. If false, it can be repeated without harm. */
  declare readonly mayHaveRun?: boolean;
  /** The place of the value that can't be sent, inside an argument or result. */
  declare readonly path?: string;
  /**
   * Thrown by this library.
   * @param code one of {@link REMOTE_ERROR_CODES}
   * @param message what happened
   * @param more further members of the error
   */
  constructor(readonly code: RemoteErrorCode, message: string, more: {mayHaveRun?: boolean; path?: string} = {}) {
    super(message);
    Object.assign(this, more);
  }

  /** The place in the documentation that explains this error's code. */
  get help(): string {
    return `sharedb-tabs/docs/errors.md#${this.code.toLowerCase()}`;
  }
}

/**
 * The encoded form of a thrown value: `[class, name, message, stack, fields, cause, errors]`, or `[0, value]` if it is not an
 * error.
 */
export type WireError = readonly [string, string, string, string | undefined, Record<string, unknown> | undefined, WireError?, WireError[]?] | readonly [0, unknown];

const BUILT_IN: Record<string, new (message?: string) => Error> = {Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError};
const OF_ITS_OWN = new Set(['name', 'message', 'stack', 'cause', 'errors']);
/** Deeper causes are left out: a hostile peer could overflow the decoder's stack. */
const MAX_DEPTH = 16;

export const isError = (value: unknown): value is Error =>
  value instanceof Error || (typeof value === 'object' && value !== null && /^\[object (?:Error|DOMException)\]$/.test(tagOf(value)));

export const tagOf = (value: unknown): string => {
  try {
    return Object.prototype.toString.call(value);
  } catch {
    return '[object Object]';
  }
};

/**
 * Encodes any thrown value. Never throws.
 * @param seen the errors encoded so far. One that is found again, perhaps in its own causes, is the same in the result
 */
export function encodeError(error: unknown, stacks: boolean, depth = 0, seen = new Map<unknown, unknown[]>()): WireError {
  const wire: unknown[] = [];
  try {
    if (!isError(error)) return [0, cloneOr(() => error, undefined) ?? (error == null ? error : describe(error))];
    const known = seen.get(error);
    if (known) return known as unknown as WireError;
    seen.set(error, wire);
    const tag = tagOf(error) === '[object DOMException]' ? 'DOMException' : classOf(error);
    const fields: Record<string, unknown> = {};
    for (const key of Object.keys(error)) {
      if (OF_ITS_OWN.has(key) || key in Object.prototype) continue;
      // Fields that can't be read or cloned are left out, so that the error always arrives.
      const copy = cloneOr(() => (error as unknown as Record<string, unknown>)[key], NOTHING);
      if (copy !== NOTHING) fields[key] = copy;
    }
    const cause = depth < MAX_DEPTH && 'cause' in error ? encodeError(error.cause, stacks, depth + 1, seen) : undefined;
    const list = (error as {errors?: unknown}).errors;
    const errors = depth < MAX_DEPTH && Array.isArray(list) ? list.slice(0, 1000).map(item => encodeError(item, stacks, depth + 1, seen)) : undefined;
    const stack = stacks && typeof error.stack === 'string' ? error.stack : undefined;
    const own = Object.keys(fields).length ? fields : undefined;
    wire.push(tag, String(error.name), String(error.message), stack, own, ...(cause || errors ? [cause] : []), ...(errors ? [errors] : []));
  } catch {
    wire.splice(0, wire.length, 'Error', 'Error', 'An error that could not be read');
  }
  return wire as unknown as WireError;
}

/**
 * Decodes a thrown value. Never throws: malformed data become an error with this reason.
 * @param seen the errors decoded so far, so that a small message can't describe a huge number of them
 */
export function decodeError(wire: unknown, here?: string, depth = 0, seen = new Map<unknown, unknown>()): unknown {
  try {
    if (!Array.isArray(wire) || depth > MAX_DEPTH + 1) return new Error('An error that could not be read');
    if (wire[0] === 0) return wire[1];
    if (seen.has(wire)) return seen.get(wire);
    const [tag, name, message, stack, fields, cause, errors] = wire as unknown as [string, string, string, string?, object?, unknown?, unknown?];
    const error = create(tag, String(name), String(message));
    seen.set(wire, error);
    if (error.name !== name) define(error, 'name', String(name));
    const mayWrite = tag !== 'DOMException';
    if (fields && typeof fields === 'object') {
      for (const [key, value] of Object.entries(fields)) if (!(key in Object.prototype) && !OF_ITS_OWN.has(key)) define(error, key, value, true);
    }
    if (cause !== undefined) define(error, 'cause', decodeError(cause, undefined, depth + 1, seen));
    if (Array.isArray(errors)) define(error, 'errors', Object.values(errors).map(item => decodeError(item, undefined, depth + 1, seen)));
    if (mayWrite && (typeof stack === 'string' || here !== undefined)) {
      const remote = typeof stack === 'string' ? [`    at <remote>`, stack] : [];
      define(error, 'stack', [`${String(name)}: ${String(message)}`, ...framesOf(here), ...remote].join('\n'));
    }
    return error;
  } catch {
    return new Error('An error that could not be read');
  }
}

/** The lines of a stack that name places, without those of this library. */
const framesOf = (stack = ''): string[] => stack.split('\n').filter(line => /^ +at |@/.test(line)).slice(3);

function create(tag: string, name: string, message: string): Error {
  const {DOMException: DomException} = globalThis;
  if (tag === 'DOMException' && typeof DomException === 'function') return new DomException(message, name) as unknown as Error;
  if (tag === 'RemoteError') return new RemoteError('ERR_REMOTE_CLOSED', message);
  if (tag === 'AggregateError') return new AggregateError([], message);
  return Object.hasOwn(BUILT_IN, tag) ? new BUILT_IN[tag]!(message) : new Error(message);
}

/** The name of a class that every context has: a built-in error with exactly this name; else Error. */
function classOf(error: Error): string {
  if (error instanceof RemoteError) return 'RemoteError';
  const name = Object.getPrototypeOf(error)?.constructor?.name as unknown;
  return typeof name === 'string' && (Object.hasOwn(BUILT_IN, name) || name === 'AggregateError') ? name : 'Error';
}

const NOTHING = Symbol('nothing');

function cloneOr<T>(read: () => unknown, otherwise: T): unknown {
  try {
    const value = read();
    return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol') ? value : structuredClone(value);
  } catch {
    return otherwise;
  }
}

function describe(value: unknown): string {
  try {
    return String(value);
  } catch {
    return 'a value that could not be read';
  }
}

/** The error of a stub or result that the other side no longer has. */
export const released = (what: string): RemoteError => new RemoteError('ERR_REMOTE_RELEASED', `${what} was released`);

/** The error of a value that can be encoded, but not posted. */
export const unsendable = (what: string, error: unknown): RemoteError => new RemoteError('ERR_REMOTE_UNCLONEABLE', `${what} can't be sent: ${(error as Error).message}`, {path: ''});

export const tooMany = (what: string, limit: number): RemoteError => new RemoteError('ERR_REMOTE_LIMIT', `More than ${limit} ${what}: see the option limits`);
