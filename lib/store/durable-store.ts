import type {Clearing} from '../protocol/clearing.js';
import type {ErrorData} from '../protocol/errors.js';
import {BatchWriter} from './batch-writer.js';
import {CommitLoop, type After} from './commit-loop.js';
import {Encryption, type Cipher} from './encryption.js';
import {HistoryMark} from './history-mark.js';
import {Inventory} from './inventory.js';
import {KeptValues} from './kept-values.js';
import {Pruner} from './pruner.js';
import {Pruning, type PruningLimits} from './pruning.js';
import {Quarantine} from './quarantine.js';
import {QuarantineAccess, supersedingChange} from './quarantine-access.js';
import {Reader} from './reader.js';
import {storageError} from './storage-errors.js';
import type {DocKey, Storage, StoredDoc} from './storage.js';
import {StoreOpening} from './store-opening.js';
import {applyChange, emptyDoc} from './stored-changes.js';

export interface DurableStoreOptions {
  storage: Storage;
  namespace: string;
  epoch: string;
  cipher?: Cipher | undefined;
  /** The namespace's last clearing. Older data in the storage are deleted, and never read. */
  cleared?: Clearing | undefined;
  /** Whether an edit is sent to other tabs before it is written. Default: only if the storage is not durable. */
  sendsBeforeWrite?: boolean | undefined;
  /** What `prune` deletes. Default: nothing. */
  limits?: PruningLimits | undefined;
  /** The time in ms since the epoch. Default: `Date.now`. */
  now?: (() => number) | undefined;
  /** `isDurable` or `lastError` changed. */
  onStatus(): void;
  /** Another host has taken over, so this one has to stop. Callbacks that wait for durability are not called any more. */
  onFenced(): void;
  /**
   * The stored data were deleted from outside. The documents in use have to be written again as checkpoints, because a journal
   * record alone would continue something that no longer exists.
   */
  onErased?: (() => void) | undefined;
  /** The storage was opened late, and has documents that were not known when the store got ready. */
  onFound?: (() => void) | undefined;
  /** What was stored of a document has been quarantined, because the document lived on without it. */
  onSuperseded?: (() => void) | undefined;
  /** What was stored of a document can't be used. It is kept: see {@link DurableStore.quarantine}. */
  onQuarantined?: ((key: DocKey, error: ErrorData) => void) | undefined;
}

/** How long deleting everything may take, in ms. */
const CLEAR_MS = 5000;

/**
 * The journals and checkpoints of a host's documents. Changes of one turn are committed together; changes that come while a commit runs
 * go into the next one. `whenAllCommittedOrFailed` calls back when everything that was appended before is committed, or when the storage fails.
 * `isDurable` and `lastError` tell which: an app goes on without a disk. Changes that could not be written stay queued and are tried again.
 */
export class DurableStore {
  /** Stored documents that can't be used. */
  readonly quarantine: QuarantineAccess;
  private readonly inventory = new Inventory();
  private readonly history: HistoryMark;
  private readonly keptValues: KeptValues;
  private readonly reader: Reader;
  private readonly encryption: Encryption;
  private readonly pruning: Pruning | undefined;
  private readonly pruner: Pruner | undefined;
  private readonly opening: StoreOpening;
  private readonly commits: CommitLoop;

  constructor(private readonly options: DurableStoreOptions, private readonly after: After) {
    const {storage, namespace, epoch, cipher, cleared, limits, now = () => Date.now()} = options;
    const {inventory} = this;
    const encryption = (this.encryption = new Encryption(cipher));
    const history = (this.history = new HistoryMark(epoch));
    const kept = (this.keptValues = new KeptValues(encryption));
    const pruning = (this.pruning = limits && new Pruning(limits, now));
    this.reader = new Reader(storage);
    const commits: CommitLoop = (this.commits = new CommitLoop({
      after,
      isOpen: () => opening.isOpen,
      open: () => opening.open(),
      write: isLast => writer.write(isLast),
      hasMore: () => !!pruning?.isDue,
      onWritten: () => opening.noteWritten(),
      onErased: () => opening.noteErased(),
      onWaitEnded: () => opening.becomeReady(),
      onStatus: () => options.onStatus(),
      onFenced: () => {
        this.close();
        options.onFenced();
      }
    }));
    const quarantine = (this.quarantine = new QuarantineAccess(new Quarantine(storage, epoch, encryption), inventory, {
      enqueue: change => commits.enqueue(change),
      onStatus: () => options.onStatus(),
      onQuarantined: (key, error) => options.onQuarantined?.(key, error),
      onSuperseded: () => options.onSuperseded?.()
    }));
    const opening = (this.opening = new StoreOpening({
      storage, namespace, epoch, cleared, now, commits, inventory, history, kept, quarantine, pruning,
      onErased: () => options.onErased?.(),
      onFound: () => options.onFound?.()
    }));
    const writer = new BatchWriter({
      storage, epoch, queue: commits.queue, encryption, quarantine, pruning, history,
      limited: write => commits.limitedWrite(write),
      isClosed: () => commits.isClosed
    });
    this.pruner = pruning && new Pruner({
      storage, inventory, pruning,
      enqueue: (change, isRepeatable) => commits.enqueue(change, isRepeatable),
      commitLater: () => commits.commitLater(),
      isAvailable: () => opening.isOpen && !commits.isDown && !commits.isClosed
    });
    storage.onLost = reason => commits.reopen(reason);
    storage.onBlocked = reason => commits.fail(storageError('ERR_TABS_STORAGE_BLOCKED', reason));
    commits.start();
  }

  // ---- status

  /** Resolves when the storage is open and claimed, or when nobody waits for it any more. Never rejects. */
  whenReady(): Promise<void> {
    return this.opening.whenReady();
  }

  /** The id of the histories in this store: the same for all hosts that continue them. */
  get lineage(): string {
    return this.history.id;
  }

  /** Whether what was written so far survives the end of the browser. */
  get isDurable(): boolean {
    return this.options.storage.isDurable && this.opening.isReady && !this.commits.failure;
  }

  /** Whether nobody waits for the storage: from a failure until a write succeeds. */
  get isDown(): boolean {
    return this.commits.isDown;
  }

  /** Why the store is not durable; otherwise the error of the document that was quarantined last. */
  get lastError(): ErrorData | undefined {
    return this.commits.failure ?? this.quarantine.lastError;
  }

  /** Whether a tab's edit is sent to other tabs before it is written. If the host dies meanwhile, the tabs replay it to the next one. */
  get sendsBeforeWrite(): boolean {
    return this.options.sendsBeforeWrite || !this.options.storage.isDurable;
  }

  // ---- documents

  has(key: DocKey): boolean {
    return this.inventory.has(key);
  }

  keys(): DocKey[] {
    return this.inventory.keys();
  }

  /** The documents that may have something which the server has not acknowledged. */
  pendingDocs(): DocKey[] {
    return this.inventory.pendingDocs();
  }

  /** Whether the document is stored, and nobody has read it. */
  isUnread(key: DocKey): boolean {
    return this.inventory.isUnread(key);
  }

  /**
   * Reads a document, with the changes that are not written yet. If it can't be read twice, it is quarantined. Never rejects.
   * @returns undefined if there is nothing that can be used
   */
  async load(key: DocKey): Promise<StoredDoc | undefined> {
    const item = this.inventory.get(key);
    if (!item) return undefined;
    this.touch(key);
    const unwritten = this.commits.queue.ofDoc(key);
    try {
      const isReplaced = unwritten.some(({type}) => type !== 'append');
      const stored = isReplaced ? emptyDoc() : await this.readTwice(key);
      for (const change of unwritten) applyChange(stored, change);
      item.isRead = true;
      this.pruning?.measureAll(key, stored);
      return stored.checkpoint === undefined && !stored.journal.length ? undefined : stored;
    } catch (error) {
      this.quarantine.add(key, error);
      return undefined;
    }
  }

  /** A failure that is over in a moment quarantines nothing. */
  private async readTwice(key: DocKey): Promise<StoredDoc> {
    const read = async (): Promise<StoredDoc> => this.encryption.decrypted(await this.reader.read(key));
    return read().catch(read);
  }

  /**
   * Adds a record to a document's journal. `n` is above that of its last record.
   * @param isRepeatable whether the change that it records would come again if it were lost: see `lastNeededChange`
   * @param isTogether whether it is a part of a transaction, which is written as a whole or not at all
   * @returns the number of the change, for `whenCommittedOrFailed`
   */
  append(key: DocKey, n: number, record: string, isRepeatable = false, isTogether = false): number {
    this.note(key, true);
    this.pruning?.measure(key, record, true);
    this.commits.enqueue({type: 'append', key, n, record, ...(isTogether && {isTogether: true as const})}, isRepeatable);
    return this.lastChange;
  }

  /** Replaces all that is stored of a document up to and with record `n`. */
  checkpoint(key: DocKey, n: number, checkpoint: string, hasPending: boolean): void {
    this.note(key, hasPending);
    this.pruning?.measure(key, checkpoint);
    // If it is lost, the journal that it replaces is still there.
    this.commits.enqueue({type: 'checkpoint', key, n, checkpoint, hasPending}, true);
  }

  remove(key: DocKey): void {
    this.inventory.delete(key);
    this.commits.enqueue({type: 'remove', key});
  }

  /** Deletes old and excess documents: see {@link Pruner.prune}. */
  async prune(isInUse: (key: DocKey) => boolean): Promise<void> {
    await this.pruner?.prune(isInUse);
  }

  private note(key: DocKey, hasPending: boolean): void {
    if (this.commits.isClosed) return;
    // Written without having been read: the document lives on here without what is stored of it.
    if (this.inventory.isUnread(key)) this.commits.enqueue(supersedingChange(this.inventory.get(key)!));
    this.inventory.addWritten(key, hasPending);
    this.touch(key);
  }

  /** A document is opened or written, and must not be pruned soon. */
  private touch(key: DocKey): void {
    if (this.pruning?.touch(key)) this.commits.commitLater();
  }

  // ---- small values

  /** The values that `keep` has kept, by name, once the store is ready. A value that can't be decrypted is left out. */
  get kept(): Readonly<Record<string, string>> {
    return this.keptValues.values;
  }

  /** Keeps a small value over restarts; undefined deletes it. */
  keep(name: string, value: string | undefined): void {
    if (!this.commits.isClosed) this.commits.enqueue(this.keptValues.set(name, value));
  }

  // ---- waiting for commits

  /** The number of the last change. */
  get lastChange(): number {
    return this.commits.queue.lastChange;
  }

  /** See {@link WriteQueue.lastNeededChange}. */
  get lastNeededChange(): number {
    return this.commits.queue.lastNeededChange;
  }

  /** How many changes are not committed yet, up to the last needed one. */
  get queueSize(): number {
    return this.commits.queue.size;
  }

  /** Whether something is not committed yet, or will never be. */
  get isWriting(): boolean {
    return this.commits.isWriting;
  }

  /** Whether everything up to a change is committed. */
  isCommitted(change: number): boolean {
    return this.commits.isCommitted(change);
  }

  /** Calls back once when everything that was appended so far is committed: at once if nothing waits, or if the storage fails. */
  whenAllCommittedOrFailed(callback: () => void): void {
    this.whenCommittedOrFailed(this.lastChange, callback);
  }

  /**
   * The same, for everything up to a change.
   * @param hurries whether the commit must not wait for more changes
   */
  whenCommittedOrFailed(change: number, callback: () => void, hurries = true): void {
    this.commits.whenCommittedOrFailed(change, callback, hurries);
  }

  /** Calls back once when everything up to a change is committed. Not before, also if the storage fails, and never after the end. */
  whenCommitted(change: number, callback: () => void): void {
    this.commits.whenCommitted(change, callback);
  }

  // ---- the end

  /** Deletes everything, and ends the store. May be called twice. Rejects if the storage fails to do it, or takes too long. */
  async clear(): Promise<void> {
    this.end();
    this.inventory.clear();
    this.quarantine.clear();
    this.keptValues.clear();
    const late = new Promise<never>((_resolve, reject) => {
      this.after(CLEAR_MS, () => reject(storageError('ERR_TABS_STORAGE_TIMEOUT', 'The storage does not answer')));
    });
    late.catch(() => {});
    await Promise.race([this.options.storage.clear(), late]);
  }

  /** Ends the store: what is not committed is not kept. May be called twice. */
  close(): void {
    this.end();
    this.options.storage.close();
  }

  private end(): void {
    this.quarantine.close();
    this.commits.close();
  }
}
