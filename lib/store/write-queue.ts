import {coalesced, nameOf, type Queued} from './coalesce.js';
import {isSameKey, type DocKey} from './storage.js';

/** While nothing can be written, the queue is coalesced each time that its length has doubled, if it is longer than this. */
const LONG_QUEUE = 256;

/** The part of the queue that one commit writes. */
export interface Batch {
  /** All changes up to this number are committed when this batch is committed. */
  upTo: number;
  /** Whether the queue is empty after it. */
  isLast: boolean;
}

/**
 * The changes of a store that are not committed yet, in order. Changes are numbered from 1, also across commits.
 */
export class WriteQueue {
  private waiting: Queued[] = [];
  private batch: Queued[] = [];
  private last = 0;
  private lastNeeded = 0;
  private wanted = 0;
  private committedUpTo = 0;
  private longLength = LONG_QUEUE;
  /** Coalescing removes changes without a commit. Then only the end of the queue has a known number. */
  private isCoalesced = false;
  private isClosed = false;

  /** The number of the last change. */
  get lastChange(): number {
    return this.last;
  }

  /** The number of the last change that would not be received again after a loss. The server's answers, for example, are received again. */
  get lastNeededChange(): number {
    return this.lastNeeded;
  }

  /** All changes up to this number are committed. */
  get committed(): number {
    return this.committedUpTo;
  }

  /** The number of changes up to the last needed one that are not committed. */
  get size(): number {
    return Math.max(0, this.lastNeeded - this.last + this.waiting.length + this.batch.length);
  }

  /** Whether changes that must be committed without delay are not committed. */
  get isWanted(): boolean {
    return this.wanted > this.committedUpTo;
  }

  /** The changes of the batch that is being written. */
  get inFlight(): readonly Queued[] {
    return this.batch;
  }

  /** @param isRepeatable whether the change would be received again after a loss */
  push(change: Queued, isRepeatable = false): void {
    if (this.isClosed) return;
    this.waiting.push(change);
    this.last++;
    if (!isRepeatable) this.lastNeeded = this.last;
    if (this.isCoalesced && this.waiting.length > this.longLength) this.coalesce();
  }

  /** Adds changes before all others, and requests a commit of all changes. */
  unshift(changes: readonly Queued[]): void {
    if (this.isClosed) return;
    this.waiting.unshift(...changes);
    this.last += changes.length;
    this.wanted = this.last;
  }

  /** Requests a commit of all changes up to this number. */
  want(upTo: number): void {
    this.wanted = Math.max(this.wanted, upTo);
  }

  /** Removes changes that later ones make superfluous. */
  coalesce(): void {
    this.waiting = coalesced(this.waiting);
    this.isCoalesced = true;
    this.longLength = Math.max(LONG_QUEUE, 2 * this.waiting.length);
  }

  /**
   * Moves all changes to `inFlight`. A change that quarantines a document is a batch of its own, because the document's data are read from
   * the storage. So the changes before it are written first.
   */
  takeBatch(): Batch {
    const at = this.waiting.findIndex(({type}) => type === 'quarantine');
    this.batch = this.waiting.splice(0, at < 0 ? this.waiting.length : Math.max(at, 1));
    const isLast = !this.waiting.length;
    return {isLast, upTo: isLast ? this.last : this.isCoalesced ? this.committedUpTo : this.last - this.waiting.length};
  }

  /** Removes written changes from the batch, so that they are not written again if the rest fails. */
  dropFromBatch(written: readonly Queued[]): void {
    this.batch = this.batch.filter(change => !written.includes(change));
  }

  noteCommitted({upTo}: Batch): void {
    this.batch = [];
    this.committedUpTo = Math.max(this.committedUpTo, upTo);
    this.longLength = LONG_QUEUE;
    if (!this.waiting.length) this.isCoalesced = false;
  }

  /** Returns the changes of a failed batch to the queue, in order. */
  requeue(): void {
    this.waiting = this.requeued();
    this.batch = [];
  }

  /** The queue after a failure. A failed quarantine moves behind the changes of other documents, so that it does not block them. */
  private requeued(): Queued[] {
    const [first] = this.batch;
    if (first?.type !== 'quarantine') return [...this.batch, ...this.waiting];
    const isOthers = (change: Queued): boolean => change.type === 'meta' || !isSameKey(change.key, first.key);
    return [...this.waiting.filter(isOthers), first, ...this.waiting.filter(change => !isOthers(change))];
  }

  /** The changes of a document that are not committed. */
  ofDoc(key: DocKey): Exclude<Queued, {type: 'meta'}>[] {
    return [...this.batch, ...this.waiting].filter(change => change.type !== 'meta' && isSameKey(change.key, key)) as Exclude<Queued, {type: 'meta'}>[];
  }

  /** The names of the documents with waiting changes that are not in flight. */
  waitingDocs(): Set<string> {
    return new Set(this.waiting.flatMap(change => (change.type === 'meta' ? [] : [nameOf(change.key)])));
  }

  /** Whether a change of this small value is waiting and not in flight. */
  hasWaitingValue(name: string): boolean {
    return this.waiting.some(change => change.type === 'meta' && change.name === name);
  }

  /** Drops the waiting changes. Later changes are ignored. */
  close(): void {
    this.isClosed = true;
    this.waiting = [];
  }
}
