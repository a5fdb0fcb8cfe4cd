/** An error as it travels: ShareDB's codes where ShareDB has one. */
export interface ErrorData {
  code?: string | number | undefined;
  message: string;
}

/** The codes of this library. ShareDB's own codes keep their meaning and are not listed here. */
export const ERROR_CODES = {
  /** An option of `createConnection` or `startHost` is missing, unknown or of the wrong type. */
  ERR_TABS_BAD_OPTION: 'ERR_TABS_BAD_OPTION',
  /** A request to the host was still open when the session with the host ended. */
  ERR_TABS_SESSION_ENDED: 'ERR_TABS_SESSION_ENDED',
  /** The tab's connection was closed: what was asked for has no answer any more. Of an op, the message says what becomes of it. */
  ERR_TABS_CLOSED: 'ERR_TABS_CLOSED',
  /** The host did not answer a request in time. */
  ERR_TABS_TIMEOUT: 'ERR_TABS_TIMEOUT',
  /** A new host does not know a document's history: the op could not be carried over. */
  ERR_TABS_OP_LOST: 'ERR_TABS_OP_LOST',
  /** The server no longer has the ops since the state that the op was made on, or has another database. */
  ERR_TABS_HISTORY_GONE: 'ERR_TABS_HISTORY_GONE',
  /** No tab has given the host a token for the server: `getToken` failed, or took too long. */
  ERR_TABS_NO_TOKEN: 'ERR_TABS_NO_TOKEN',
  /** The WebSocket to the server could not be opened. It is tried again. */
  ERR_TABS_SERVER_UNREACHABLE: 'ERR_TABS_SERVER_UNREACHABLE',
  /** The server closes the connection when it gets the op: mostly because it takes no messages of that size. */
  ERR_TABS_OP_TOO_LARGE: 'ERR_TABS_OP_TOO_LARGE',
  /** A dead letter, or a message of the app, can't be sent now: there is no connection to the server. */
  ERR_TABS_OFFLINE: 'ERR_TABS_OFFLINE',
  /** It is not known what a dead letter was made on, or the document is of another type now: it can't be carried over. */
  ERR_TABS_LETTER_BASE: 'ERR_TABS_LETTER_BASE',
  /** No way to reach a server is left: no worker, no url, no socket. */
  ERR_TABS_NO_HOST: 'ERR_TABS_NO_HOST',
  /** The storage: another host has taken it over. */
  ERR_TABS_FENCED: 'ERR_TABS_FENCED',
  /** The storage: its data was deleted from outside. */
  ERR_TABS_STORAGE_ERASED: 'ERR_TABS_STORAGE_ERASED',
  /** The storage: the browser closed the database. It is opened again for the next write. */
  ERR_TABS_STORAGE_LOST: 'ERR_TABS_STORAGE_LOST',
  /** The storage: another page keeps an older version of the database open. */
  ERR_TABS_STORAGE_BLOCKED: 'ERR_TABS_STORAGE_BLOCKED',
  /** The storage did not answer in time; it is used again when it does. */
  ERR_TABS_STORAGE_TIMEOUT: 'ERR_TABS_STORAGE_TIMEOUT',
  /** What was stored gave way to what was in use when the storage came late. */
  ERR_TABS_STORAGE_SUPERSEDED: 'ERR_TABS_STORAGE_SUPERSEDED',
  /** What is stored could not be deleted, or not all of it. It is at the next start, before anything is read. */
  ERR_TABS_NOT_CLEARED: 'ERR_TABS_NOT_CLEARED',
  /** Queries, presence and old versions are not to be had of local documents. */
  ERR_TABS_LOCAL: 'ERR_TABS_LOCAL',
  /** What is quarantined can't be restored while its document is in use, or stored anew. */
  ERR_TABS_QUARANTINE_IN_USE: 'ERR_TABS_QUARANTINE_IN_USE',
  /** Collections: a key that is no string, finite number or boolean. */
  ERR_TABS_BAD_KEY: 'ERR_TABS_BAD_KEY',
  /** Collections: a value that JSON has not, or that can't be incremented. `path` says where in it. */
  ERR_TABS_BAD_VALUE: 'ERR_TABS_BAD_VALUE',
  /** Collections: more than a limit allows; see `limit` and `value`. */
  ERR_TABS_LIMIT: 'ERR_TABS_LIMIT',
  /** Collections: read or written before it was loaded. */
  ERR_TABS_NOT_READY: 'ERR_TABS_NOT_READY',
  /** Transactions: what was read had changed, more often than `maxRetries` allows. Nothing was written. */
  ERR_TABS_TX_CONFLICT: 'ERR_TABS_TX_CONFLICT',
  /** Transactions: not made within `timeout`. Nothing was written. */
  ERR_TABS_TX_TIMEOUT: 'ERR_TABS_TX_TIMEOUT',
  /** Transactions: handed to a host that was lost before it answered. It may have been made, or not. */
  ERR_TABS_TX_UNKNOWN: 'ERR_TABS_TX_UNKNOWN',
  /** Transactions: an async function used a collection by itself, in place of `tx.in(collection)`. */
  ERR_TABS_TX_ASYNC: 'ERR_TABS_TX_ASYNC',
  /** Transactions: used after the end. */
  ERR_TABS_TX_OVER: 'ERR_TABS_TX_OVER',
  /** Transactions: a write in `readTransaction`. */
  ERR_TABS_TX_READONLY: 'ERR_TABS_TX_READONLY',
  /** Transactions: collections of two connections. */
  ERR_TABS_TX_MIXED: 'ERR_TABS_TX_MIXED',
  /** Transactions: too many documents, reads or writes. */
  ERR_TABS_TX_TOO_BIG: 'ERR_TABS_TX_TOO_BIG',
  /** Transactions: the server has refused a part of it, and has the others. */
  ERR_TABS_TX_TORN: 'ERR_TABS_TX_TORN',
  /** Queues: the lease was taken back, and somebody else may have the item. */
  ERR_TABS_LEASE_LOST: 'ERR_TABS_LEASE_LOST',
  /** The inspector wanted to cause a fault in a host that was not started with `allowFaults`, or that can't have this one. */
  ERR_TABS_FAULT_REFUSED: 'ERR_TABS_FAULT_REFUSED',
  /** A page that has joined with `joinNamespace` only looks: it opens no documents, and changes nothing. */
  ERR_TABS_READ_ONLY: 'ERR_TABS_READ_ONLY',
  /** A message to the host is not of the protocol's form. */
  ERR_MESSAGE_BADLY_FORMED: 'ERR_MESSAGE_BADLY_FORMED'
} as const;

/** Where a code is explained, in the installed package. */
export const helpFor = (code: string): string => `sharedb-tabs/docs/errors.md#${code.toLowerCase()}`;

/** An error of this library; `code` is one of {@link ERROR_CODES}. */
export class TabsError extends Error {
  override readonly name = 'TabsError';
  constructor(readonly code: keyof typeof ERROR_CODES, message: string) {
    super(message);
  }

  /** Where the documentation explains this code. */
  get help(): string {
    return helpFor(this.code);
  }
}

/** Anything that was thrown or called back with, ready to travel. */
export function encodeError(error: unknown): ErrorData {
  if (error && typeof error === 'object' && 'message' in error) {
    const {code, message} = error as ErrorData;
    return code === undefined ? {message: String(message)} : {code, message: String(message)};
  }
  return {code: 'ERR_UNKNOWN_ERROR', message: String(error)};
}

export function decodeError(data: ErrorData): Error & {code?: string | number} {
  if (isOwnCode(data.code)) return new TabsError(data.code, data.message);
  const error: Error & {code?: string | number} = new Error(data.message);
  if (data.code !== undefined) error.code = data.code;
  return error;
}

const isOwnCode = (code: unknown): code is keyof typeof ERROR_CODES => typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
