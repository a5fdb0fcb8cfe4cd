import type {Clearing} from '../protocol/clearing.js';
import type {ErrorData} from '../protocol/errors.js';
import {isLocal} from '../protocol/local.js';
import {BatchWriter} from './batch-writer.js';
import {CommitLoop, type After} from './commit-loop.js';
import {Encryption, type Cipher} from './encryption.js';
import {HistoryMark} from './history-mark.js';
import {Inventory} from './inventory.js';
import {KeptValues} from './kept-values.js';
import {Places} from './places.js';
import {Pruner} from './pruner.js';
import {Pruning, type PruningLimits} from './pruning.js';
import {Quarantine} from './quarantine.js';
import {QuarantineAccess} from './quarantine-access.js';
import {Reader} from './reader.js';
import {storageError} from './storage-errors.js';
import type {DocKey, Storage, StoredDoc} from './storage.js';
import {StoreOpening} from './store-opening.js';
import {clearingValues} from './stored-clearing.js';
import {applyChange, emptyDoc} from './stored-changes.js';

export interface DurableStoreOptions {
  storage: Storage;
  namespace: string;
  epoch: string;
  cipher?: Cipher | undefined;
  /** The namespace's last clearing. Older data in the storage are deleted, and never read. */
  cleared?: Clearing | undefined;
  /** Whether an edit is sent to other tabs before it is written. Default false. Always true if the storage is not durable. */
  sendsBeforeWrite?: boolean | undefined;
  /** The limits above which `prune` deletes documents. Default: none are deleted. */
  limits?: PruningLimits | undefined;
  /** The time in ms since the epoch. Default: `Date.now`. */
  now?: (() => number) | undefined;
  /** `isDurable` or `lastError` changed. */
  onStatus(): void;
  /** Another host has taken over, so this host must stop. Callbacks that wait for durability are not called any more. */
  onFenced(): void;
  /**
   * The stored data were deleted from outside. The documents in use must be written again as checkpoints, because further journal records
   * would belong to a state that is no longer stored.
   */
  onErased?: (() => void) | undefined;
  /** The storage was opened late or again, and may have documents that this host does not know. */
  onFound?: (() => void) | undefined;
  /** The stored data of a document are in quarantine, and could not be read or were not read before. */
  onUnread?: (() => void) | undefined;
  /** The stored data of a document can't be used. They are quarantined: see {@link DurableStore.quarantine}. */
  onQuarantined?: ((key: DocKey, error: ErrorData) => void) | undefined;
}

/** Time limit of `clear`, in ms. */
const CLEAR_MS = 5000;
/** The pauses before further attempts to read a local document, in ms. There is no other copy of it that a tab could use meanwhile. */
const LOCAL_PAUSES_MS = [1000, 2000, 4000];

/**
 * The journals and checkpoints of a host's documents. Changes of one turn are committed together; changes that are added during a commit go
 * into the next one. `whenAllCommittedOrFailed` calls back when all changes so far are committed, or when the storage fails, because an app
 * must continue without a disk. `isDown` and `lastError` say which. Changes that could not be written stay queued and are written later.
 */
export class DurableStore {
  /** The stored documents that can't be used. */
  readonly quarantine: QuarantineAccess;
  private readonly inventory = new Inventory();
  private readonly places = new Places();
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
    const {inventory, places} = this;
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
    const quarantine = (this.quarantine = new QuarantineAccess(new Quarantine(storage, epoch, encryption, places), inventory, places, {
      enqueue: change => commits.enqueue(change),
      onStatus: () => options.onStatus(),
      onQuarantined: (key, error) => options.onQuarantined?.(key, error),
      onUnread: () => options.onUnread?.()
    }));
    const opening = (this.opening = new StoreOpening({
      storage, namespace, epoch, cleared, now, commits, inventory, history, kept, quarantine, pruning,
      onCleared: () => {
        this.close();
        options.onFenced();
      },
      onErased: () => options.onErased?.(),
      onFound: () => options.onFound?.()
    }));
    const writer = new BatchWriter({
      storage, epoch, queue: commits.queue, encryption, places, quarantine, pruning, history,
      limited: work => commits.limitedWrite(work),
      isClosed: () => commits.isClosed
    });
    this.pruner = pruning && new Pruner({
      storage, inventory, places, pruning,
      enqueue: (change, isRepeatable) => commits.enqueue(change, isRepeatable),
      commitLater: () => commits.commitLater(),
      isAvailable: () => opening.isOpen && !commits.isDown && !commits.isClosed
    });
    storage.onLost = reason => commits.reopen(reason);
    storage.onBlocked = reason => commits.fail(storageError('ERR_TABS_STORAGE_BLOCKED', reason));
    commits.start();
  }

  // ---- status

  /** Resolves when the storage is open and claimed, or has failed. Never rejects. */
  whenReady(): Promise<void> {
    return this.opening.whenReady();
  }

  /** The id of the histories in this store. All hosts that continue these histories have the same id. */
  get lineage(): string {
    return this.history.id;
  }

  /** The namespace's last clearing before the host began, as far as `options.cleared` or the storage has it. */
  get cleared(): Clearing | undefined {
    return this.opening.cleared;
  }

  /** Whether committed changes survive the end of the browser: the storage is durable and open, and has not failed. */
  get isDurable(): boolean {
    return this.options.storage.isDurable && this.opening.isReady && !this.commits.failure;
  }

  /** Whether callers do not wait for the storage: from a failure until a write succeeds. */
  get isDown(): boolean {
    return this.commits.isDown;
  }

  /** Why the store is not durable; otherwise the error of the document that was quarantined last. */
  get lastError(): ErrorData | undefined {
    return this.commits.failure ?? this.quarantine.lastError;
  }

  /** Whether a tab's edit is sent to other tabs before it is written. If the host dies meanwhile, the tabs replay it to the next host. */
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

  /** The documents that may have ops that the server has not acknowledged. */
  pendingDocs(): DocKey[] {
    return this.inventory.pendingDocs();
  }

  /** Whether the document is stored, and this host has neither read nor written it. */
  isUnread(key: DocKey): boolean {
    return this.inventory.isUnread(key);
  }

  /** Whether the storage may have data of a document that could not be read when they were needed: in its place, or in quarantine. */
  mayHaveUnread(key: DocKey): boolean {
    return !this.opening.isOpen || this.inventory.isUnread(key) || this.quarantine.mayHaveUnread(key);
  }

  /**
   * Reads a document, with the changes that are not written yet. If two reads fail, the document is quarantined; a local document if further
   * reads fail, too. Never rejects.
   * @returns undefined if there are no usable data
   */
  async load(key: DocKey): Promise<StoredDoc | undefined> {
    const item = this.inventory.get(key);
    if (!item) return undefined;
    this.touch(key);
    const unwritten = this.commits.queue.ofDoc(key);
    try {
      const isReplaced = unwritten.some(({type}) => type !== 'append');
      const stored = isReplaced ? emptyDoc() : await this.readAgain(key);
      for (const change of unwritten) applyChange(stored, change);
      item.isRead = true;
      this.pruning?.measureAll(key, stored);
      return stored.checkpoint === undefined && !stored.journal.length ? undefined : stored;
    } catch (error) {
      this.quarantine.add(key, error, true);
      return undefined;
    }
  }

  /** Reads again if the first read fails, so that a temporary failure does not quarantine the document. */
  private async readAgain(key: DocKey): Promise<StoredDoc> {
    const read = async (): Promise<StoredDoc> => this.encryption.decrypted(await this.reader.read(this.places.keyOf(key)));
    let result = read().catch(read);
    for (const ms of isLocal(key[0]) ? LOCAL_PAUSES_MS : []) result = result.catch(() => this.pause(ms).then(read));
    return result;
  }

  private pause(ms: number): Promise<void> {
    return new Promise(resolve => { this.after(ms, resolve); });
  }

  /**
   * Adds a record to a document's journal.
   * @param n the record's number, above that of the last record
   * @param isRepeatable whether the recorded change would be received again after a loss: see `lastNeededChange`
   * @param isTogether whether the record is a part of a transaction, which is written as a whole or not at all
   * @returns the number of the change, for `whenCommittedOrFailed`
   */
  append(key: DocKey, n: number, record: string, isRepeatable = false, isTogether = false): number {
    this.note(key, true);
    this.pruning?.measure(key, record, true);
    this.commits.enqueue({type: 'append', key, n, record, ...(isTogether && {isTogether: true as const})}, isRepeatable);
    return this.lastChange;
  }

  /** Replaces the checkpoint of a document, and its journal up to and including record `n`. */
  checkpoint(key: DocKey, n: number, checkpoint: string, hasPending: boolean): void {
    this.note(key, hasPending);
    this.pruning?.measure(key, checkpoint);
    // If the checkpoint is lost, the journal that it replaces is still stored.
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
    // The stored data were not read, so the document has a history without them.
    if (this.inventory.isUnread(key)) this.quarantine.supersede(key);
    this.inventory.addWritten(key, hasPending);
    this.touch(key);
  }

  /** Records that a document is opened or written, so that it is not pruned soon. */
  private touch(key: DocKey): void {
    if (this.pruning?.touch(key)) this.commits.commitLater();
  }

  // ---- small values

  /** The small values, by name: those set by `keep`, and the stored ones that could be decrypted, once the storage is open. */
  get kept(): Readonly<Record<string, string>> {
    return this.keptValues.values;
  }

  /** Stores a small value for later hosts. `undefined` deletes it. */
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

  /** The number of changes that are not committed, up to the last needed one. */
  get queueSize(): number {
    return this.commits.queue.size;
  }

  /** Whether a change is not committed. Always true if another host has taken over. */
  get isWriting(): boolean {
    return this.commits.isWriting;
  }

  /** Whether everything up to a change is committed. */
  isCommitted(change: number): boolean {
    return this.commits.isCommitted(change);
  }

  /** Calls back once when all changes so far are committed, or when the storage fails; synchronously if that is already the case. */
  whenAllCommittedOrFailed(callback: () => void): void {
    this.whenCommittedOrFailed(this.lastChange, callback);
  }

  /**
   * As `whenAllCommittedOrFailed`, for all changes up to this one.
   * @param hurries whether the commit must not wait for more changes
   */
  whenCommittedOrFailed(change: number, callback: () => void, hurries = true): void {
    this.commits.whenCommittedOrFailed(change, callback, hurries);
  }

  /** Calls back once, only when all changes up to this one are committed, even if the storage fails. Never calls back after the end. */
  whenCommitted(change: number, callback: () => void): void {
    this.commits.whenCommitted(change, callback);
  }

  // ---- the end

  /**
   * Deletes all data, and ends the store. May be called twice. Rejects with the storage's error, or with ERR_TABS_STORAGE_TIMEOUT after
   * CLEAR_MS.
   * @param clearing is kept in the storage
   */
  async clear(clearing?: Clearing): Promise<void> {
    this.end();
    this.inventory.clear();
    this.quarantine.clear();
    this.keptValues.clear();
    const late = new Promise<never>((_resolve, reject) => {
      this.after(CLEAR_MS, () => reject(storageError('ERR_TABS_STORAGE_TIMEOUT', 'The storage does not answer')));
    });
    late.catch(() => {});
    await Promise.race([this.options.storage.clear(clearingValues(clearing)), late]);
  }

  /** Ends the store. Changes that are not committed are dropped, except for those in flight. May be called twice. */
  close(): void {
    this.end();
    this.options.storage.close();
  }

  private end(): void {
    this.quarantine.close();
    this.commits.close();
  }
}
