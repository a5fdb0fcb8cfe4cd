import type {ErrorData} from '../protocol/errors.js';
import {isLocal} from '../protocol/local.js';
import type {Quarantining, Queued} from './coalesce.js';
import type {Inventory} from './inventory.js';
import type {Quarantine, QuarantineEntry, Quarantined} from './quarantine.js';
import {storageError, storageErrorData} from './storage-errors.js';
import type {Change, DocKey, InventoryItem, StoredDoc} from './storage.js';

const SUPERSEDED = 'ERR_TABS_STORAGE_SUPERSEDED';

export interface QuarantineEvents {
  enqueue(change: Queued): void;
  /** `size` or `lastError` changed. */
  onStatus(): void;
  onQuarantined(key: DocKey, error: ErrorData): void;
  /** What was stored of a document has been quarantined, because the document lived on without it. */
  onSuperseded(): void;
}

/** What a host does with stored documents that can't be used: it quarantines them, and exports, restores or discards them on request. */
export class QuarantineAccess {
  /** The error of the document that was quarantined last. */
  lastError: ErrorData | undefined;
  private isClosed = false;

  constructor(private readonly quarantine: Quarantine, private readonly inventory: Inventory, private readonly events: QuarantineEvents) {}

  /** How many documents are in quarantine. */
  get size(): number {
    return this.quarantine.size;
  }

  /** The documents that this host or an earlier one has quarantined. */
  list(): QuarantineEntry[] {
    return this.quarantine.list();
  }

  /** The same with the stored data, which are read for that. */
  export(): Promise<Quarantined[]> {
    return this.quarantine.export();
  }

  /**
   * Moves all that is stored of a document, unchanged, into quarantine, where nothing uses it. So edits are not deleted because they are
   * unreadable. Later changes of the document begin from nothing.
   */
  add(key: DocKey, error: unknown): void {
    if (this.isClosed) return;
    this.inventory.delete(key);
    const data = storageErrorData(error);
    this.events.enqueue({type: 'quarantine', key, error: data});
    this.lastError = data;
    this.events.onQuarantined(key, data);
    this.events.onStatus();
  }

  /** The document lives on in this host without what is stored of it. */
  supersede(key: DocKey): void {
    const item = this.inventory.get(key);
    if (!item) return;
    this.inventory.delete(key);
    this.events.enqueue(supersedingChange(item));
  }

  /** Deletes an entry. */
  discard(id: string): void {
    const changes = this.quarantine.discard(id);
    for (const change of changes) this.events.enqueue(change);
    if (changes.length) this.events.onStatus();
  }

  /**
   * Moves an entry back to its document, which can then be loaded. Rejects if it can't be decrypted.
   * @returns the document; undefined if the entry has no data, or does not exist
   */
  async restore(id: string): Promise<DocKey | undefined> {
    const taken = await this.quarantine.take(id);
    if (!taken) return undefined;
    const {key, stored} = taken;
    if (this.inventory.has(key)) throw storageError('ERR_TABS_QUARANTINE_IN_USE', `${key.join('/')} is in use, or stored anew. Export what is quarantined, or discard it`);
    this.putBack(key, stored);
    this.discard(id);
    return key;
  }

  /** The data of an entry. Rejects if they can't be read or decrypted. */
  async read(id: string): Promise<StoredDoc | undefined> {
    return (await this.quarantine.take(id))?.stored;
  }

  /** Replaces the reason why an entry can't be used. */
  explain(id: string, error: ErrorData): void {
    for (const change of this.quarantine.explain(id, error)) this.events.enqueue(change);
  }

  /** Tries to use the entries of earlier hosts: the key or the OT type may be there now. */
  async retry(): Promise<void> {
    for (const [id, key] of this.quarantine.newest()) {
      if (!this.inventory.has(key)) await this.restore(id).catch(() => {});
    }
  }

  /** Takes notice of a small value of the storage. */
  noteStored(name: string, value: string): void {
    this.quarantine.note(name, value);
  }

  /** Takes notice of changes that are written. */
  noteWritten(changes: readonly Change[]): void {
    const {size} = this.quarantine;
    const ids = changes.flatMap(change => (change.type === 'meta' ? this.quarantine.note(change.name, change.value) ?? [] : []));
    if (this.quarantine.size !== size) this.events.onStatus();
    if (ids.some(id => this.quarantine.find(id)?.error.code === SUPERSEDED)) this.events.onSuperseded();
  }

  /** @returns the changes that move a document into quarantine. Rejects if it can't be read at present. */
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

/**
 * Removes what is stored of a document that lives on without it. A mere copy of the server's document is deleted. If it may contain
 * ops, or is the only copy, it is quarantined.
 */
export function supersedingChange({key, hasPending}: InventoryItem): Queued {
  if (!hasPending && !isLocal(key[0])) return {type: 'remove', key};
  const error = storageError(SUPERSEDED, 'The document was edited while what is stored of it could not be read');
  return {type: 'quarantine', key, error: storageErrorData(error)};
}
