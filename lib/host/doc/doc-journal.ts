import type {ErrorData} from '../../protocol/errors.js';
import type {SnapshotData} from '../../protocol/messages.js';
import type {DurableStore} from '../../store/durable-store.js';
import type {DocKey, StoredDoc} from '../../store/storage.js';
import type {EntryData, Step} from '../../ot/history-entry.js';
import type {Outcome} from './outcomes.js';

/** How the server knows an op: its `src` and `seq` there. */
export type Identity = readonly [src: string, seq: number];

/** An input of a document. Replayed in order, the inputs lead to the same state. */
export type JournalRecord =
  /** A tab's op, at the current revision. `id`: the identity under which it goes to the server, unless it is composed into another. */
  | {
    t: 'submit'; step: Step; owner: string; seq: number; source?: unknown; submitSource?: true; preventCompose?: true;
    id?: Identity | undefined;
  }
  /** A tab's op that changes nothing. */
  | {t: 'nothing'; owner: string; seq: number}
  /** The first pending op, which had no identity yet, goes to the server with this one for good. */
  | {t: 'send'; src: string; seq: number}
  /** An op or an acknowledgement of the server. */
  | {t: 'message'; message: object}
  /** The server's rejection of the op under way, and the inverse where the type can't tell it. */
  | {t: 'reject'; error: ErrorData; inverse?: unknown}
  /** The server took the op under way for one that changes nothing. */
  | {t: 'clear'};

/** An op that the server has not acknowledged, as a checkpoint keeps it. */
export interface StoredOp extends Step {
  src?: string;
  seq?: number;
  source?: unknown;
  owner?: string;
  submitSource?: boolean;
  /** The OT type that the op was made for. */
  type: string | null;
  /** It has been sent: nothing may be composed into it. */
  sent: boolean;
  /** The tabs' ops that it was composed of. */
  origins: [owner: string, seq: number][];
}

/** The rest of a document's state, beside its snapshot. */
export interface Surroundings {
  /** The entries that tabs may need to reach the snapshot's revision. */
  history: EntryData[];
  pending: StoredOp[];
  /** For each author: the highest seq in the history, and the outcomes that its tab may not know. */
  tabs: {id: string; lastSeq: number; outcomes: Outcome[]}[];
}

export type Checkpoint = Surroundings & SnapshotData & {rev: number};

export interface Restored {
  checkpoint: Checkpoint | undefined;
  /** The JSON of the checkpoint's snapshot, where it can be told from the rest without looking into it. */
  snapshot: string | undefined;
  records: JournalRecord[];
}

/** How most checkpoints end: the snapshot comes first, as it goes to the tabs, and there is nothing beside it. */
const ONLY_SNAPSHOT = continued({history: [], pending: [], tabs: []});

/** A checkpoint is due when the journal is longer than this plus the last checkpoint. */
const CHECKPOINT_CHARS = 16 * 1024;
/** At this multiple of that length, a checkpoint is written without waiting for a quiet moment. */
const OVERDUE = 4;

/** The journal of one document, and when it is time to cut it. */
export class DocJournal {
  private n = 0;
  private journalChars = 0;
  private checkpointChars = 0;

  constructor(private readonly store: DurableStore, private readonly key: DocKey) {}

  get isDue(): boolean {
    return this.journalChars > this.dueChars;
  }

  get isOverdue(): boolean {
    return this.journalChars > OVERDUE * this.dueChars;
  }

  private get dueChars(): number {
    return CHECKPOINT_CHARS + this.checkpointChars;
  }

  /** Whether there is a journal to cut, and cutting it is in proportion to what has happened. */
  get isWorthwhile(): boolean {
    return this.journalChars > this.checkpointChars / 10;
  }

  /**
   * @param isRepeatable the server would tell it again
   * @param isTogether all such records of one turn are written, or none
   * @returns its place, for `whenCommittedOrFailed`
   */
  append(record: JournalRecord | string, isRepeatable = false, isTogether = false): number {
    const text = typeof record === 'string' ? record : JSON.stringify(record);
    this.journalChars += text.length;
    return this.store.append(this.key, ++this.n, text, isRepeatable, isTogether);
  }

  /** @param snapshot as JSON */
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
   * Reads what is stored. Later records continue its numbers.
   * @returns undefined if there is nothing, or if it has a wrong form. Then it is quarantined.
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

  /** Deletes all that is stored of the document. */
  delete(): void {
    this.store.remove(this.key);
    this.journalChars = 0;
    this.checkpointChars = 0;
  }

  /** Quarantines what can't be used. So edits are not deleted because they are unreadable. */
  setAside(error: unknown): void {
    this.store.quarantine.add(this.key, error);
    this.n = 0;
    this.journalChars = 0;
    this.checkpointChars = 0;
  }
}

/** @throws where it is not of the expected form */
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

/** The fields as the end of a JSON object that has others before them. */
function continued(fields: Surroundings): string {
  return `,${JSON.stringify(fields).slice(1)}`;
}
