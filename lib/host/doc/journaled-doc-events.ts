import type {ErrorData} from '../../protocol/errors.js';
import type {Entry, Step} from '../../ot/history-entry.js';
import type {LostStep} from '../letters/dead-letters.js';
import type {RealOp} from '../upstream.js';

/** What a journaled document asks its owner, and the events that it reports. */
export interface JournaledDocEvents {
  /** Whether a tab has the document at some revision, and has to be told how it continues. */
  readonly isFollowed: boolean;
  /** Whether a rollback could lose ops of other tabs than this one. */
  isShared(owner: string | undefined): boolean;
  /** The document moved on by one step. */
  onEntry(entry: Entry): void;
  /** The document's state and all ops that the server had not acknowledged are gone. */
  onRollback(): void;
  /** The state is back, or could not be loaded. `error` is for ops that the history never had. */
  onReset(error: ErrorData, loadError: ErrorData | undefined): void;
  /** Ops are given up, each made on the one before, the first on the server's version `v`. */
  onLost(v: number | null, ops: LostStep[]): void;
  /** The server does not lead on from what the document was up to this version. */
  onHistoryGone(version: number): void;
  /** The server has an op. */
  onSaved(op: Pick<RealOp, 'src' | 'seq'>): void;
  /** An error that upstream would emit on the document. @param owner the tab whose op caused it, if that is known */
  onError(error: Error, owner: string | undefined): void;
  /** The server has answered the op in flight with an error. Returns whether the op is sent again. */
  willRetry(error: Error, op: RealOp): boolean;
  /** Whether the error is temporary. */
  isTransient(error: Error): boolean;
  /** The server could not read the document for now. @param ask asks again; called after a pause, unless the connection is lost */
  readLater(error: Error, ask: () => void): void;
  /** The server could read the document. */
  endReadingLater(): void;
  /** Whether the op must not be sent on this connection. */
  isHeldBack(op: RealOp): boolean;
  /** The callbacks of one op are called between these two. */
  beginSettling(): void;
  endSettling(): void;
  /** The server has sent an op. It is given as the server has it: transformed over pending ops, less may be left of it. */
  onServerOp(step: Step): void;
  /** Something was written to the journal. */
  onJournal(): void;
  /** The document was loaded. */
  onLoad(): void;
  /** Acts when the document has been read. */
  defer(act: () => void): void;
  /** The document has a type that this host does not know. @param isAnswer whether only the tab that asks is told */
  onMissingType(error: Error, isAnswer?: boolean): void;
  /** The server refuses to give the document. It is empty now, and the stored copy has to be deleted. */
  onRefused(error: Error): void;
  /** Runs actions for many documents in one go, later in this turn. */
  together(act: () => void): void;
}
