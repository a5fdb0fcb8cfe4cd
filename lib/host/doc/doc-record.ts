import {History} from '../../ot/history.js';
import type {Author, Origins, StoredElsewhere} from '../../ot/history-entry.js';
import type {SnapshotData} from '../../protocol/messages.js';
import type {RealDoc, RealOp, ServerSnapshot} from '../upstream.js';
import type {DocJournal, JournalRecord} from './doc-journal.js';
import type {JournaledDocEvents} from './journaled-doc-events.js';
import {originsOf, stepJson} from './real-ops.js';

/**
 * Writes down what happens to a real document: an entry of the history for each change, and a record of the journal for each
 * input. The parts of a `JournaledDoc` share it.
 */
export class DocRecord {
  readonly history: History;
  /** The stored document has a type that this host does not know: the store keeps it, and nothing overwrites it. */
  isLocked = false;
  /** The records of the journal are being replayed: they are not written again. */
  isReplaying = false;
  /** The tab whose op is being applied. */
  author: Author | undefined;
  /** The tabs' ops that the server's message acknowledges. */
  acknowledged: Origins | undefined;
  /** Set if the change under way may be sent before it is durable: who else has stored it. */
  storedElsewhere: StoredElsewhere | undefined;
  /**
   * The position in the store of the last record of an op that the server has answered to and does not have. If that record were
   * lost, the next host would take later ops, when they come back from the server, for those of another client.
   */
  refusedAt = 0;
  /** How often the state was lost. A method that began before does not write down what it did to the old state. */
  rollbacks = 0;
  recordedVersion: number | null = null;
  /** The position in the store of the last record of anything but an op of the server that was told before it was written. */
  private neededAt = 0;
  private snapshotCache: {rev: number; json: string} | undefined;

  /** @param upstream the methods of the document before they were hooked */
  constructor(
    readonly doc: RealDoc,
    readonly upstream: RealDoc,
    readonly events: JournaledDocEvents,
    readonly journal: DocJournal | undefined,
    readonly start: number
  ) {
    this.history = new History(start);
  }

  /** Whether there is a state that a tab could be shown. */
  get hasState(): boolean {
    return this.doc.type !== null || this.doc.version !== null;
  }

  /** Whether nothing is known of the document, and never was. */
  get isNew(): boolean {
    return !this.hasState && this.history.rev === this.start;
  }

  // ---- the journal

  /**
   * @param isRepeatable whether the same would happen again without the record: the op in flight is sent again, and the server
   *   answers again
   * @returns the position in the store
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
   * must be durable, or belong to such ops, too. Then a tab that has the op can bring the next host to the same state.
   */
  maySendBeforeWrite(message: object): boolean {
    return !this.isReplaying && !!this.journal && 'op' in message && !this.doc.hasWritePending() && this.journal.isCommitted(this.neededAt);
  }

  // ---- the history

  push(json: string, author?: Author): void {
    this.recordedVersion = this.doc.version;
    const isClean = !this.doc.hasWritePending() && !this.author;
    this.events.onEntry(this.history.push(this.doc.version, json, isClean, author, author ? undefined : this.acknowledged, this.storedElsewhere));
  }

  /** Every change of the data passes here, and becomes an entry of the history. */
  apply(op: RealOp, source: unknown): void {
    // When upstream takes an op back, it applies the inverse in the same object, which nobody can undo.
    const isRollback = !this.author && source === false && op === this.doc.inflightOp;
    const json = stepJson(op, this.author && op.undo, isRollback ? originsOf(op) : undefined);
    const {rollbacks} = this;
    const author = this.author ?? this.authorOf(op);
    this.upstream._otApply.call(this.doc, op, source);
    // After a rollback meanwhile, the entry would describe a state that is gone.
    if (this.rollbacks === rollbacks) this.push(json, author);
  }

  /** An op that upstream takes back or changes is the work of a tab, but it is not the tab's op come back. */
  private authorOf(op: RealOp): Author | undefined {
    const inflight = this.doc.inflightOp;
    if (op.owner !== undefined) return {src: op.owner};
    if (inflight?.owner !== undefined && op.src === inflight.src && op.seq === inflight.seq) return {src: inflight.owner};
    return op.src === undefined ? undefined : {src: op.src, seq: op.seq};
  }

  /** Writes down that the version has moved without a change of the data. */
  noteVersion(): void {
    if (this.doc.version !== this.recordedVersion) this.push('{}');
  }

  /** The document was loaded: it has another state, to which no op leads. */
  noteLoad(): void {
    if (this.events.isFollowed) return this.push(JSON.stringify({load: {...this.snapshotData(), rev: this.history.rev + 1}}));
    this.recordedVersion = this.doc.version;
    return this.history.restart(this.doc.version);
  }

  // ---- the state

  /** The snapshot at the current revision, as JSON. It is made once for all tabs that need it. */
  snapshotJson(): string {
    const {rev} = this.history;
    if (this.snapshotCache?.rev !== rev) this.snapshotCache = {rev, json: JSON.stringify(this.snapshotData())};
    return this.snapshotCache.json;
  }

  /** The snapshot at the current revision is known as JSON: it was stored like that. */
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

  /** Removes the state of the document and its pending ops; the history stays. */
  dropState(): void {
    const {doc} = this;
    doc._setType(null);
    doc.version = null;
    doc.inflightOp = null;
    doc.pendingOps = [];
  }

  /** A state of the server that a tab has. */
  ingest(snapshot: ServerSnapshot): void {
    this.upstream.ingestSnapshot.call(this.doc, snapshot);
  }

  /** Takes the next op as the one in flight, which it was when a record was written. */
  takeUp(): RealOp | null {
    const {doc} = this;
    doc.inflightOp ??= doc.pendingOps.shift() ?? null;
    return doc.inflightOp && Object.assign(doc.inflightOp, {sentAt: 1, isSent: true});
  }
}
