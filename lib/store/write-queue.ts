import {coalesced, nameOf, type Queued} from './coalesce.js';
import {isSameKey, type DocKey} from './storage.js';

/** While nothing can be written, the queue is coalesced each time that its length has doubled, and not below this length. */
const LONG_QUEUE = 256;

/** The part of the queue that one commit writes. */
export interface Batch {
  /** How many changes are committed when this batch is. */
  upTo: number;
  /** Whether the queue is empty after it. */
  isLast: boolean;
}

/**
 * The changes of a store that are not committed yet, in order. Changes are numbered from 1 on, so the number of the last one is also
 * how many there are.
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

  /** The number of the last change that would be lost for good if it were not written. The server's answers, for example, come again. */
  get lastNeededChange(): number {
    return this.lastNeeded;
  }

  /** All changes up to this number are committed. */
  get committed(): number {
    return this.committedUpTo;
  }

  /** How many changes up to the last needed one are not committed. */
  get size(): number {
    return Math.max(0, this.lastNeeded - this.last + this.waiting.length + this.batch.length);
  }

  /** Whether changes that somebody waits for are not committed. */
  get isWanted(): boolean {
    return this.wanted > this.committedUpTo;
  }

  /** The changes of the batch that is being written. */
  get inFlight(): readonly Queued[] {
    return this.batch;
  }

  /** @param isRepeatable whether it would come again if it were lost */
  push(change: Queued, isRepeatable = false): void {
    if (this.isClosed) return;
    this.waiting.push(change);
    this.last++;
    if (!isRepeatable) this.lastNeeded = this.last;
    if (this.isCoalesced && this.waiting.length > this.longLength) this.coalesce();
  }

  /** Puts changes before all others, and wants everything up to the last change committed. */
  unshift(changes: readonly Queued[]): void {
    if (this.isClosed) return;
    this.waiting.unshift(...changes);
    this.last += changes.length;
    this.wanted = this.last;
  }

  /** Somebody waits for all changes up to this number. */
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
   * Moves all changes to `inFlight`. A document that is to be quarantined is read from the storage for that. So the changes before it
   * are a batch, and then it alone.
   */
  takeBatch(): Batch {
    const at = this.waiting.findIndex(({type}) => type === 'quarantine');
    this.batch = this.waiting.splice(0, at < 0 ? this.waiting.length : Math.max(at, 1));
    const isLast = !this.waiting.length;
    return {isLast, upTo: isLast ? this.last : this.isCoalesced ? this.committedUpTo : this.last - this.waiting.length};
  }

  /** A part of the batch is written, and is not written again if the rest fails. */
  dropFromBatch(written: readonly Queued[]): void {
    this.batch = this.batch.filter(change => !written.includes(change));
  }

  noteCommitted({upTo}: Batch): void {
    this.batch = [];
    this.committedUpTo = Math.max(this.committedUpTo, upTo);
    this.longLength = LONG_QUEUE;
    if (!this.waiting.length) this.isCoalesced = false;
  }

  /** The batch could not be written: all of it is tried again, in order. */
  requeue(): void {
    this.waiting = this.requeued();
    this.batch = [];
  }

  /** A document that could not be quarantined does not keep the others waiting. */
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

  /** The names of the documents with changes that wait, and are not in flight. */
  waitingDocs(): Set<string> {
    return new Set(this.waiting.flatMap(change => (change.type === 'meta' ? [] : [nameOf(change.key)])));
  }

  /** Whether a small value waits, and is not in flight. */
  hasWaitingValue(name: string): boolean {
    return this.waiting.some(change => change.type === 'meta' && change.name === name);
  }

  /** Drops what waits. Later changes are ignored. */
  close(): void {
    this.isClosed = true;
    this.waiting = [];
  }
}
