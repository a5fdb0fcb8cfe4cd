import {nameOf} from './coalesce.js';
import type {DocKey, InventoryItem} from './storage.js';

/** A stored document. */
export interface InventoryEntry extends InventoryItem {
  /** Whether this host has read or written the document. */
  isRead: boolean;
}

/** The documents that the storage will have when all changes are written. */
export class Inventory {
  private readonly items = new Map<string, InventoryEntry>();

  has(key: DocKey): boolean {
    return this.items.has(nameOf(key));
  }

  get(key: DocKey): InventoryEntry | undefined {
    return this.items.get(nameOf(key));
  }

  all(): Iterable<InventoryItem> {
    return this.items.values();
  }

  keys(): DocKey[] {
    return [...this.items.values()].map(({key}) => key);
  }

  /** The documents that may have ops that the server has not acknowledged. */
  pendingDocs(): DocKey[] {
    return [...this.items.values()].filter(({hasPending}) => hasPending).map(({key}) => key);
  }

  /** Adds a stored document that has not been read. */
  addStored(item: InventoryItem): void {
    this.items.set(nameOf(item.key), {...item, isRead: false});
  }

  /** Adds a document that is written. */
  addWritten(key: DocKey, hasPending: boolean): void {
    this.items.set(nameOf(key), {key, hasPending, isRead: true});
  }

  /** Whether the document is stored, and this host has neither read nor written it. */
  isUnread(key: DocKey): boolean {
    return this.items.get(nameOf(key))?.isRead === false;
  }

  delete(key: DocKey): void {
    this.items.delete(nameOf(key));
  }

  /** @param names see {@link nameOf} */
  deleteAllBut(names: ReadonlySet<string>): void {
    for (const name of this.items.keys()) if (!names.has(name)) this.items.delete(name);
  }

  clear(): void {
    this.items.clear();
  }
}
