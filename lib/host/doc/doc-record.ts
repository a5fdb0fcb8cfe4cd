import {History} from '../../ot/history.js';
import type {Author, Origins, StoredElsewhere} from '../../ot/history-entry.js';
import type {SnapshotData} from '../../protocol/messages.js';
import type {RealDoc, RealOp, ServerSnapshot} from '../upstream.js';
import type {DocJournal, JournalRecord} from './doc-journal.js';
import type {JournaledDocEvents} from './journaled-doc-events.js';
import {PlacedOps} from './placed-ops.js';
import {originsOf, stepJson} from './real-ops.js';

/**
 * Records what happens to a real document: an entry of the history for each change, and a record of the journal for each input. The
 * parts of a `JournaledDoc` share it.
 */
export class DocRecord {
  readonly history: History;
  readonly placed = new PlacedOps();
  /** Whether the stored document has an OT type that this host lacks. Nothing is written to the journal then. */
  isLocked = false;
  /** Whether the journal is being replayed. Its records are not written again. */
  isReplaying = false;
  /** The tab whose op is being applied. */
  author: Author | undefined;
  /** The tabs' ops that the server's message acknowledges, while it is handled. */
  acknowledged: Origins | undefined;
  /** Set while a change is applied that may be sent before it is durable: whether the server or a tab can send it again. */
  storedElsewhere: StoredElsewhere | undefined;
  /**
   * The position in the store of the last record about an op that the server has answered but does not have. Later ops are sent only when
   * this record is durable. Otherwise the next host would treat later ops, when the server sends them, as those of another client.
   */
  refusedAt = 0;
  /** How often the state was lost. A method that started before a loss must not record its change of the old state. */
  rollbacks = 0;
  recordedVersion: number | null = null;
  /** The position in the store of the last record, except for ops of the server that were sent to tabs before they were written. */
  private neededAt = 0;
  private snapshotCache: {rev: number; json: string} | undefined;

  /** @param upstream the methods of the document before they were hooked */
  constructor(
    readonly doc: RealDoc,
    readonly upstream: RealDoc,
    readonly events: JournaledDocEvents,
    readonly journal: DocJournal | undefined,
    private start: number
  ) {
    this.history = new History(start);
  }

  /** Whether there is a state that can be sent to tabs. */
  get hasState(): boolean {
    return this.doc.type !== null || this.doc.version !== null;
  }

  /** Whether the document has no state, and has never had one or an entry. */
  get isNew(): boolean {
    return !this.hasState && this.history.rev === this.start;
  }

  /** Begins the history at this revision, if it is a later one. */
  beginAt(rev: number): void {
    this.start = Math.max(this.history.rev, rev);
    this.history.beginAt(this.start);
  }

  // ---- the journal

  /**
   * Writes a record to the journal.
   * @param isRepeatable whether the input would arrive again if the record were lost: the op in flight is sent again, and the server
   *   answers again
   * @returns the record's position in the store; 0 if nothing is written
   */
  write(record: JournalRecord | string, isRepeatable = false, isTogether = false): number {
    if (!this.journal || this.isReplaying || this.isLocked) return 0;
    const position = this.journal.append(record, isRepeatable, isTogether);
    if (this.storedElsewhere !== 'server') this.neededAt = position;
    this.events.onJournal();
    return position;
  }

  /**
   * Whether an op of the server may be sent to tabs before it is written. No op of the document may be pending, and all earlier records
   * must be durable or belong to such ops. In that case a tab that has the op can replay it to the next host.
   */
  maySendBeforeWrite(message: object): boolean {
    return !this.isReplaying && !!this.journal && 'op' in message && !this.doc.hasWritePending() && this.journal.isCommitted(this.neededAt);
  }

  /** Notes a pending op if the storage may have it, too, in data that could not be read: see {@link PlacedOps}. */
  notePlaced(op: RealOp): void {
    if (this.journal?.mayHaveUnread) this.placed.note(op);
  }

  /** Notes that an op of a tab was refused, if the storage may have it: see {@link PlacedOps}. */
  noteRefused(owner: string, seq: number): void {
    if (this.journal?.mayHaveUnread) this.placed.noteRefused(owner, seq);
  }

  // ---- the history

  push(json: string, author?: Author): void {
    this.recordedVersion = this.doc.version;
    const isClean = !this.doc.hasWritePending() && !this.author;
    this.events.onEntry(this.history.push(this.doc.version, json, isClean, author, author ? undefined : this.acknowledged, this.storedElsewhere));
  }

  /** Applies a change of the data, and adds an entry to the history. Each change is applied here. */
  apply(op: RealOp, source: unknown): void {
    // When upstream takes an op back, it applies the inverse in the same object. The inverse is not an op that can be undone.
    const isRollback = !this.author && source === false && op === this.doc.inflightOp;
    const json = stepJson(op, this.author && op.undo, isRollback ? originsOf(op) : undefined);
    const {rollbacks} = this;
    const author = this.author ?? this.authorOf(op);
    this.upstream._otApply.call(this.doc, op, source);
    // If a listener has caused a rollback meanwhile, the entry would describe a state that no longer exists.
    if (this.rollbacks === rollbacks) this.push(json, author);
  }

  /** Returns the author of an op. If upstream takes back or changes a tab's op, the author has no `seq`: it is not the tab's op itself. */
  private authorOf(op: RealOp): Author | undefined {
    const inflight = this.doc.inflightOp;
    if (op.owner !== undefined) return {src: op.owner};
    if (inflight?.owner !== undefined && op.src === inflight.src && op.seq === inflight.seq) return {src: inflight.owner};
    return op.src === undefined ? undefined : {src: op.src, seq: op.seq};
  }

  /** Adds an entry if the version has increased without a change of the data. */
  noteVersion(): void {
    if (this.doc.version !== this.recordedVersion) this.push('{}');
  }

  /** Adds an entry with the state after the document was loaded. If no tab has the document, the history starts again instead. */
  noteLoad(): void {
    if (this.events.isFollowed) return this.push(JSON.stringify({load: {...this.snapshotData(), rev: this.history.rev + 1}}));
    this.recordedVersion = this.doc.version;
    return this.history.restart(this.doc.version);
  }

  // ---- the state

  /** The snapshot at the current revision, as JSON. It is computed once for all tabs. */
  snapshotJson(): string {
    const {rev} = this.history;
    if (this.snapshotCache?.rev !== rev) this.snapshotCache = {rev, json: JSON.stringify(this.snapshotData())};
    return this.snapshotCache.json;
  }

  /** Sets the JSON of the snapshot at the current revision, which was read from the store. */
  cacheSnapshot(json: string): void {
    this.snapshotCache = {rev: this.history.rev, json};
  }

  private snapshotData(): SnapshotData {
    const {type, data, version} = this.doc;
    return {
      v: version,
      type: type?.uri ?? type?.name ?? null,
      data: type?.serialize ? type.serialize(data) : data,
      rev: this.history.rev,
      ...(this.doc.hasWritePending() && {isMixed: true})
    };
  }

  /** Removes the document's state and pending ops. The history stays. */
  dropState(): void {
    const {doc} = this;
    doc._setType(null);
    doc.version = null;
    doc.inflightOp = null;
    doc.pendingOps = [];
  }

  /** Ingests a state of the server that a tab has. */
  ingest(snapshot: ServerSnapshot): void {
    this.upstream.ingestSnapshot.call(this.doc, snapshot);
  }

  /** Makes the first pending op the op in flight, as it was when the replayed record was written. */
  takeUp(): RealOp | null {
    const {doc} = this;
    doc.inflightOp ??= doc.pendingOps.shift() ?? null;
    return doc.inflightOp && Object.assign(doc.inflightOp, {sentAt: 1, isSent: true});
  }
}
