import type {ErrorData} from '../../protocol/errors.js';
import type {Entry, Step} from '../../ot/history-entry.js';
import type {LostStep} from '../letters/dead-letters.js';
import type {RealOp} from '../upstream.js';

/** The interface between a journaled document and its owner. */
export interface JournaledDocEvents {
  /** Whether a tab has a state of the document, so that it needs an entry for each change. */
  readonly isFollowed: boolean;
  /** Returns whether a rollback could lose ops of other tabs than `owner`. */
  isShared(owner: string | undefined): boolean;
  /** An entry was added to the history. */
  onEntry(entry: Entry): void;
  /** A rollback has removed the document's state. */
  onRollback(): void;
  /** The document has a state again after a rollback, or the state could not be loaded. `error` is for ops that are not in the history. */
  onReset(error: ErrorData, loadError: ErrorData | undefined): void;
  /** Ops are given up, each made on the one before, the first on the server's version `v`. */
  onLost(v: number | null, ops: LostStep[]): void;
  /** The server has another history: its ops do not continue from the document's states up to this version. */
  onHistoryGone(version: number): void;
  /** The server has an op. */
  onSaved(op: Pick<RealOp, 'src' | 'seq'>): void;
  /** An error that upstream would emit on the document. @param owner the tab whose op caused it, if that is known */
  onError(error: Error, owner: string | undefined): void;
  /** Called if the server has answered the op in flight with an error. Returns whether the op will be sent again. */
  willRetry(error: Error, op: RealOp): boolean;
  /** Returns whether the server's error is temporary. */
  isTransient(error: Error): boolean;
  /** The server could not read the document because of a temporary error. @param ask sends the request again. Called after a delay. */
  readLater(error: Error, ask: () => void): void;
  /** Cancels the request of `readLater`, because the server has answered. */
  endReadingLater(): void;
  /** Returns whether the op must not be sent now. */
  isHeldBack(op: RealOp): boolean;
  /** The callbacks of one op are called between these two. */
  beginSettling(): void;
  endSettling(): void;
  /** The server has sent an op of another client. `step` is the op before it is transformed over pending ops. */
  onServerOp(step: Step): void;
  /** A record was written to the journal. */
  onJournal(): void;
  /** The document was loaded. */
  onLoad(): void;
  /** Calls `act` when the document was read from the store. */
  defer(act: () => void): void;
  /** The document has an OT type that this host lacks. @param isAnswer whether a request is answered with the error */
  onMissingType(error: Error, isAnswer?: boolean): void;
  /** The server refuses the document. It has no state now, and the stored copy has to be deleted. */
  onRefused(error: Error): void;
  /** Runs an action later in this turn, together with those of other documents. */
  together(act: () => void): void;
}
