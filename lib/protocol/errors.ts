/** An error in a form that can be posted. `code` is ShareDB's code if ShareDB has one for the case. */
export interface ErrorData {
  /** The code of ShareDB, the server's middleware or this library, if the error has one. */
  code?: string | number | undefined;
  /** The error's message. */
  message: string;
}

/** The codes of this library. ShareDB's own codes keep their meaning and are not listed here. */
export const ERROR_CODES = {
  /** An option or an argument is missing, unknown or of the wrong type. */
  ERR_TABS_BAD_OPTION: 'ERR_TABS_BAD_OPTION',
  /** A request to the host was still open when the session with the host ended, or there was no session. */
  ERR_TABS_SESSION_ENDED: 'ERR_TABS_SESSION_ENDED',
  /** The connection was closed or the document was destroyed, so the request gets no answer. For an op, the message says what happens to it. */
  ERR_TABS_CLOSED: 'ERR_TABS_CLOSED',
  /** The host did not answer a request in time. Queues: there was no item within `timeout`. */
  ERR_TABS_TIMEOUT: 'ERR_TABS_TIMEOUT',
  /** A new host does not know the document's history, so the op could not be transformed. */
  ERR_TABS_OP_LOST: 'ERR_TABS_OP_LOST',
  /** The server no longer has the ops since the version that the op was made at, or its database was replaced. */
  ERR_TABS_HISTORY_GONE: 'ERR_TABS_HISTORY_GONE',
  /** No tab supplied a token for the server: `getToken` failed or timed out. */
  ERR_TABS_NO_TOKEN: 'ERR_TABS_NO_TOKEN',
  /** The WebSocket to the server could not be opened. The host tries again. */
  ERR_TABS_SERVER_UNREACHABLE: 'ERR_TABS_SERVER_UNREACHABLE',
  /** The server closes the connection when it receives the op. Usually the op exceeds the server's message size limit. */
  ERR_TABS_OP_TOO_LARGE: 'ERR_TABS_OP_TOO_LARGE',
  /** A dead letter or an app message can't be sent now, because there is no connection to the server. */
  ERR_TABS_OFFLINE: 'ERR_TABS_OFFLINE',
  /** A dead letter's op can't be transformed: the version that it was made at is unknown, or the document now has another type. */
  ERR_TABS_LETTER_BASE: 'ERR_TABS_LETTER_BASE',
  /** No mode can provide a host: there is no worker, no URL and no socket, or the only mode that `mode` allows is not available. */
  ERR_TABS_NO_HOST: 'ERR_TABS_NO_HOST',
  /** Storage: another host has taken the storage over. */
  ERR_TABS_FENCED: 'ERR_TABS_FENCED',
  /** Storage: its data was deleted from outside. */
  ERR_TABS_STORAGE_ERASED: 'ERR_TABS_STORAGE_ERASED',
  /** Storage: the browser closed the database. The next write opens it again. */
  ERR_TABS_STORAGE_LOST: 'ERR_TABS_STORAGE_LOST',
  /** Storage: another page keeps an older version of the database open. */
  ERR_TABS_STORAGE_BLOCKED: 'ERR_TABS_STORAGE_BLOCKED',
  /** Storage: it did not answer in time. It is used again when it does. */
  ERR_TABS_STORAGE_TIMEOUT: 'ERR_TABS_STORAGE_TIMEOUT',
  /** Storage: it opened late, and the state in use replaced the stored state, which is quarantined. */
  ERR_TABS_STORAGE_SUPERSEDED: 'ERR_TABS_STORAGE_SUPERSEDED',
  /** Some or all stored data could not be deleted. The next start deletes it before it reads anything. */
  ERR_TABS_NOT_CLEARED: 'ERR_TABS_NOT_CLEARED',
  /** Local documents have no server-side queries, presence or old versions. */
  ERR_TABS_LOCAL: 'ERR_TABS_LOCAL',
  /** A quarantined document can't be restored while the document is in use or has been stored again. */
  ERR_TABS_QUARANTINE_IN_USE: 'ERR_TABS_QUARANTINE_IN_USE',
  /** Collections: the key is not a string, a finite number or a boolean, or ShareDB does not allow it. */
  ERR_TABS_BAD_KEY: 'ERR_TABS_BAD_KEY',
  /** Collections: JSON can't represent the value, or it can't be incremented. `path` names the place inside the value. */
  ERR_TABS_BAD_VALUE: 'ERR_TABS_BAD_VALUE',
  /** Collections: a limit was exceeded; see `limit` and `value`. */
  ERR_TABS_LIMIT: 'ERR_TABS_LIMIT',
  /** Collections: the collection, or a document of a transaction, was used before it was loaded. */
  ERR_TABS_NOT_READY: 'ERR_TABS_NOT_READY',
  /** Transactions: other changes touched what the transaction had read, more often than `maxRetries` allows. Nothing was written. */
  ERR_TABS_TX_CONFLICT: 'ERR_TABS_TX_CONFLICT',
  /** Transactions: the transaction did not commit within `timeout`. Nothing was written. */
  ERR_TABS_TX_TIMEOUT: 'ERR_TABS_TX_TIMEOUT',
  /** Transactions: the host was lost after it got the commit and before it answered. The commit may or may not have been made. */
  ERR_TABS_TX_UNKNOWN: 'ERR_TABS_TX_UNKNOWN',
  /** Transactions: an async function used a collection directly and not through `tx.in(collection)`. */
  ERR_TABS_TX_ASYNC: 'ERR_TABS_TX_ASYNC',
  /** Transactions: the transaction was used after its end. */
  ERR_TABS_TX_OVER: 'ERR_TABS_TX_OVER',
  /** Transactions: `readTransaction` does not allow writes. */
  ERR_TABS_TX_READONLY: 'ERR_TABS_TX_READONLY',
  /** Transactions: the collections belong to two connections. */
  ERR_TABS_TX_MIXED: 'ERR_TABS_TX_MIXED',
  /** Transactions: the transaction has too many documents, reads or writes. */
  ERR_TABS_TX_TOO_BIG: 'ERR_TABS_TX_TOO_BIG',
  /** Transactions: the server rejected one part and accepted the others. */
  ERR_TABS_TX_TORN: 'ERR_TABS_TX_TORN',
  /** Queues: the lease expired, and another consumer may have the item. */
  ERR_TABS_LEASE_LOST: 'ERR_TABS_LEASE_LOST',
  /** The inspector asked for a fault in a host that was not started with `allowFaults`, or that does not support this fault. */
  ERR_TABS_FAULT_REFUSED: 'ERR_TABS_FAULT_REFUSED',
  /** A page that used `joinNamespace` is read-only: it opens no documents and changes nothing. */
  ERR_TABS_READ_ONLY: 'ERR_TABS_READ_ONLY',
  /** A message to the host does not have the form that the protocol requires. */
  ERR_MESSAGE_BADLY_FORMED: 'ERR_MESSAGE_BADLY_FORMED'
} as const;

/** The place in the installed package that explains a code. */
export const helpFor = (code: string): string => `sharedb-tabs/docs/errors.md#${code.toLowerCase()}`;

/** An error of this library; `code` is one of {@link ERROR_CODES}. */
export class TabsError extends Error {
  /** The name of the class. */
  override readonly name = 'TabsError';
  /**
   * Thrown by this library.
   * @param code one of {@link ERROR_CODES}
   * @param message what happened, what is lost and what to do
   */
  constructor(readonly code: keyof typeof ERROR_CODES, message: string) {
    super(message);
  }

  /** The place in the documentation that explains this error's code. */
  get help(): string {
    return helpFor(this.code);
  }
}

/** Converts a thrown or called-back value of any kind to a form that can be posted. */
export function encodeError(error: unknown): ErrorData {
  if (error && typeof error === 'object' && 'message' in error) {
    const {code, message} = error as ErrorData;
    return code === undefined ? {message: String(message)} : {code, message: String(message)};
  }
  return {code: 'ERR_UNKNOWN_ERROR', message: String(error)};
}

/** A plain error with a code, as ShareDB makes them. */
export function withCode(code: string, message: string): Error & {code: string} {
  return Object.assign(new Error(message), {code});
}

export function decodeError(data: ErrorData): Error & {code?: string | number} {
  if (isOwnCode(data.code)) return new TabsError(data.code, data.message);
  const error: Error & {code?: string | number} = new Error(data.message);
  if (data.code !== undefined) error.code = data.code;
  return error;
}

/** Reads the code's form and not the table, which a tab then does not load. A host of a later build may also have codes that the table lacks. */
const isOwnCode = (code: unknown): code is keyof typeof ERROR_CODES => typeof code === 'string' && /^ERR_(TABS_|MESSAGE_BADLY_FORMED$)/.test(code);
