import type {EntryMessage, SnapshotData} from '../../protocol/messages.js';
import type {ErrorData} from '../../protocol/errors.js';
import type {UndoHook} from '../../protocol/undo.js';
import type {Clock} from '../../platform/platform.js';
import type {Callback, PendingOp, UpstreamDoc} from '../upstream.js';
import type {UnconfirmedSteps} from './unconfirmed-steps.js';

/** A tab's op with its place in the history. */
export type OpMessage = EntryMessage & {seq: number};

/** The parts of a connection that its documents use. */
export interface DocConnection {
  readonly clock: Clock;
  /** Whether messages reach the host. */
  readonly canSend: boolean;
  readonly unconfirmedDocs: {
    /** The host could not write when it sent the batch that is being handled. */
    readonly hostIsDown: boolean;
    /** @returns the number of the batch that is being handled, if another host may not know the revisions in it */
    note(doc: DocState): number | undefined;
  };
  /** Not empty while requests are collected. */
  readonly bulk: object | null | undefined;
  readonly hostEpoch: string;
  readonly id: string | null;
  /** The number of the tab's next op. */
  seq: number;
  /** Hands ops that can't be kept to the host. `madeAt`: the version that the first op was made on. */
  reportLost(doc: DocState, ops: readonly PendingOp[], error: ErrorData, madeAt?: number): void;
}

/** The state of a tab's document. `ProxyDoc` has it, and the functions beside it change it. */
export interface DocState extends UpstreamDoc<any> {
  readonly connection: DocConnection;
  /** The number of pending ops that were sent together with the op in flight. Valid while an op is in flight. */
  run: number;
  /** The last ops were made on a state that was too old for the host. */
  isBehind: boolean;
  /** The app has paused the document before. */
  readonly wasPaused: boolean;
  readonly undoHook: UndoHook<PendingOp> | undefined;
  /** The revision of the host's history that the document shows; null if it shows none. */
  rev: number | null;
  /** Ops that have their place in the history and wait for the server's answer. */
  unsettled: PendingOp[];
  /** The ops of a document whose state the host has lost, until the host says whether they are lost, too. */
  opsAwaitingReset: PendingOp[] | undefined;
  /** The version that those ops were made on, if known. */
  awaitingResetFrom: number | undefined;
  /** A state that the app has ingested, for a host that has not loaded the document. */
  ingestedSnapshot: SnapshotData | undefined;
  /** The data may contain ops of other tabs that the server has not acknowledged. */
  isMixed: boolean;
  readonly isAcknowledged: boolean;
  /** The app has destroyed the document: it sends nothing by itself any more. */
  readonly isDestroyed: boolean;
  /** When this tab last learned that the server has acknowledged an edit, in ms since the epoch. */
  savedAt: number | undefined;
  readonly unconfirmed: UnconfirmedSteps;
  /** The ops that the server has not answered, in order. */
  readonly unanswered: PendingOp[];
  /** The ops that the host lacks, in order. */
  readonly unsent: PendingOp[];
  readonly hasUnsent: boolean;
  /** The server's version that the first unanswered op was made on, if known. */
  readonly madeAt: number | undefined;
  /** Flushes and repeats requests: there is a host. */
  handleLinked(): void;
  /** Whether a message is for the document's present incarnation. */
  isCurrent(inc: number): boolean;
  /** The next state is another incarnation: messages for this one are dropped. */
  startAnew(): void;
  /** Runs what waits for a change of the state that has happened. */
  callWaiting(): void;
  /** Emits the errors that nothing else reports. */
  emitUncaught(): void;
  /** As ShareDB's `fetch`. */
  fetchPlainly(callback: Callback): void;
  /** Requests the state again, whether or not a request is under way. */
  askRevision(): void;
}
