import {FencedError, type Change, type DocKey, type InventoryItem, type Storage, type StoredDoc} from './storage.js';

interface Kept {
  key: DocKey;
  checkpoint: string | undefined;
  hasPending: boolean;
  journal: {n: number; record: string}[];
}

/** Keeps everything in memory: for private windows, for tests, and where nothing may be written to disk. */
export class InMemoryStorage implements Storage {
  readonly isDurable = false;
  private readonly docs = new Map<string, Kept>();
  private readonly meta = new Map<string, string>();
  private epoch: string | undefined;

  async open(): Promise<void> {}

  async claim(epoch: string): Promise<Record<string, string>> {
    this.epoch = epoch;
    return Object.fromEntries(this.meta);
  }

  async write(changes: readonly Change[], epoch: string): Promise<void> {
    if (epoch !== this.epoch) throw new FencedError();
    for (const change of changes) this.make(change);
  }

  async read(keys: readonly DocKey[]): Promise<StoredDoc[]> {
    return keys.map(key => {
      const kept = this.docs.get(nameOf(key));
      return {checkpoint: kept?.checkpoint, journal: kept ? [...kept.journal] : []};
    });
  }

  async inventory(): Promise<InventoryItem[]> {
    return [...this.docs.values()].map(({key, hasPending, journal}) => ({key, hasPending: hasPending || journal.length > 0}));
  }

  async clear(): Promise<void> {
    this.docs.clear();
    this.meta.clear();
  }

  close(): void {}

  private make(change: Change): void {
    switch (change.type) {
      case 'append':
        this.doc(change.key).journal.push({n: change.n, record: change.record});
        return;
      case 'checkpoint': {
        const kept = this.doc(change.key);
        kept.checkpoint = change.checkpoint;
        kept.hasPending = change.hasPending;
        kept.journal = kept.journal.filter(({n}) => n > change.n);
        return;
      }
      case 'remove':
        this.docs.delete(nameOf(change.key));
        return;
      case 'meta':
        if (change.value === undefined) this.meta.delete(change.name);
        else this.meta.set(change.name, change.value);
        return;
      default:
        change satisfies never;
    }
  }

  private doc(key: DocKey): Kept {
    const name = nameOf(key);
    let kept = this.docs.get(name);
    if (!kept) this.docs.set(name, (kept = {key, checkpoint: undefined, hasPending: false, journal: []}));
    return kept;
  }
}

const nameOf = (key: DocKey): string => JSON.stringify(key);
