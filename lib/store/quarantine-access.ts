import type {ErrorData} from '../protocol/errors.js';
import {isLocal} from '../protocol/local.js';
import {nameOf, type Quarantining, type Queued} from './coalesce.js';
import type {Inventory} from './inventory.js';
import type {Places} from './places.js';
import type {Quarantine, QuarantineEntry, Quarantined} from './quarantine.js';
import {storageError, storageErrorData} from './storage-errors.js';
import {isSameKey, type Change, type DocKey, type InventoryItem, type StoredDoc} from './storage.js';

const SUPERSEDED = 'ERR_TABS_STORAGE_SUPERSEDED';

export interface QuarantineEvents {
  enqueue(change: Queued): void;
  /** `size` or `lastError` changed. */
  onStatus(): void;
  onQuarantined(key: DocKey, error: ErrorData): void;
  /** The stored data of a document are in quarantine, and could not be read or were not read before: see {@link QuarantineEntry}. */
  onUnread(): void;
}

/** Quarantines stored documents that can't be used, and exports, restores or discards them on request. */
export class QuarantineAccess {
  /** The error of the document that was quarantined last. */
  lastError: ErrorData | undefined;
  private isClosed = false;
  /** The documents whose data this host has quarantined without reading them. Their entries exist when they are written. */
  private readonly unread = new Set<string>();

  constructor(
    private readonly quarantine: Quarantine, private readonly inventory: Inventory, private readonly places: Places, private readonly events: QuarantineEvents
  ) {}

  /** The number of documents in quarantine. */
  get size(): number {
    return this.quarantine.size;
  }

  /** The documents that this host or an earlier one has quarantined. */
  list(): QuarantineEntry[] {
    return this.quarantine.list();
  }

  /** Whether data of this document are in quarantine because they could not be read when they were needed. */
  isUnread(key: DocKey): boolean {
    return this.list().some(entry => entry.isUnread && isSameKey(entry.key, key));
  }

  /** As {@link isUnread}, also while the quarantine is not written yet. */
  mayHaveUnread(key: DocKey): boolean {
    return (this.unread.size > 0 && this.unread.has(nameOf(key))) || (this.size > 0 && this.isUnread(key));
  }

  /** The entries with their data, which are read from the storage. */
  export(): Promise<Quarantined[]> {
    return this.quarantine.export();
  }

  /**
   * Moves all stored data of a document, unchanged, into quarantine, where they are not used. So edits are not deleted because they can't
   * be read. Later changes of the document begin without a state.
   * @param isUnread whether the data could not be read, and may be usable when they can
   */
  add(key: DocKey, error: unknown, isUnread?: true): void {
    if (this.isClosed) return;
    this.inventory.delete(key);
    if (isUnread) this.unread.add(nameOf(key));
    const data = storageErrorData(error);
    this.events.enqueue({type: 'quarantine', key, error: data, isUnread});
    this.lastError = data;
    this.events.onQuarantined(key, data);
    this.events.onStatus();
  }

  /** Removes or quarantines the stored data of a document that this host continues without them: see {@link QuarantineAccess.supersedingChange}. */
  supersede(key: DocKey): void {
    const item = this.inventory.get(key);
    if (!item) return;
    this.inventory.delete(key);
    this.events.enqueue(this.supersedingChange(item));
  }

  /**
   * The change that removes the stored data of a document that the host continues without them. If they may contain ops, or are the only copy
   * of a local document, they are quarantined. Otherwise they are only a copy of the server's document, and are deleted.
   */
  supersedingChange({key, hasPending}: InventoryItem): Queued {
    if (!hasPending && !isLocal(key[0])) return {type: 'remove', key};
    this.unread.add(nameOf(key));
    return {type: 'quarantine', key, error: storageErrorData(superseded()), isUnread: true};
  }

  /** Deletes an entry. */
  discard(id: string): void {
    const entry = this.quarantine.find(id);
    const changes = this.quarantine.discard(id);
    if (entry && !this.isUnread(entry.key)) this.unread.delete(nameOf(entry.key));
    for (const change of changes) this.events.enqueue(change);
    if (changes.length) this.events.onStatus();
  }

  /**
   * Moves an entry's data back to its document, which can then be loaded. Rejects if the data can't be read or decrypted, and with
   * ERR_TABS_QUARANTINE_IN_USE if the document is stored.
   * @returns the document; undefined if the entry has no data, or does not exist
   */
  async restore(id: string): Promise<DocKey | undefined> {
    const taken = await this.quarantine.take(id);
    if (!taken) return undefined;
    const {key, stored} = taken;
    if (this.inventory.has(key)) throw storageError('ERR_TABS_QUARANTINE_IN_USE', `${key.join('/')} is in use, or was stored again. Export or discard the quarantined data`);
    this.putBack(key, stored);
    this.discard(id);
    return key;
  }

  /** The data of an entry; undefined if there are none. Rejects if they can't be read or decrypted. */
  async read(id: string): Promise<StoredDoc | undefined> {
    return (await this.quarantine.take(id))?.stored;
  }

  /** Replaces the reason why an entry can't be used. */
  explain(id: string, error: ErrorData): void {
    for (const change of this.quarantine.explain(id, error)) this.events.enqueue(change);
  }

  /** Restores the entries of earlier hosts, because the key or the OT type may be available now. Entries that can't be restored stay. */
  async retry(): Promise<void> {
    for (const [id, key] of this.quarantine.newest()) {
      if (!this.inventory.has(key)) await this.restore(id).catch(() => {});
    }
  }

  /** Reads a stored small value. */
  noteStored(name: string, value: string): void {
    this.quarantine.note(name, value);
  }

  /** Finds the documents among all that is stored. See {@link Places}. */
  locate(stored: readonly InventoryItem[]): InventoryItem[] {
    const {items, unlisted} = this.places.locate(stored, placed => this.quarantine.isInPlace(placed));
    const error = storageErrorData(superseded());
    for (const {key, place} of unlisted) this.events.enqueue(this.quarantine.entryInPlace(key, error, place));
    return items;
  }

  /** Handles changes that have been written. */
  noteWritten(changes: readonly Change[]): void {
    const {size} = this.quarantine;
    const ids = changes.flatMap(change => (change.type === 'meta' ? this.quarantine.note(change.name, change.value) ?? [] : []));
    const entries = ids.map(id => this.quarantine.find(id)!);
    for (const {key, place} of entries) if (place !== undefined) this.places.leave(key, place);
    if (this.quarantine.size !== size) this.events.onStatus();
    if (entries.some(({isUnread}) => isUnread)) this.events.onUnread();
  }

  /** See {@link Quarantine.changesFor}. */
  changesFor(change: Quarantining): Promise<Change[]> {
    return this.quarantine.changesFor(change);
  }

  clear(): void {
    this.quarantine.clear();
  }

  /** Quarantines nothing from now on. */
  close(): void {
    this.isClosed = true;
  }

  private putBack(key: DocKey, {checkpoint, journal}: StoredDoc): void {
    const {enqueue} = this.events;
    if (checkpoint !== undefined) enqueue({type: 'checkpoint', key, n: (journal[0]?.n ?? 1) - 1, checkpoint, hasPending: true});
    for (const {n, record} of journal) enqueue({type: 'append', key, n, record});
    this.inventory.addStored({key, hasPending: true});
  }
}

const superseded = (): Error => storageError(SUPERSEDED, 'The document was edited while its stored data could not be read');
