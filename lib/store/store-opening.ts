import type {Clearing} from '../protocol/clearing.js';
import type {CommitLoop} from './commit-loop.js';
import type {HistoryMark} from './history-mark.js';
import type {Inventory} from './inventory.js';
import type {KeptValues} from './kept-values.js';
import type {Pruning} from './pruning.js';
import {isQuarantineBody} from './quarantine.js';
import {supersedingChange, type QuarantineAccess} from './quarantine-access.js';
import type {InventoryItem, Storage} from './storage.js';

/** The names of small values: when the database was created, in ms since the epoch, and the id of the last clearing before that. */
const CREATED = 'created';
const CLEARED = 'cleared';

export interface StoreOpeningParts {
  storage: Storage;
  namespace: string;
  epoch: string;
  cleared: Clearing | undefined;
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
  private wasErased = false;
  private settleReady: () => void = () => {};
  private readonly ready = new Promise<void>(resolve => { this.settleReady = resolve; });

  constructor(private readonly parts: StoreOpeningParts) {}

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
    const {storage, commits, history, inventory, quarantine} = this.parts;
    const meta = await this.claim();
    const items = (await storage.inventory()).filter(({key}) => !isQuarantineBody(key));
    await this.restoreValues(meta);
    if (commits.isClosed) return;
    this.isOpen = true;
    const isNew = history.noteStored(meta);
    if (this.isReady) return this.reopened(items);
    history.continue();
    // A host that opens its storage late or again does not write this: its data may be older than a clearing that it does not know.
    if (isNew) this.writeBeginning();
    for (const item of items) inventory.addStored(item);
    await quarantine.retry();
    this.becomeReady();
  }

  /** @returns the small values of the storage */
  private async claim(): Promise<Record<string, string>> {
    const {storage, namespace, epoch, cleared} = this.parts;
    await storage.open(namespace);
    const meta = await storage.claim(epoch);
    if (!isOutdated(meta, cleared)) return meta;
    await storage.clear();
    await storage.open(namespace);
    return storage.claim(epoch);
  }

  private writeBeginning(): void {
    const {commits, cleared, now} = this.parts;
    commits.enqueue({type: 'meta', name: CREATED, value: String(now())}, true);
    if (cleared) commits.enqueue({type: 'meta', name: CLEARED, value: cleared.id}, true);
  }

  /** The host has begun its own histories. They continue, and replace the stored data of the same documents. */
  private reopened(items: readonly InventoryItem[]): void {
    const {commits: {queue}, inventory, onErased, onFound} = this.parts;
    if (this.wasErased) inventory.deleteAllBut(queue.waitingDocs());
    const superseded = items.filter(({key}) => inventory.has(key));
    for (const item of items) if (!inventory.has(item.key)) inventory.addStored(item);
    queue.unshift(superseded.map(supersedingChange));
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

/** Whether the stored data are older than the last clearing. */
function isOutdated(meta: Record<string, string>, cleared: Clearing | undefined): boolean {
  if (!cleared || !Object.keys(meta).length) return false;
  return meta[CLEARED] !== cleared.id && !(Number(meta[CREATED]) > cleared.time);
}
