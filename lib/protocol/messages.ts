import type {ErrorData} from './errors.js';
import type {UndoMark} from './undo.js';

/**
 * The words of tabs and hosts. ShareDB's own letters keep their meaning; where ShareDB sends a
 * document's version with a request, a tab sends a {@link Position}. Dotted names are ours.
 */

/** Where a tab stands in the host's history of a document. */
export interface Position {
  /** Counts how often the tab has started on the document from nothing, over all its documents. */
  inc: number;
  /** The revision that the tab has, null when it has nothing of the host's history. */
  rev: number | null;
  /** This is not the first start: the tab had a state, and discarded it. */
  again?: true;
  /** A state that the tab got from elsewhere (`doc.ingestSnapshot`), which the host may start from. */
  seed?: SnapshotData;
  /** The stored state will do, if there is one: the app does not want to wait for the server. */
  stored?: true;
}

/** A snapshot as it travels. `data` is in the serialized form of types that have one. */
export interface SnapshotData {
  v: number | null;
  type: string | null;
  data?: unknown;
  /** Left out where the snapshot does not come from the host's history. */
  rev?: number;
  /** Of results: the incarnation that they are for. */
  inc?: number;
  /** It has ops of tabs in it that the server has not acknowledged. */
  isMixed?: boolean;
}

/** An op of a tab on its way to the host: ShareDB's, plus where it was made and how to submit it. */
export interface OpRequest {
  a: 'op';
  c: string;
  d: string;
  v: Position;
  src: string;
  seq: number;
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: true;
  x: SubmitOptions;
  undo?: UndoMark;
  /** The ops that the tab has made since, each on the one before. */
  more?: SentOp[];
}

export interface SubmitOptions {
  /** Present where the app set `doc.submitSource`. */
  source?: unknown;
  preventCompose?: true;
}

/** One of several ops of a tab that travel together. */
export interface SentOp {
  seq: number;
  step: MarkedStep;
  x: SubmitOptions;
}

/** A tab sends no more ops of a document at once, and then waits until they have their places. */
export const MAX_RUN = 64;

/** One step of a document's history, as a tab gets it. */
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
  /** The host's document was loaded with this, where it had no type before. */
  load?: SnapshotData;
  /** The tab's own op has its place in the history. The op itself is left out: the tab has it. */
  own?: true;
  /** An op of another tab, which may not be durable when it is told. */
  early?: true;
  /** From here on, the server has all that is shown. */
  clean?: true;
}

/** The server has answered to ops of the tab, which it got as one, and which have their place in the history. */
export interface SettledMessage {
  a: 'doc.settled';
  c: string;
  d: string;
  seqs: number[];
  error?: ErrorData;
  /** Rejected on purpose (ERR_OP_SUBMIT_REJECTED): upstream calls back with null then. */
  silent?: true;
}

/** The host lost its state of a document, and the ops that had not been acknowledged. */
export interface RollbackMessage {
  a: 'doc.rollback';
  c: string;
  d: string;
  inc: number;
}

/** The host has nothing of a document that the tab had from an earlier one. */
export interface LostMessage {
  a: 'doc.lost';
  c: string;
  d: string;
  inc: number;
}

/** The server refuses a document that was shown from the store: it is empty now. */
export interface RefusedMessage {
  a: 'doc.refused';
  c: string;
  d: string;
  inc: number;
  error: ErrorData;
  /** The answer to a request of the tab tells of the error. */
  silent?: true;
}

/** The host knows what the tab has replayed, or ingested, and where in its history that is. */
export interface PositionedMessage {
  a: 'doc.planted';
  c: string;
  d: string;
  inc: number;
  rev: number;
  /** What has happened beside what the tab has replayed: with it, it is where the host's document is. */
  way?: EntryMessage[];
  /** That state, where ties may have gone another way there. */
  snapshot?: SnapshotData;
}

/** The host's document is back after a `doc.rollback`. */
export interface ResetMessage {
  a: 'doc.reset';
  c: string;
  d: string;
  inc: number;
  /** Missing where it could not be loaded; `loadError` says why. */
  snapshot?: SnapshotData;
  loadError?: ErrorData;
  /** The outcome of each op of the tab that had its place in the lost history. */
  outcomes: {seq: number; error?: ErrorData}[];
  /** The tab's ops that the snapshot has, and that wait for the server. */
  unsettled?: number[];
  /** The error for the tab's ops that had none yet. */
  error: ErrorData;
}

/** The host's connection to the server, as its `connection.state` has it. */
export interface ConnectionStateMessage {
  a: 'connection.state';
  state: string;
  /** ShareDB's word, or the close code and the reason of the WebSocket. */
  reason?: string | {code: number; reason: string};
}

/** An event of the host's connection that the tabs emit too. */
export interface ConnectionEventMessage {
  a: 'connection.event';
  event: 'error' | 'connection error';
  error: ErrorData;
}

/** A document with edits that the server has not got, or has refused. */
export interface UnsavedDoc {
  collection: string;
  id: string;
  /** The edits of all tabs that the server has not answered to. */
  pendingOps: number;
  /** Those that it has refused, and that wait in `deadLetters`. */
  refusedOps: number;
}

/** What every tab shows as `connection.status`. */
export interface HostStatus {
  tabs: number;
  pendingOps: number;
  pendingDocs: number;
  /** Whether edits that the server has not got survive the end of all tabs. */
  durable: boolean;
  /** Why they do not, where the storage failed. */
  storeError?: ErrorData;
  /** Bytes that this origin has stored and may store, as the browser estimates them; where it does. */
  storage?: {usage?: number; quota?: number} | undefined;
  /** Changes that wait to be written to the storage, without those at the end that would come again if they were lost. */
  pendingWrites: number;
  /** Ops that the server rejected for good, and that the app has not dealt with. */
  deadLetters: number;
  /** Documents as they were stored, with their edits, that could not be used: see `connection.quarantine`. None where left out. */
  quarantined?: number;
  /** Documents with edits that the server has not got, or has refused: the first 100. None where left out. */
  unsaved?: UnsavedDoc[];
  /** The server fails with ops, e.g. since its database is away: of so many documents an op is sent again, with pauses. */
  serverFault?: {docs: number; error: ErrorData};
}

/** What was stored of a document and could not be used. */
export interface QuarantinedDoc {
  id: string;
  collection: string;
  doc: string;
  /** Why it could not be used. */
  error: ErrorData;
  /** How long the stored text is, in characters. */
  size: number;
}

export interface StatusMessage {
  a: 'host.status';
  status: HostStatus;
}

/** The tab has destroyed its document and wants to hear no more of it. */
export interface ForgetMessage {
  a: 'doc.forget';
  c: string;
  d: string;
}

/** What an op does, and what undo has to know of it. */
export type MarkedStep = DeadLetter['step'] & {undo?: UndoMark};

/**
 * What a tab has got from its host, or handed to it, before it was durable: an op of the server at version `v`, or an op of
 * a tab, `src`, which has no `v`.
 */
export type UnconfirmedOp = MarkedStep & {v?: number | undefined; src?: string | undefined; seq?: number | undefined};

/** What a tab knows of a document when it greets a host that it had before. */
export interface ResumeMessage {
  a: 'tab.resume';
  /** The tab has collections: it is not to show one document's part of a transaction before another's. */
  together?: true;
  docs: {
    c: string; d: string; inc: number; rev: number | null; unsettled: number[];
    /** The host before had lost its state, and had not got it back. */
    awaitsReset?: boolean;
    /** What has led on from `rev` and another host may not know. */
    ahead?: UnconfirmedOp[];
    /** The epoch of the host that told of `rev` while it could not write: no other one may take the revision for its own. */
    onlyHost?: string;
  }[];
}

/** An op that the server rejected for good, or that could not be carried over. */
export interface DeadLetter {
  id: string;
  collection: string;
  doc: string;
  /** What was to be done: one of ShareDB's `op`, `create`, `del`. */
  step: {op?: unknown; create?: {type: string; data: unknown}; del?: true};
  /** The OT type of the document when the op was made. */
  type: string | null;
  error: ErrorData;
  /** When it was given up, in ms since the epoch. */
  time: number;
  /** The server's version that the op, or the first of those before it that it was made on, was made on; if that is known. */
  v?: number;
  /** The letter whose op this one was made on: it has to be retried before. */
  after?: string;
}

/** An op of a living tab that no host can carry on, for the dead letters. The tab mints the id: it may be told twice. */
export type LostOp = Omit<DeadLetter, 'time'>;

/** A tab tells of no more lost ops at once. */
export const MAX_LOST_OPS = 200;

/**
 * What a tab had not handed to its host when it died: per document, ops each made on the one before, the first on what
 * `ahead` had made of the document at `rev`.
 */
export interface OrphanedOpsMessage {
  tabId: string;
  /** Whose history the revisions are of. */
  lineage: string;
  docs: {
    c: string; d: string; rev: number | null; ops: SentOp[]; ahead?: UnconfirmedOp[]; onlyHost?: string;
    /** The server's version that the first op was made on, where it is known. */
    v?: number | undefined;
  }[];
}
