import {afterWaking} from '../platform/after-waking.js';
import {encodeError, type ErrorData} from '../protocol/errors.js';
import type {Clearing} from '../protocol/clearing.js';
import {isLocal} from '../protocol/local.js';

import {byDoc, coalesced, nameOf, type Queued} from './coalesce.js';
import {Encryption, KEPT, type Cipher} from './encryption.js';
import {Pruning, type PruningLimits} from './pruning.js';
import {Quarantine, isQuarantineBody, type QuarantineEntry, type Quarantined} from './quarantine.js';
import {Reader} from './reader.js';
import type {Change, DocKey, InventoryItem, Storage, StoredDoc} from './storage.js';
import {Waiters} from './waiters.js';

export interface DurableStoreOptions {
  storage: Storage;
  namespace: string;
  epoch: string;
  cipher?: Cipher | undefined;
  /** The namespace's last clearing: what the storage has from before it is deleted, and never read. */
  cleared?: Clearing | undefined;
  /** What a tab did is told to the others before it is written. Default: where the storage is not durable anyway. */
  sendsBeforeWrite?: boolean | undefined;
  /** What `prune` deletes. Default: nothing. */
  limits?: PruningLimits | undefined;
  /** The time in ms since the epoch. Default: `Date.now`. */
  now?: (() => number) | undefined;
  /** `isDurable` or `lastError` changed. */
  onStatus(): void;
  /** Another host has taken over: this one has to stop. Whoever waits for durability is not called any more. */
  onFenced(): void;
  /**
   * What was stored was deleted from outside. The documents that are in use have to be written anew, as
   * checkpoints: an entry alone would continue what is not there any more.
   */
  onErased?: (() => void) | undefined;
  /** The storage could be opened after all, and has documents that were not known when the store got ready. */
  onFound?: (() => void) | undefined;
  /** What was stored of a document has been quarantined, since the document lived on without it. */
  onSuperseded?: (() => void) | undefined;
  /** What was stored of a document can't be used. It is kept: see {@link DurableStore.quarantined}. */
  onQuarantined?: ((key: DocKey, error: ErrorData) => void) | undefined;
}

/** What nobody waits for, because it would come again if it were lost, may go with what comes within so many ms. */
const LAZY_MS = 300;
/** After a failed write, the next one is tried after so long. */
const RETRY_MS = 2000;
/** A storage that does not answer for so long is done without: browsers can leave a request unanswered. */
const OPEN_MS = 5000;
const WRITE_MS = 10_000;
/** While nothing can be written, the queue is cleaned up each time it has doubled, and not below this length. */
const LONG_QUEUE = 256;
/** Where so many documents can't be written, one after the other, it is not for their values. */
const MAX_APART = 4;
/** So many documents are read at once to learn their sizes. */
const MEASURED_TOGETHER = 64;
const LINEAGE = 'lineage';
/** When the database was begun, in ms since the epoch; and the clearing that it was begun after. */
const CREATED = 'created';
const CLEARED = 'cleared';
/** How long deleting everything may take, in ms. */
const CLEAR_MS = 5000;

/**
 * The journal and the checkpoints of a host's documents. What is written in one go is committed together;
 * what comes while a commit runs goes into the next. Whoever waits for durability is called when all that
 * was appended before is committed, or when the storage can't keep it, which `isDurable` and `lastError`
 * then say: an app goes on without a disk. What could not be written stays queued, and is tried again.
 */
export class DurableStore {
  /** The id of the histories that are kept here: the same over all hosts that continue them. */
  lineage = '';
  /** The small values that `keep` has kept, by name; once the store is ready. What can't be decrypted is left out. */
  readonly kept: Record<string, string> = Object.create(null) as Record<string, string>;
  private readonly known = new Map<string, InventoryItem & {isRead: boolean}>();
  private queue: Queued[] = [];
  private inFlight: Queued[] = [];
  /** How many changes there have been so far, and what is called when so many are committed. */
  private count = 0;
  /** How many there were up to the last one that would not come again if it were lost. */
  private needed = 0;
  /** How many have to be committed without delay. */
  private wanted = 0;
  /** Up to which change everything is committed. */
  private committed = 0;
  /** The lineage that the storage has; undefined where it has none. */
  private storedLineage: string | undefined;
  private readonly waiters = new Waiters();
  /** Who waits for commits alone, also while nobody waits for the storage. */
  private readonly commitWaiters = new Waiters();
  private readonly reader: Reader;
  private readonly encryption: Encryption;
  private readonly quarantine: Quarantine;
  private readonly pruning: Pruning | undefined;
  /** Why what is written at present does not survive. */
  private failure: ErrorData | undefined;
  private quarantineError: ErrorData | undefined;
  /** Nobody waits for the storage; from a failure until a write succeeds. */
  isDown = false;
  private isOpen = false;
  private isReady = false;
  private wasErased = false;
  private isFenced = false;
  private closed = false;
  private committing = false;
  private cancelRetry: (() => void) | undefined;
  private cancelLazy: (() => void) | undefined;
  private longQueue = LONG_QUEUE;
  private settleReady: () => void = () => {};
  private readonly ready = new Promise<void>(resolve => { this.settleReady = resolve; });

  /** @param after calls back after so many ms; the function that it returns cancels that */
  constructor(private readonly options: DurableStoreOptions, private readonly after: (ms: number, callback: () => void) => () => void) {
    const {storage, epoch, cipher, limits, now} = options;
    this.reader = new Reader(storage);
    this.encryption = new Encryption(cipher);
    this.quarantine = new Quarantine(storage, epoch, this.encryption);
    this.pruning = limits && new Pruning(limits, now ?? (() => Date.now()));
    storage.onLost = reason => this.reopen(reason);
    storage.onBlocked = reason => this.goWithout(storeError('ERR_TABS_STORAGE_BLOCKED', reason));
    void this.commit();
  }

  /** Whether what was written so far survives the end of the browser. */
  get isDurable(): boolean {
    return this.options.storage.isDurable && this.isReady && !this.failure;
  }

  /** Whether what a tab did is told to the others before it is written: they replay it where the host dies meanwhile. */
  get sendsBeforeWrite(): boolean {
    const {sendsBeforeWrite: tellsFirst, storage} = this.options;
    return tellsFirst || !storage.isDurable;
  }

  /** Why not; or else the last document's error that was quarantined. */
  get lastError(): ErrorData | undefined {
    return this.failure ?? this.quarantineError;
  }

  /** Resolves when the storage is open and claimed, or has turned out not to be to be had. Never rejects. */
  whenReady(): Promise<void> {
    return this.ready;
  }

  has(key: DocKey): boolean {
    return this.known.has(nameOf(key));
  }

  /** The documents that have something which the server has not acknowledged, or may have. */
  pendingDocs(): DocKey[] {
    return [...this.known.values()].filter(({hasPending}) => hasPending).map(({key}) => key);
  }

  keys(): DocKey[] {
    return [...this.known.values()].map(({key}) => key);
  }

  /**
   * What is stored of a document, with what is about to be. What can't be read twice is quarantined. Never rejects.
   * @returns undefined where there is nothing that can be used
   */
  async load(key: DocKey): Promise<StoredDoc | undefined> {
    const known = this.known.get(nameOf(key));
    if (!known) return undefined;
    this.touch(key);
    const unwritten = [...this.inFlight, ...this.queue].filter(change => change.type !== 'meta' && isSame(change.key, key));
    try {
      const replaced = unwritten.some(({type}) => type !== 'append');
      const stored = replaced ? emptyDoc() : await this.readTwice(key);
      for (const change of unwritten) applyTo(stored, change);
      known.isRead = true;
      this.pruning?.measureAll(key, stored);
      return stored.checkpoint === undefined && !stored.journal.length ? undefined : stored;
    } catch (error) {
      this.setAside(key, error);
      return undefined;
    }
  }

  /** Nothing is quarantined for a failure that is over in a moment. */
  private async readTwice(key: DocKey): Promise<StoredDoc> {
    const read = async (): Promise<StoredDoc> => this.encryption.decrypted(await this.reader.read(key));
    return read().catch(read);
  }

  /**
   * Adds a record to a document's journal. `n` is above that of its last record.
   * @param isRepeatable what it tells of would come again if it were lost: see `neededPlace`
   * @param isTogether it is a part of a transaction: it is written with those appended beside it, or not at all
   * @returns its place among all changes, for `whenWritten`
   */
  append(key: DocKey, n: number, record: string, isRepeatable = false, isTogether = false): number {
    this.note(key, true);
    this.pruning?.measure(key, record, true);
    this.enqueue({type: 'append', key, n, record, ...(isTogether && {isTogether: true as const})}, isRepeatable);
    return this.count;
  }

  /** Replaces all that is stored of a document up to and with record `n`. */
  checkpoint(key: DocKey, n: number, checkpoint: string, hasPending: boolean): void {
    this.note(key, hasPending);
    this.pruning?.measure(key, checkpoint);
    // Without it, there is the journal that it replaces.
    this.enqueue({type: 'checkpoint', key, n, checkpoint, hasPending}, true);
  }

  remove(key: DocKey): void {
    this.known.delete(nameOf(key));
    this.enqueue({type: 'remove', key});
  }

  /**
   * Deletes the documents that nobody has opened for `maxAge`, and then those opened longest ago until `maxSize` is kept; but none
   * with something unsent, or in use. What can't be deleted now is deleted after the next start.
   */
  async prune(isInUse: (key: DocKey) => boolean): Promise<void> {
    const {pruning} = this;
    if (!pruning || !this.canPrune) return;
    this.removeAll(pruning.outdated(this.known.values(), isInUse));
    const unmeasured = pruning.unmeasured(this.known.values());
    while (unmeasured.length && this.canPrune) await this.measure(unmeasured.splice(0, MEASURED_TOGETHER));
    if (this.canPrune) this.removeAll(pruning.excess(this.known.values(), isInUse));
    if (pruning.isDue) this.commitLater();
  }

  private get canPrune(): boolean {
    return !this.closed && !this.isDown && this.isOpen;
  }

  private removeAll(keys: readonly DocKey[]): void {
    for (const key of keys) {
      this.known.delete(nameOf(key));
      this.pruning?.forget(key);
      this.enqueue({type: 'remove', key}, true);
    }
  }

  private async measure(keys: readonly DocKey[]): Promise<void> {
    // What can't be read has no size, and is not deleted for it.
    const stored = await this.options.storage.read(keys).catch(() => []);
    for (const [i, doc] of stored.entries()) if (this.known.has(nameOf(keys[i]!))) this.pruning?.measureAll(keys[i]!, doc);
  }

  /** A document is opened, or written to: it is not to be pruned soon. */
  private touch(key: DocKey): void {
    if (this.pruning?.touch(key)) this.commitLater();
  }

  /**
   * Moves all that is stored of a document, as it is, to where it is kept but not used: nobody's edits are
   * deleted for being unreadable. What is written of the document afterwards begins anew.
   */
  setAside(key: DocKey, error: unknown): void {
    if (this.closed) return;
    this.known.delete(nameOf(key));
    const data = errorData(error);
    this.enqueue({type: 'set aside', key, error: data});
    this.quarantineError = data;
    this.options.onQuarantined?.(key, data);
    this.options.onStatus();
  }

  /** Whether what is stored of a document has not been looked at. */
  isUnread(key: DocKey): boolean {
    return this.known.get(nameOf(key))?.isRead === false;
  }

  /** The document lives on here without what is stored of it. */
  supersede(key: DocKey): void {
    const known = this.known.get(nameOf(key));
    if (!known) return;
    this.known.delete(nameOf(key));
    this.enqueue(yieldToOther(known));
  }

  /** What has been quarantined, by this host or an earlier one. */
  quarantined(): QuarantineEntry[] {
    return this.quarantine.list();
  }

  /** The same with what was stored, which is read for that. */
  exportQuarantined(): Promise<Quarantined[]> {
    return this.quarantine.export();
  }

  get quarantineSize(): number {
    return this.quarantine.size;
  }

  discardQuarantined(id: string): void {
    const changes = this.quarantine.discard(id);
    for (const change of changes) this.enqueue(change);
    if (changes.length) this.options.onStatus();
  }

  /**
   * Puts it back to where it was, to be loaded. Rejects where it can't be decrypted.
   * @returns the document; undefined where there is nothing that can be used
   */
  async restoreQuarantined(id: string): Promise<DocKey | undefined> {
    const taken = await this.quarantine.take(id);
    if (!taken) return undefined;
    const {key, stored: {checkpoint, journal}} = taken;
    if (this.known.has(nameOf(key))) throw storeError('ERR_TABS_QUARANTINE_IN_USE', `${key.join('/')} is in use, or stored anew. Export what is quarantined, or discard it`);
    this.putBack(key, checkpoint, journal);
    this.discardQuarantined(id);
    return key;
  }

  /** What is kept under this id. Rejects where it can't be read or decrypted. */
  async readQuarantined(id: string): Promise<StoredDoc | undefined> {
    return (await this.quarantine.take(id))?.stored;
  }

  /** Keeps another reason why it can't be used. */
  explainQuarantined(id: string, error: ErrorData): void {
    for (const change of this.quarantine.explain(id, error)) this.enqueue(change);
  }

  private putBack(key: DocKey, checkpoint: string | undefined, journal: StoredDoc['journal']): void {
    if (checkpoint !== undefined) this.enqueue({type: 'checkpoint', key, n: (journal[0]?.n ?? 1) - 1, checkpoint, hasPending: true});
    for (const {n, record} of journal) this.enqueue({type: 'append', key, n, record});
    this.known.set(nameOf(key), {key, hasPending: true, isRead: false});
  }

  /** What could not be used at an earlier start is tried again: the key or the type may be there now. */
  private async retryQuarantined(): Promise<void> {
    for (const [id, key] of this.quarantine.newest()) {
      if (!this.known.has(nameOf(key))) await this.restoreQuarantined(id).catch(() => {});
    }
  }

  /** Keeps a small value over restarts; undefined forgets it. */
  keep(name: string, value: string | undefined): void {
    if (this.closed) return;
    if (value === undefined) delete this.kept[name];
    else this.kept[name] = value;
    this.enqueue({type: 'meta', name: KEPT + name, value});
  }

  /**
   * Calls back once, when all that was appended so far is committed: at once, where nothing is waiting, or
   * the storage fails.
   */
  whenDurable(callback: () => void): void {
    this.whenWritten(this.count, callback);
  }

  /**
   * The same, but it waits for what was appended up to this place alone. Callbacks for one place come in order.
   * @param hurries whether what could wait is committed without delay
   */
  whenWritten(place: number, callback: () => void, hurries = true): void {
    if (this.isFenced) return;
    if (this.isDown || this.closed || place <= this.committed) return callback();
    this.waiters.add(place, callback);
    if (hurries) this.want(place);
  }

  /** Calls back once, when all up to this place is committed: not before, though the storage fails, and never after the end. */
  whenCommitted(place: number, callback: () => void): void {
    if (this.isFenced || this.closed) return;
    if (place <= this.committed) return callback();
    this.commitWaiters.add(place, callback);
  }

  /** Whether all up to a place is committed. */
  isWritten(place: number): boolean {
    return !this.isFenced && place <= this.committed;
  }

  /** Whether something is not committed yet, or will never be. */
  get isWriting(): boolean {
    return this.isFenced || this.committed < this.count;
  }

  /** The place of the last change. */
  get place(): number {
    return this.count;
  }

  /** The place of the last one that would not come again if it were lost, as the server's acknowledgements would. */
  get neededPlace(): number {
    return this.needed;
  }

  /** The number of changes that are not committed yet, up to the last one that would not come again if it were lost. */
  get queueSize(): number {
    return Math.max(0, this.needed - this.count + this.queue.length + this.inFlight.length);
  }

  /** Deletes everything, and ends the store. May be called twice. Rejects where the storage can't do it, or takes too long. */
  async clear(): Promise<void> {
    this.end();
    this.known.clear();
    this.quarantine.clear();
    for (const name of Object.keys(this.kept)) delete this.kept[name];
    const late = new Promise<never>((_resolve, reject) => {
      this.after(CLEAR_MS, () => reject(storeError('ERR_TABS_STORAGE_TIMEOUT', 'The storage does not answer')));
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
    this.closed = true;
    this.queue = [];
    this.cancelRetry?.();
    this.cancelLazy?.();
    this.becomeReady();
    this.commitWaiters.clear();
    this.waiters.release(Infinity);
  }

  // ---- opening

  private async open(): Promise<void> {
    const {storage, namespace, epoch, cleared} = this.options;
    await storage.open(namespace);
    let meta = await storage.claim(epoch);
    if (isOutdated(meta, cleared)) {
      await storage.clear();
      await storage.open(namespace);
      meta = await storage.claim(epoch);
    }
    const inventory = (await storage.inventory()).filter(({key}) => !isQuarantineBody(key));
    await this.restoreMeta(meta);
    if (this.closed) return;
    this.isOpen = true;
    this.storedLineage = meta[LINEAGE];
    if (this.isReady) return this.comeBack(inventory);
    this.lineage = this.storedLineage ?? epoch;
    // Not where this host only comes back: what it had may be from before a clearing that it has not heard of.
    if (this.storedLineage === undefined) {
      this.enqueue({type: 'meta', name: CREATED, value: String(Date.now())}, true);
      if (cleared) this.enqueue({type: 'meta', name: CLEARED, value: cleared.id}, true);
    }
    for (const item of inventory) this.known.set(nameOf(item.key), {...item, isRead: false});
    await this.retryQuarantined();
    this.becomeReady();
  }

  /**
   * Opened late, or emptied meanwhile. This host has begun its own histories: they go on, and what is stored
   * of the same documents gives way to them.
   */
  private comeBack(inventory: InventoryItem[]): void {
    const first: Queued[] = [];
    if (this.wasErased) this.forgetWritten();
    for (const item of inventory) {
      if (this.known.has(nameOf(item.key))) first.push(yieldToOther(item));
      else this.known.set(nameOf(item.key), {...item, isRead: false});
    }
    this.queue.unshift(...first);
    this.wanted = this.count += first.length;
    if (this.wasErased) this.options.onErased?.();
    else this.options.onFound?.();
  }

  /** Of what was known, only that is left which is still to be written. */
  private forgetWritten(): void {
    const queued = new Set(this.queue.map(change => (change.type === 'meta' ? '' : nameOf(change.key))));
    for (const name of this.known.keys()) if (!queued.has(name)) this.known.delete(name);
  }

  private async restoreMeta(meta: Record<string, string>): Promise<void> {
    await Promise.all(Object.entries(meta).map(async ([stored, value]) => {
      this.quarantine.note(stored, value);
      this.pruning?.note(stored, value);
      if (!stored.startsWith(KEPT)) return;
      const name = stored.slice(KEPT.length);
      // With another key or none, it stays where it is.
      const text = await this.encryption.decryptedText(value).catch(() => undefined);
      // What was said meanwhile is newer.
      if (text !== undefined && !this.isQueued(stored)) this.kept[name] = text;
    }));
  }

  private isQueued(name: string): boolean {
    return this.queue.some(change => change.type === 'meta' && change.name === name);
  }

  private becomeReady(): void {
    this.lineage ||= this.options.epoch;
    this.isReady = true;
    this.settleReady();
  }

  /** The connection to the storage is gone: a look whether it can be had again, and is still ours. */
  private reopen(reason: string): void {
    if (this.closed) return;
    this.failure = errorData(storeError('ERR_TABS_STORAGE_LOST', reason));
    this.options.onStatus();
    if (!this.committing && !this.cancelRetry) void this.commit();
  }

  // ---- writing

  private note(key: DocKey, hasPending: boolean): void {
    if (this.closed) return;
    const name = nameOf(key);
    const known = this.known.get(name);
    // Written to without having been read: the document lives on here without what is stored of it.
    if (known && !known.isRead) this.enqueue(yieldToOther(known));
    this.known.set(name, {key, hasPending, isRead: true});
    this.touch(key);
  }

  private enqueue(change: Queued, isRepeatable = false): void {
    if (this.closed) return;
    this.queue.push(change);
    this.count++;
    if (this.isDown && this.queue.length > this.longQueue) this.shorten();
    if (isRepeatable) return this.commitLater();
    this.needed = this.count;
    this.want(this.count);
  }

  private want(place: number): void {
    this.wanted = Math.max(this.wanted, place);
    if (!this.committing && !this.cancelRetry) void this.commit();
  }

  private commitLater(): void {
    this.cancelLazy ??= this.after(LAZY_MS, () => {
      this.cancelLazy = undefined;
      if (this.isWriting || this.pruning?.isDue) this.want(this.count);
    });
  }

  private shorten(): void {
    this.queue = coalesced(this.queue);
    this.longQueue = Math.max(LONG_QUEUE, 2 * this.queue.length);
  }

  /** Opens the storage where it is not open, and writes what is queued; where nothing is, only looks whether it could. */
  private async commit(): Promise<void> {
    this.committing = true;
    // All that comes of a batch of messages is one commit.
    await undefined;
    try {
      do {
        if (!this.isOpen) await this.impatient(OPEN_MS, this.open());
        if (this.closed) break;
        this.inFlight = this.nextBatch();
        // After a failure the queue may have been cleaned up: then only its end tells what is committed.
        const upTo = !this.queue.length ? this.count : this.isDown ? this.committed : this.count - this.queue.length;
        await this.writeBatch(!this.queue.length);
        this.inFlight = [];
        this.committed = Math.max(this.committed, upTo);
        this.succeed();
      } while (this.wanted > this.committed && !this.closed);
      this.committing = false;
    } catch (error) {
      this.committing = false;
      // Nothing is dropped: what could not be written is tried again, in its order.
      this.queue = this.requeued();
      this.inFlight = [];
      this.handleFailure(error);
    }
  }

  /**
   * The lineage is written together with the last of what belongs to it. As long as documents of two lineages lie side by
   * side, the storage has one that no tab knows: a tab could not tell that the next host's history is not its own.
   * @param isAll whether nothing else is queued
   */
  private async writeBatch(isAll: boolean): Promise<void> {
    const changes = await this.changesOf(this.inFlight);
    const lineage = isAll ? this.lineage : `${this.options.epoch}/unfinished`;
    const isNew = this.storedLineage !== this.lineage && this.storedLineage !== lineage;
    const marked = [...changes, ...this.pruning?.changes() ?? []];
    if (isNew) marked.push({type: 'meta', name: LINEAGE, value: lineage});
    try {
      await this.impatient(WRITE_MS, this.options.storage.write(marked, this.options.epoch));
    } catch (error) {
      if (this.closed || !isOfValues(error)) throw error;
      return this.writeApart(error);
    }
    if (isNew) this.storedLineage = lineage;
    this.pruning?.noteWritten(marked);
    this.noteWritten(changes);
  }

  /**
   * One value that can't be written must not keep the others from it: each document is written by itself. What fails stays
   * queued. Rejects with the reason of the first that did, or where there is only one.
   */
  private async writeApart(reason: unknown): Promise<void> {
    const groups = byDoc(this.inFlight);
    if (groups.length < 2) throw reason;
    let failure: unknown;
    let failures = 0;
    const {epoch, storage} = this.options;
    for (const group of groups) {
      if (failures === MAX_APART) break;
      try {
        const isMixed = this.storedLineage !== this.lineage;
        const mark: Change[] = isMixed ? [{type: 'meta', name: LINEAGE, value: `${epoch}/unfinished`}] : [];
        const changes = [...await this.changesOf(group), ...mark];
        await this.impatient(WRITE_MS, storage.write(changes, epoch));
        this.noteWritten(changes);
        this.inFlight = this.inFlight.filter(change => !group.includes(change));
        failures = -Infinity;
      } catch (error) {
        if (this.closed || !isOfValues(error)) throw error;
        failure ??= error;
        failures++;
      }
    }
    // Together they may have been too much for one go.
    if (!this.inFlight.length) return;
    throw failure;
  }

  /** A document that could not be put into quarantine does not keep the others waiting. */
  private requeued(): Queued[] {
    const [first] = this.inFlight;
    if (first?.type !== 'set aside') return [...this.inFlight, ...this.queue];
    const isOthers = (change: Queued): boolean => change.type === 'meta' || !isSame(change.key, first.key);
    return [...this.queue.filter(isOthers), first, ...this.queue.filter(change => !isOthers(change))];
  }

  private noteWritten(changes: readonly Change[]): void {
    const {size} = this.quarantine;
    const ids = changes.flatMap(change => (change.type === 'meta' ? this.quarantine.note(change.name, change.value) ?? [] : []));
    if (this.quarantine.size !== size) this.options.onStatus();
    if (ids.some(id => this.quarantine.find(id)?.error.code === 'ERR_TABS_STORAGE_SUPERSEDED')) this.options.onSuperseded?.();
  }

  /** After so many ms nobody waits for it any more. It may be done all the same, and things are as before. */
  private async impatient(ms: number, work: Promise<void>): Promise<void> {
    const giveUp = (): void => this.goWithout(storeError('ERR_TABS_STORAGE_TIMEOUT', 'The storage does not answer'));
    // The answer may be that another host has taken over.
    const cancel = afterWaking(this.after, ms, giveUp);
    try {
      await work;
    } finally {
      cancel();
    }
  }

  /** All that is queued; but what is to be quarantined has to be written before, and is read then. */
  private nextBatch(): Queued[] {
    const at = this.queue.findIndex(({type}) => type === 'set aside');
    return this.queue.splice(0, at < 0 ? this.queue.length : Math.max(at, 1));
  }

  private changesOf(batch: Queued[]): Promise<Change[]> {
    const [first] = batch;
    return first?.type === 'set aside' ? this.quarantine.changesFor(first) : this.encryption.encrypted(batch as Change[]);
  }

  private succeed(): void {
    this.wasErased = false;
    this.isDown = false;
    this.longQueue = LONG_QUEUE;
    if (this.failure) {
      this.failure = undefined;
      this.options.onStatus();
    }
    this.waiters.release(this.committed);
    this.commitWaiters.release(this.committed);
  }

  private handleFailure(error: unknown): void {
    if (this.closed) return this.end();
    const {code} = (error ?? {}) as {code?: unknown};
    if (code === 'ERR_TABS_FENCED') return this.stop();
    if (code === 'ERR_TABS_STORAGE_ERASED') this.isOpen = false;
    if (code === 'ERR_TABS_STORAGE_ERASED' && !this.wasErased) {
      this.wasErased = true;
      this.reopen((error as Error).message);
      return;
    }
    this.goWithout(error);
    this.cancelRetry = this.after(RETRY_MS, () => {
      this.cancelRetry = undefined;
      void this.commit();
    });
  }

  /** Nothing that this host did not commit may reach anybody: nobody is called back. */
  private stop(): void {
    this.isFenced = true;
    this.waiters.clear();
    this.commitWaiters.clear();
    this.close();
    this.options.onFenced();
  }

  /** Nobody waits for the storage any more, until something could be written. */
  private goWithout(error: unknown): void {
    if (this.closed) return;
    this.failure = errorData(error);
    this.isDown = true;
    this.shorten();
    this.becomeReady();
    this.options.onStatus();
    this.waiters.release(Infinity);
  }
}

/** Whether what is stored is from before the last clearing. */
function isOutdated(meta: Record<string, string>, cleared: Clearing | undefined): boolean {
  if (!cleared || !Object.keys(meta).length) return false;
  return meta[CLEARED] !== cleared.id && !(Number(meta[CREATED]) > cleared.time);
}

const emptyDoc = (): StoredDoc => ({checkpoint: undefined, journal: []});
const isSame = ([c, d]: DocKey, [otherC, otherD]: DocKey): boolean => c === otherC && d === otherD;

/** A mere copy of the server's is deleted; what may have ops of its own, or is the only copy, is kept. */
function yieldToOther({key, hasPending}: InventoryItem): Queued {
  if (!hasPending && !isLocal(key[0])) return {type: 'remove', key};
  const error = storeError('ERR_TABS_STORAGE_SUPERSEDED', 'The document was edited while what is stored of it could not be read');
  return {type: 'set aside', key, error: errorData(error)};
}

/** Makes a change that may have been made already: `read` can come before or after the write. */
function applyTo(stored: StoredDoc, change: Queued): void {
  switch (change.type) {
    case 'append':
      stored.journal = [...stored.journal.filter(({n}) => n < change.n), {n: change.n, record: change.record}];
      return;
    case 'checkpoint':
      stored.checkpoint = change.checkpoint;
      stored.journal = stored.journal.filter(({n}) => n > change.n);
      return;
    case 'remove':
    case 'set aside':
      stored.checkpoint = undefined;
      stored.journal = [];
  }
}

/** Whether a write may have failed for one of the values in it. */
function isOfValues(error: unknown): boolean {
  const {code, name} = (error ?? {}) as {code?: unknown; name?: unknown};
  return code !== 'ERR_TABS_FENCED' && code !== 'ERR_TABS_STORAGE_ERASED' && name !== 'InvalidStateError' && name !== 'AbortError';
}

function storeError(code: string, message: string): Error {
  return Object.assign(new Error(message), {code});
}

/** A DOMException's name says what its number, mostly 0, does not. */
function errorData(error: unknown): ErrorData {
  const data = encodeError(error);
  const {name} = (error ?? {}) as {name?: unknown};
  return typeof data.code === 'number' && typeof name === 'string' ? {...data, code: name} : data;
}
