import type {TabOps} from '../../ot/tab-ops.js';
import type {UnconfirmedSteps} from '../../ot/unconfirmed-steps.js';
import type {EntryMessage, SnapshotData} from '../../protocol/messages.js';
import type {ErrorData} from '../../protocol/errors.js';
import type {UndoHook} from '../../protocol/undo.js';
import type {Clock} from '../../platform/platform.js';
import type {Callback, PendingOp, UpstreamDoc} from '../upstream.js';

/** A tab's op with its place in the history. */
export type OpMessage = EntryMessage & {seq: number};

/** The parts of a connection that its documents use. */
export interface DocConnection {
  readonly clock: Clock;
  /** Whether messages reach the host. */
  readonly canSend: boolean;
  readonly unconfirmedDocs: {
    /** Whether the host's store had failed when the host sent the batch that is being handled. */
    readonly hostIsDown: boolean;
    /** @returns the number of the batch that is being handled, if another host may lack the revisions in it */
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

/** The part of a tab's document that the functions in this folder use. `TabOps` has its ops and its position in the history. */
export interface DocState extends UpstreamDoc<any>, TabOps<PendingOp> {
  readonly connection: DocConnection;
  /** Whether the app has ever paused the document. */
  readonly wasPaused: boolean;
  readonly undoHook: UndoHook<PendingOp> | undefined;
  /** A state that the app has ingested, for a host that has not loaded the document. */
  ingestedSnapshot: SnapshotData | undefined;
  readonly isAcknowledged: boolean;
  /** Whether the app has destroyed the document. Such a document sends nothing on its own. */
  readonly isDestroyed: boolean;
  /** When this tab was last notified that the server has acknowledged an edit, in ms since the epoch. */
  savedAt: number | undefined;
  readonly unconfirmed: UnconfirmedSteps<PendingOp>;
  /** The ops that the host lacks, in order. */
  readonly unsent: PendingOp[];
  readonly hasUnsent: boolean;
  /** Sends waiting ops and repeats requests, because messages reach a host again. */
  handleLinked(): void;
  /** Whether a message is for the document's present incarnation. */
  isCurrent(inc: number): boolean;
  /** Begins the next incarnation. Messages for the present one are dropped. */
  startAnew(): void;
  /** Calls the callbacks of `when` whose condition is true now. */
  callWaiting(): void;
  /** Emits the errors that nothing else reports. */
  emitUncaught(): void;
  /** As ShareDB's `fetch`. */
  fetchUpstream(callback: Callback): void;
  /** Requests the state again, even if a request is in flight. */
  askRevision(): void;
}
