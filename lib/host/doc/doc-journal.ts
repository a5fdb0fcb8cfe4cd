import type {ErrorData} from '../../protocol/errors.js';
import type {SnapshotData} from '../../protocol/messages.js';
import type {DurableStore} from '../../store/durable-store.js';
import type {DocKey, StoredDoc} from '../../store/storage.js';
import type {EntryData, Step} from '../../ot/history-entry.js';
import type {Outcome} from './outcomes.js';

/** The identity of an op at the server. */
export type Identity = readonly [src: string, seq: number];

/** An input of a document. A replay of the inputs in order leads to the same state. */
export type JournalRecord =
  /** A tab's op, at the current revision. `id`: the identity with which it is sent to the server, unless it is composed into another op. */
  | {
    t: 'submit'; step: Step; owner: string; seq: number; source?: unknown; submitSource?: true; preventCompose?: true;
    id?: Identity | undefined;
  }
  /** A tab's op that changes nothing. */
  | {t: 'nothing'; owner: string; seq: number}
  /** The identity of the first pending op, which had none before. */
  | {t: 'send'; src: string; seq: number}
  /** An op or an acknowledgement of the server. */
  | {t: 'message'; message: object}
  /** The server's rejection of the op in flight, and its inverse if the host has computed it. */
  | {t: 'reject'; error: ErrorData; inverse?: unknown}
  /** The server's report that the op in flight changes nothing (`ERR_NO_OP`). */
  | {t: 'clear'};

/** An op that the server has not acknowledged, in a checkpoint. */
export interface StoredOp extends Step {
  src?: string;
  seq?: number;
  source?: unknown;
  owner?: string;
  submitSource?: boolean;
  /** The OT type that the op was made for. */
  type: string | null;
  /** Whether the op was sent, so that no other op may be composed into it. */
  sent: boolean;
  /** The tabs' ops that the op was composed of. */
  origins: [owner: string, seq: number][];
}

/** An op of a tab, and the identity with which this history has sent it to the server; `''` and 0 if the host has refused the op. */
export type PlacedOp = readonly [owner: string, seq: number, src: string, serverSeq: number];

/** The parts of a checkpoint besides the snapshot. */
export interface Surroundings {
  /** The entries that tabs may need to reach the snapshot's revision. */
  history: EntryData[];
  pending: StoredOp[];
  /** For each author, the highest seq in the history, and the outcomes that the tab may not have received. */
  tabs: {id: string; lastSeq: number; outcomes: Outcome[]}[];
  /** The tabs' ops that other data of the document may contain, too; null if not all are known. */
  placed?: readonly PlacedOp[] | null;
}

export type Checkpoint = Surroundings & SnapshotData & {rev: number};

export interface Restored {
  checkpoint: Checkpoint | undefined;
  /** The JSON of the checkpoint's snapshot, if it can be separated without parsing it. */
  snapshot: string | undefined;
  records: JournalRecord[];
}

/** The end of a checkpoint's JSON if it contains only a snapshot, as most do. The snapshot comes first, in the form for tabs. */
const ONLY_SNAPSHOT = continued({history: [], pending: [], tabs: []});

/** A checkpoint is due when the journal is longer than the last checkpoint by this much, in characters. */
const CHECKPOINT_CHARS = 16 * 1024;
/** At this multiple of that length, a checkpoint is written without waiting for a pause. */
const OVERDUE = 4;

/** The journal of one document. It decides when a checkpoint is due. */
export class DocJournal {
  private n = 0;
  private journalChars = 0;
  private checkpointChars = 0;

  constructor(private readonly store: DurableStore, private readonly key: DocKey) {}

  /** Whether the storage may have other data of the document, which could not be read when they were needed. */
  get mayHaveUnread(): boolean {
    return this.store.mayHaveUnread(this.key);
  }

  get isDue(): boolean {
    return this.journalChars > this.dueChars;
  }

  get isOverdue(): boolean {
    return this.journalChars > OVERDUE * this.dueChars;
  }

  private get dueChars(): number {
    return CHECKPOINT_CHARS + this.checkpointChars;
  }

  /** Whether the journal is long enough, compared with the last checkpoint, to justify a new one. */
  get isWorthwhile(): boolean {
    return this.journalChars > this.checkpointChars / 10;
  }

  /**
   * Appends a record.
   * @param isRepeatable whether the server would send the input again after a loss
   * @param isTogether whether all such records of one turn must be written together or not at all
   * @returns the record's position in the store, for `whenCommittedOrFailed`
   */
  append(record: JournalRecord | string, isRepeatable = false, isTogether = false): number {
    const text = typeof record === 'string' ? record : JSON.stringify(record);
    this.journalChars += text.length;
    return this.store.append(this.key, ++this.n, text, isRepeatable, isTogether);
  }

  /** Replaces the journal by a checkpoint. @param snapshot the document's snapshot, as JSON */
  checkpoint(snapshot: string, beside: Surroundings): void {
    const text = snapshot.slice(0, -1) + continued(beside);
    this.checkpointChars = text.length;
    this.journalChars = 0;
    this.store.checkpoint(this.key, this.n, text, beside.pending.length > 0);
  }

  /** See {@link DurableStore.sendsBeforeWrite}. */
  get sendsBeforeWrite(): boolean {
    return this.store.sendsBeforeWrite;
  }

  isCommitted(place: number): boolean {
    return this.store.isCommitted(place);
  }

  /** See {@link DurableStore.whenCommittedOrFailed}. */
  whenCommittedOrFailed(place: number, callback: () => void): void {
    this.store.whenCommittedOrFailed(place, callback);
  }

  /**
   * Reads the stored checkpoint and records. Later records continue their numbers.
   * @returns undefined if nothing is stored, or if the stored data have a wrong form. Such data are quarantined.
   */
  async load(): Promise<Restored | undefined> {
    const stored = await this.store.load(this.key);
    if (!stored) return undefined;
    this.n = stored.journal.at(-1)?.n ?? 0;
    try {
      this.checkpointChars = stored.checkpoint?.length ?? 0;
      this.journalChars = stored.journal.reduce((sum, {record}) => sum + record.length, 0);
      return parseStored(stored);
    } catch (error) {
      this.setAside(error);
      return undefined;
    }
  }

  /** Deletes the document's stored data. */
  delete(): void {
    this.store.remove(this.key);
    this.journalChars = 0;
    this.checkpointChars = 0;
  }

  /** Quarantines the stored data, because they can't be used. Unreadable edits are not deleted. */
  setAside(error: unknown): void {
    this.store.quarantine.add(this.key, error);
    this.n = 0;
    this.journalChars = 0;
    this.checkpointChars = 0;
  }
}

/** Parses a stored document. @throws Error if it does not have the expected form */
export function parseStored({checkpoint, journal}: StoredDoc): Restored {
  const parsed = checkpoint === undefined ? undefined : (JSON.parse(checkpoint) as Checkpoint | null);
  if (parsed !== undefined && (!Number.isSafeInteger(parsed?.rev) || !Array.isArray(parsed?.pending) || !Array.isArray(parsed.history))) {
    throw new Error('The checkpoint is not of the expected form');
  }
  return {
    checkpoint: parsed ?? undefined,
    snapshot: checkpoint?.endsWith(ONLY_SNAPSHOT) ? `${checkpoint.slice(0, -ONLY_SNAPSHOT.length)}}` : undefined,
    records: journal.map(({record}) => JSON.parse(record) as JournalRecord)
  };
}

/** Returns the fields as the end of a JSON object that begins with other fields. */
function continued(fields: Surroundings): string {
  return `,${JSON.stringify(fields).slice(1)}`;
}
