/**
 * The messages of peers. A frame is `[PROTOCOL, ext, messages]`, followed by the connection's name if it has one; `ext` is 0 or
 * `{wireType: data}`. A message is an array that begins with its number. An id shows which side created it: in a message, ids above 0
 * were created by the sender, ids below 0 by the receiver. 0 is the exposed value.
 */
export const PROTOCOL = 1;

/** `[HELLO, name, features, nonce]` */
export const HELLO = 0;
/** `[DO, id, target, path, kind, values, wants]` */
export const OPERATE = 1;
/** `[RETURN, id, value]` */
export const RETURN = 2;
/** `[THROW, id, error, id of the first operation that failed, whether the result was not requested]` */
export const THROW = 3;
/** `[PULL, id]`: the result is wanted after all. */
export const PULL = 4;
/** `[SEEN, ids]`: these results have arrived, and their calls no longer refer to them. */
export const SEEN = 5;
/** `[RELEASE, [[id, count], …]]`: references of the receiver below 0, results of the sender's calls above 0. */
export const RELEASE = 6;
/** `[FLOW, id, what, payload]`: an item or signal of a stream, iterable, promise or AbortSignal. */
export const FLOW = 7;
/** `[SAY, wireType, payload]`: a handler's message. */
export const HANDLER_MESSAGE = 8;
/** `[BYE, reason]` */
export const BYE = 9;

export type Kind = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;
export const CALL = 0;
export const GET = 1;
export const SET = 2;
export const NEW = 3;
export const DELETE = 4;
/** A copy of what the first argument refers to. */
export const EVALUATE = 5;
/** The first argument is the source text of a function, the others are its arguments. */
export const RUN = 6;
/** Resolves when all operations that have begun have ended. */
export const FLUSH = 7;
/** A port that leads to the first argument. */
export const PORT = 8;
export const LAST_KIND = PORT;

/** Whether the result of an operation has not been requested yet, is requested, or is never requested. */
export type Wants = 0 | 1 | 2;
export const UNREQUESTED = 0;
export const WANTED = 1;
export const NEVER = 2;

/** An encoded value: `[value]`, or `[value, holes]`. A hole says what belongs at a path of the value: `[path, kind, data]`. */
export type WireValue = readonly [unknown, (readonly Hole[])?];
export type Hole = readonly [path: readonly (string | number)[], kind: number, data: unknown];

export const REF = 0;
/** Something that the receiver has: `[target, path]`. */
export const TARGET = 1;
export const PROMISE = 2;
export const READABLE = 3;
export const WRITABLE = 4;
export const ITERABLE = 5;
export const SIGNAL = 6;
export const ERROR = 7;
export const URL_TEXT = 8;
export const HEADERS = 9;
/** The array at that place holds the entries of a Map. */
export const MAP = 10;
export const SET_OF = 11;
export const HANDLED = 12;
export const TRANSFORM = 13;

/** The kinds of values that continue after the message that introduces them, in the order of the numbers from PROMISE on. */
export const FLOW_KINDS = ['promise', 'readable', 'writable', 'iterable', 'signal'] as const;
export type FlowKind = (typeof FLOW_KINDS)[number];

/** The data of a reference: `[id, isFunction, name, snapshot, handler options]`. */
export type WireReference = readonly [id: number, isFunction: 0 | 1, name: string, peek?: Record<string, unknown> | undefined, options?: HandlerOptions | undefined];

/** How the other side handles a reference that is sent with these options. */
export interface HandlerOptions {
  /** Calls `preventDefault` of an event argument at once, before the call is sent. */
  preventDefault?: boolean;
  /** Calls `stopPropagation` of an event argument at once, before the call is sent. */
  stopPropagation?: boolean;
  /** Sends the first call only. */
  once?: boolean;
  /** While a call is open, keeps only the newest of the later ones. */
  latest?: boolean;
}

/** A message that waits to be posted. */
export interface Outgoing {
  readonly message: unknown[];
  readonly transfer: Transferable[];
  /** References that were counted and flows that begin in this message. They are taken back if it can't be posted. */
  readonly counted: number[];
  /** It holds values that the app may change, so it is posted before the app continues. */
  isUrgent?: boolean;
  /** It must not be posted any more. */
  isWithdrawn?: boolean;
  isPosted?: boolean;
  /** Called when it can't be posted. */
  failed?(error: unknown): void;
}

export const outgoing = (message: unknown[]): Outgoing => ({message, transfer: [], counted: []});

/** Whether a value is a path of keys. */
export const isPath = (path: unknown, maxLength: number): path is string[] =>
  Array.isArray(path) && path.length <= maxLength && path.every(key => typeof key === 'string');

export const isId = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value);
