import type {Queued} from './coalesce.js';
import type {Inventory} from './inventory.js';
import type {Places} from './places.js';
import type {Pruning} from './pruning.js';
import type {DocKey, Storage, StoredDoc} from './storage.js';

/** The number of documents that are read together to measure them. */
const MEASURED_TOGETHER = 64;

export interface PrunerParts {
  storage: Storage;
  inventory: Inventory;
  places: Places;
  pruning: Pruning;
  enqueue(change: Queued, isRepeatable: boolean): void;
  commitLater(): void;
  /** Whether the storage is open and can be written to. */
  isAvailable(): boolean;
}

/** Deletes stored documents by age and size. */
export class Pruner {
  constructor(private readonly parts: PrunerParts) {}

  /**
   * Deletes the documents that no tab has opened for `maxAge`. Then it deletes those that were opened longest ago until at most `maxSize`
   * is stored. It keeps documents with pending ops and documents in use. It stops if the storage fails; the next start continues.
   */
  async prune(isInUse: (key: DocKey) => boolean): Promise<void> {
    const {pruning, inventory, isAvailable, commitLater} = this.parts;
    if (!isAvailable()) return;
    this.remove(pruning.outdated(inventory.all(), isInUse));
    const unmeasured = pruning.unmeasured(inventory.all());
    while (unmeasured.length && isAvailable()) await this.measure(unmeasured.splice(0, MEASURED_TOGETHER));
    if (isAvailable()) this.remove(pruning.excess(inventory.all(), isInUse));
    if (pruning.isDue) commitLater();
  }

  private remove(keys: readonly DocKey[]): void {
    const {pruning, inventory, enqueue} = this.parts;
    for (const key of keys) {
      inventory.delete(key);
      pruning.forget(key);
      enqueue({type: 'remove', key}, true);
    }
  }

  private async measure(keys: readonly DocKey[]): Promise<void> {
    const {storage, pruning, inventory, places} = this.parts;
    // A document that can't be read has no size, adds nothing to the total, and must not prevent that others are measured.
    const readOne = (key: DocKey): Promise<StoredDoc | undefined> => storage.read([places.keyOf(key)]).then(([doc]) => doc, () => undefined);
    const stored: (StoredDoc | undefined)[] = await storage.read(keys.map(key => places.keyOf(key))).catch(() => Promise.all(keys.map(readOne)));
    for (const [i, doc] of stored.entries()) if (doc && inventory.has(keys[i]!)) pruning.measureAll(keys[i]!, doc);
  }
}
