import type {ErrorData} from './errors.js';

/** A status lists no more documents than this: it goes to every tab whenever it changes. */
export const MAX_UNSAVED_DOCS = 100;

/** A document with edits that the server has not received or has refused. */
export interface UnsavedDoc {
  /** The document's collection. */
  collection: string;
  /** The document's id in its collection. */
  id: string;
  /** The number of edits of all tabs that the server has not answered. */
  pendingOps: number;
  /** The number of edits that are in `deadLetters`. */
  refusedOps: number;
}

/** The part of `connection.status` that the host supplies. */
export interface HostStatus {
  /** The number of tabs that have a session with the host. */
  tabs: number;
  /** The number of edits of all tabs that the server has not answered. */
  pendingOps: number;
  /** The number of documents with such edits. */
  pendingDocs: number;
  /** Whether unsent edits survive when all tabs close. */
  durable: boolean;
  /** Why they do not survive, if the storage failed. Otherwise the reason why this host has quarantined a document, if it has. */
  storeError?: ErrorData;
  /** Bytes that this origin uses and may use, as the browser estimates them. Undefined if the browser gives no estimate. */
  storage?: {
    /** The bytes in use. */
    usage?: number;
    /** The bytes that the origin may use. */
    quota?: number;
  } | undefined;
  /** The number of changes that wait for the storage. Changes at the end that would be received again after a loss do not count. */
  pendingWrites: number;
  /** The number of ops that the server rejected for good, or that no host could apply, and that the app has not handled. */
  deadLetters: number;
  /** The number of stored documents that could not be used: see `connection.quarantine`. Left out if none. */
  quarantined?: number;
  /** The first 100 documents with edits that the server has not received or has refused, those with refused edits first. Left out if none. */
  unsaved?: UnsavedDoc[];
  /**
   * The server fails on ops, for example because its database is down. `docs` is the number of documents whose ops the host sends
   * again, with pauses.
   */
  serverFault?: {
    /** The number of documents with ops that wait. */
    docs: number;
    /** The server's last error. */
    error: ErrorData;
  };
}

export interface StatusMessage {
  a: 'host.status';
  status: HostStatus;
}
