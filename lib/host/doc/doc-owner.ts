import type {Entry, Step} from '../../ot/history-entry.js';
import type {LostSteps} from '../letters/dead-letters.js';
import type {FatalOps} from '../server/fatal-ops.js';
import type {ServerFaults} from '../server/server-faults.js';
import type {Tab} from '../tab.js';
import type {RealOp} from '../upstream.js';

/** The interface between a shared document and its host. */
export interface DocOwner<Doc> {
  after(ms: number, callback: () => void): () => void;
  now(): number;
  /** Runs actions for documents that were read together as one group. */
  together(act: () => void): void;
  /** Returns the tab of a stored id. The tab may have ended. */
  tab(id: string): Tab;
  /** Whether a stored state is updated by ops, without asking the server for the snapshot. */
  readonly resumesFromStore: boolean;
  /** The host's epoch. */
  readonly epoch: string;
  /** The number of ops that the server has not answered has changed by 1. `pendingOps` is the new number. */
  onPending(change: 1 | -1, pendingOps: number, doc: {collection: string; id: string}): void;
  /** Ops are given up, each made on the one before, the first on the server's version `v`. */
  onLost(lost: LostSteps): void;
  /** The server has another history: its ops do not continue from the document's states up to this version. */
  onHistoryGone(doc: Doc, version: number): void;
  /** The server has an op. */
  onSaved(op: Pick<RealOp, 'src' | 'seq'>): void;
  onEntry(doc: Doc, entry: Entry): void;
  /** A rollback begins: see `SharedDoc.isRollingBack`. */
  onRollback(doc: Doc): void;
  /** The server has sent an op that no tab of this host has made. */
  onServerOp(doc: Doc, step: Step): void;
  readonly faults: Pick<ServerFaults, 'willRetry' | 'forget' | 'isTransient' | 'readAgain' | 'forgetRead'>;
  readonly fatalOps: Pick<FatalOps, 'isHeldBack' | 'forget'>;
  /** The document has forgotten a tab, whose ops up to `seq` are in the history. */
  onGone(doc: Doc, tab: Tab, seq: number): void;
  /** Returns the highest `seq` that `onGone` has reported for a tab, also if the document was released since; 0 if there is none. */
  takenFrom(doc: Doc, tab: Tab): number;
  /** No tab follows the document any more, and it has nothing to send. */
  onIdle(doc: Doc): void;
  /** The document has an OT type that this host lacks. */
  onMissingType(doc: Doc, error: Error): void;
}
