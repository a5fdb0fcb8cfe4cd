import {isLater, type Clearing} from '../protocol/clearing.js';
import type {CommitLoop} from './commit-loop.js';
import type {HistoryMark} from './history-mark.js';
import type {Inventory} from './inventory.js';
import type {KeptValues} from './kept-values.js';
import type {Pruning} from './pruning.js';
import type {QuarantineAccess} from './quarantine-access.js';
import type {InventoryItem, Storage} from './storage.js';
import {CREATED, clearingValues, isFromBefore, storedClearing} from './stored-clearing.js';

export interface StoreOpeningParts {
  storage: Storage;
  namespace: string;
  epoch: string;
  /** The namespace's last clearing, as far as the tab knew that started the host. */
  cleared: Clearing | undefined;
  /** The namespace was cleared after the host began, so what the host has belongs to a former user. */
  onCleared(): void;
  now(): number;
  commits: Pick<CommitLoop, 'queue' | 'enqueue' | 'isClosed'>;
  inventory: Inventory;
  history: HistoryMark;
  kept: KeptValues;
  quarantine: QuarantineAccess;
  pruning: Pruning | undefined;
  /** The stored data were deleted, and the storage is open again. */
  onErased(): void;
  /** The storage was opened late or again, and may have documents that this host does not know. */
  onFound(): void;
}

/** Opens and claims a storage, and reads what a host needs at its start: for the first time, late, or again. */
export class StoreOpening {
  isOpen = false;
  /** Whether the host may begin: the storage is open, or has failed. */
  isReady = false;
  /** The namespace's last clearing before the host began. */
  cleared: Clearing | undefined;
  /** The time of the clearing that the host knows, or if it knows none, of its beginning. */
  private readonly began: number;
  private wasErased = false;
  private settleReady: () => void = () => {};
  private readonly ready = new Promise<void>(resolve => { this.settleReady = resolve; });

  constructor(private readonly parts: StoreOpeningParts) {
    this.cleared = parts.cleared;
    this.began = parts.cleared?.time ?? parts.now();
  }

  /** Resolves when `isReady`. Never rejects. */
  whenReady(): Promise<void> {
    return this.ready;
  }

  /** Lets the host begin. May be called twice. */
  becomeReady(): void {
    this.parts.history.begin();
    this.isReady = true;
    this.settleReady();
  }

  /** Handles a deletion of the storage from outside. @returns whether it is the first one since the last successful write */
  noteErased(): boolean {
    this.isOpen = false;
    const isNew = !this.wasErased;
    this.wasErased = true;
    return isNew;
  }

  noteWritten(): void {
    this.wasErased = false;
  }

  async open(): Promise<void> {
    const {storage, commits, history, inventory, quarantine, now} = this.parts;
    const meta = await this.claim();
    const everything = await storage.inventory();
    if (this.wasErased) quarantine.clear();
    await this.restoreValues(meta);
    if (commits.isClosed) return;
    const stored = storedClearing(meta);
    if (this.isReady && isLater(stored, {time: this.began})) return this.parts.onCleared();
    const knowsLater = isLater(this.cleared, stored);
    if (!knowsLater) this.cleared = stored;
    this.isOpen = true;
    if (knowsLater) this.writeValues(clearingValues(this.cleared));
    const isNew = history.noteStored(meta);
    const items = quarantine.locate(everything);
    if (this.isReady) return this.reopened(items);
    history.continue();
    // A host that opens its storage late or again does not write this: its data may be older than a clearing that it does not know.
    if (isNew) this.writeValues({[CREATED]: String(now())});
    for (const item of items) inventory.addStored(item);
    await quarantine.retry();
    this.becomeReady();
  }

  /** @returns the small values of the storage */
  private async claim(): Promise<Record<string, string>> {
    const {storage, namespace, epoch, cleared} = this.parts;
    await storage.open(namespace);
    const meta = await storage.claim(epoch);
    if (!isFromBefore(meta, cleared)) return meta;
    await storage.clear(clearingValues(cleared));
    await storage.open(namespace);
    return storage.claim(epoch);
  }

  private writeValues(values: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(values)) this.parts.commits.enqueue({type: 'meta', name, value}, true);
  }

  /** The host has begun its own histories. They continue, and replace the stored data of the same documents. */
  private reopened(items: readonly InventoryItem[]): void {
    const {commits: {queue}, inventory, quarantine, onErased, onFound} = this.parts;
    if (this.wasErased) inventory.deleteAllBut(queue.waitingDocs());
    const superseded = items.filter(({key}) => inventory.has(key));
    for (const item of items) if (!inventory.has(item.key)) inventory.addStored(item);
    queue.unshift(superseded.map(item => quarantine.supersedingChange(item)));
    if (this.wasErased) onErased();
    else onFound();
  }

  private async restoreValues(meta: Record<string, string>): Promise<void> {
    const {quarantine, pruning, kept, commits: {queue}} = this.parts;
    await Promise.all(Object.entries(meta).map(([name, value]) => {
      quarantine.noteStored(name, value);
      pruning?.note(name, value);
      return kept.restore(name, value, () => queue.hasWaitingValue(name));
    }));
  }
}
