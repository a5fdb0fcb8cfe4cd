import type {ErrorData} from './errors.js';
import type {UndoMark} from './undo.js';

/**
 * The messages of tabs and hosts. ShareDB's own actions keep their meaning. A request of a tab carries a {@link Position} where
 * ShareDB's client sends a version. Actions with a dot are this library's.
 */

/** The tab's position in the host's history of a document. */
export interface Position {
  /** The tab's incarnation of the document: a counter over all its documents that rises each time the tab starts one from nothing. */
  inc: number;
  /** The revision that the tab has; null if it has nothing of the host's history. */
  rev: number | null;
  /** The tab had a state of this document before, and discarded it. */
  hadState?: true;
  /** A state that the tab got from elsewhere (`doc.ingestSnapshot`). The host may start from it. */
  ingestedSnapshot?: SnapshotData;
  /** The tab accepts the stored state, if there is one: the app does not want to wait for the server. */
  stored?: true;
}

/** A snapshot as it is posted. `data` is in serialized form for types that have one. */
export interface SnapshotData {
  v: number | null;
  type: string | null;
  data?: unknown;
  /** Left out if the snapshot does not come from the host's history. */
  rev?: number;
  /** In answers to requests for several documents, and in query results: the incarnation that the snapshot is for. */
  inc?: number;
  /** The snapshot contains ops of tabs that the server has not acknowledged. */
  isMixed?: boolean;
  /** In an `ingestedSnapshot`: the tab has the state from another host, and ops were made on it. The host compares its content. */
  fromHost?: true;
}

/** An op of a tab on its way to the host: ShareDB's fields, the position that it was made at, and the submit options (`x`, as in ShareDB). */
export interface OpRequest {
  a: 'op';
  c: string;
  d: string;
  at: Position;
  src: string;
  seq: number;
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: true;
  x: SubmitOptions;
  undo?: UndoMark;
  /** The ops that the tab made after this one, each made on the one before. */
  more?: SentOp[];
}

export interface SubmitOptions {
  /** Present if the app set `doc.submitSource`. */
  source?: unknown;
  preventCompose?: true;
  /** The op before it was transformed over a step that replaced the content (`replaces`). The transformed op may have lost content. */
  was?: unknown;
}

/** One of several ops of a tab that are sent together. */
export interface SentOp {
  seq: number;
  step: MarkedStep;
  x: SubmitOptions;
}

/** The largest number of ops of one document that a tab sends together. It then waits until the host has placed them. */
export const MAX_RUN = 64;

/** One entry of a document's history, as the host sends it to a tab. */
export interface EntryMessage {
  a: 'op';
  c: string;
  d: string;
  inc: number;
  rev: number;
  /** The server's version after this entry. */
  v: number | null;
  src?: string;
  seq?: number;
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: true;
  /** How the op of a tab concerns the undo stack that tabs share. */
  undo?: UndoMark;
  /** The entry takes back these ops of tabs, which the server has refused: each by its tab and number. */
  takesBack?: (readonly [src: string, seq: number])[];
  /** The host's document was loaded with this snapshot. It had no type before. */
  load?: SnapshotData;
  /** The entry is the tab's own op. The op is left out, because the tab has it. */
  own?: true;
  /** The entry is an op of another tab, and may not be durable yet. */
  unwritten?: true;
  /** At this entry, the host's document equals the server's: the server has acknowledged the ops of all tabs. */
  clean?: true;
  /** The entry leads to the content of another database. The tab notes what its unsent ops were before. */
  replaces?: true;
}

/** The server has answered to ops of the tab. The host sent them as one op, and they are already in the history. */
export interface SettledMessage {
  a: 'doc.settled';
  c: string;
  d: string;
  seqs: number[];
  error?: ErrorData;
  /** The server rejected the op on purpose (ERR_OP_SUBMIT_REJECTED). ShareDB's client then calls back with null. */
  silent?: true;
}

/** The host lost its state of a document, with the ops that the server had not acknowledged. */
export interface RollbackMessage {
  a: 'doc.rollback';
  c: string;
  d: string;
  inc: number;
}

/** The host knows nothing about a document that the tab had from an earlier host. */
export interface LostMessage {
  a: 'doc.lost';
  c: string;
  d: string;
  inc: number;
}

/** The server refuses to return a document that was shown from the store. The document is empty now. */
export interface RefusedMessage {
  a: 'doc.refused';
  c: string;
  d: string;
  inc: number;
  error: ErrorData;
  /** The answer to a request of the tab reports the error, so the document does not. */
  silent?: true;
}

/**
 * The host has taken in what the tab replayed or ingested. `rev` is its position in the host's history, before `entries`.
 * It is negative if there are more `entries` than revisions up to their end.
 */
export interface PositionedMessage {
  a: 'doc.positioned';
  c: string;
  d: string;
  inc: number;
  rev: number;
  /** The entries that are concurrent to what the tab replayed. With them applied, the tab has the state of the host's document. */
  entries?: EntryMessage[];
  /** The state at `rev`. Sent if the host may have resolved ties in another order than the tab. */
  snapshot?: SnapshotData;
}

/** The host's document is back after a `doc.rollback`. */
export interface ResetMessage {
  a: 'doc.reset';
  c: string;
  d: string;
  inc: number;
  /** Missing if the document could not be loaded; `loadError` then gives the reason. */
  snapshot?: SnapshotData;
  loadError?: ErrorData;
  /** The outcome of each op of the tab that was in the lost history. */
  outcomes: {seq: number; error?: ErrorData}[];
  /** Numbers of the tab's ops that the snapshot contains and that still wait for the server. */
  unsettled?: number[];
  /** The error for the tab's ops that have no outcome. */
  error: ErrorData;
}

/** The state of the host's connection to the server, as in ShareDB's `connection.state`. */
export interface ConnectionStateMessage {
  a: 'connection.state';
  state: string;
  /** ShareDB's reason, or the close code and the reason of the WebSocket. */
  reason?: string | {code: number; reason: string};
}

/** An event of the host's connection that tabs emit as well. */
export interface ConnectionEventMessage {
  a: 'connection.event';
  event: 'error' | 'connection error';
  error: ErrorData;
}

/** Time after which a client that has not shown its presence again counts as gone, in ms. */
export const PRESENCE_EXPIRY_MS = 5000;

/** The stored state of a document that could not be used. */
export interface QuarantinedDoc {
  /** The name of the entry, for `restore` and `discard`. */
  id: string;
  /** The document's collection. */
  collection: string;
  /** The document's id in its collection. */
  doc: string;
  /** Why it could not be used. */
  error: ErrorData;
  /** The length of the stored text, in characters; 0 if it could not be read. */
  size: number;
}

/** The tab has destroyed its document. The host sends nothing more about it. */
export interface ForgetMessage {
  a: 'doc.forget';
  c: string;
  d: string;
}

/** The change of an op, and its role in the undo stack that tabs share. */
export type MarkedStep = DeadLetter['step'] & {undo?: UndoMark};

/**
 * An op that a tab received from its host, or handed to it, before the op was durable. An op of the server has its version `v`.
 * An op of a tab has `src` and `seq`, and no `v`.
 */
export type UnconfirmedOp = MarkedStep & {v?: number | undefined; src?: string | undefined; seq?: number | undefined};

/** The positions of a tab in its documents. A tab sends this to a host if it had a host before. */
export interface ResumeMessage {
  a: 'tab.resume';
  /** The tab uses collections, so it must not show one document's part of a transaction before another's. */
  together?: true;
  docs: {
    c: string; d: string; inc: number; rev: number | null; unsettled: number[];
    /** The previous host had lost its state of the document and had not recovered it. */
    awaitsReset?: boolean;
    /** The ops that the tab applied after `rev` and that another host may not know. */
    unconfirmed?: UnconfirmedOp[];
    /** The epoch of the host that announced `rev` while it could not write. Only that host knows what the revision means. */
    onlyHost?: string;
  }[];
}

/** An op that the server rejected for good, or that no host could apply. */
export interface DeadLetter {
  /** The name of the letter, for `retry` and `discard`. */
  id: string;
  /** The document's collection. */
  collection: string;
  /** The document's id in its collection. */
  doc: string;
  /** The change itself: one of ShareDB's `op`, `create`, `del`. */
  step: {
    /** The op, in the form of the document's OT type. */
    op?: unknown;
    /** The creation of the document. */
    create?: {
      /** The name or URI of the OT type. */
      type: string;
      /** The document's first data. */
      data: unknown;
    };
    /** The deletion of the document. */
    del?: true;
  };
  /** The OT type of the document when the op was made. */
  type: string | null;
  /** Why the op was given up. */
  error: ErrorData;
  /** When the op was given up, in ms since the epoch. */
  time: number;
  /**
   * The server's version that the op was made at. If the op was made on other lost ops, the version that the first of those was
   * made at. Left out if unknown.
   */
  v?: number;
  /** The id of the letter whose op this one was made on. That letter must be retried first. */
  after?: string;
}

/**
 * An op of a live tab that no host can send. It becomes a dead letter. The tab creates the id, because it may report the op
 * twice.
 */
export type LostOp = Omit<DeadLetter, 'time'>;

/** The largest number of lost ops that a tab reports in one call. */
export const MAX_LOST_OPS = 200;

/**
 * The ops of a tab that its host had not confirmed when the page ended or was suspended, or when the connection was closed. The ops
 * of a document are each made on the one before; the first is made on `rev` with the ops of `unconfirmed` applied.
 */
export interface OrphanedOpsMessage {
  tabId: string;
  /** The lineage of the history that the revisions belong to. */
  lineage: string;
  docs: {
    c: string; d: string; rev: number | null; ops: SentOp[]; unconfirmed?: UnconfirmedOp[]; onlyHost?: string;
    /** The former name of `unconfirmed`, in the ops that a page of protocol 3 has stored. */
    ahead?: UnconfirmedOp[];
    /** The server's version that the first op was made at, if known. */
    v?: number | undefined;
  }[];
}
