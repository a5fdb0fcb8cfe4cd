import type {InMemoryStorage} from '../../lib/store/memory-storage.js';
import type {Change, DocKey, InventoryItem, Storage, StoredDoc} from '../../lib/store/storage.js';

/**
 * A disk as one host sees it. Writes take as long as the test likes; when the host dies, a write under way
 * is on the disk or not, as chance has it, and the host never hears of it.
 */
export class CrashingStorage implements Storage {
  readonly isDurable = true;
  private isDead = false;
  private readonly underWay = new Set<() => Promise<void>>();

  constructor(
    private readonly disk: InMemoryStorage,
    private readonly whenever: (callback: () => void) => void,
    private readonly chance: () => boolean
  ) {}

  open(): Promise<void> {
    return this.disk.open();
  }

  claim(epoch: string): Promise<Record<string, string>> {
    return this.disk.claim(epoch);
  }

  write(changes: readonly Change[], epoch: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const commit = (): Promise<void> => {
        this.underWay.delete(commit);
        return this.disk.write(changes, epoch);
      };
      this.underWay.add(commit);
      this.whenever(() => { if (!this.isDead) commit().then(resolve, reject); });
    });
  }

  read(keys: readonly DocKey[]): Promise<StoredDoc[]> {
    return this.disk.read(keys);
  }

  inventory(): Promise<InventoryItem[]> {
    return this.disk.inventory();
  }

  async clear(): Promise<void> {
    if (!this.isDead) await this.disk.clear();
  }

  close(): void {}

  /** The host is gone. */
  kill(): void {
    this.isDead = true;
    for (const commit of [...this.underWay]) {
      this.underWay.delete(commit);
      if (this.chance()) void commit().catch(() => {});
    }
  }
}
