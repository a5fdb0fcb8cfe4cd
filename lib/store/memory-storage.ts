import {
  FencedError, UnclaimedError, type Change, type DocKey, type InventoryItem, type Storage, type StoredDoc
} from './storage.js';

interface Kept {
  key: DocKey;
  checkpoint: string | undefined;
  hasPending: boolean;
  journal: {n: number; record: string}[];
}

interface Space {
  docs: Map<string, Kept>;
  meta: Map<string, string>;
  epoch: string | undefined;
}

/**
 * Keeps everything in memory: for private windows, for tests, and where nothing may be written to disk.
 * Hosts that follow each other may use the same one; it has one namespace open at a time.
 */
export class InMemoryStorage implements Storage {
  readonly isDurable: boolean = false;
  private readonly spaces = new Map<string, Space>();
  private space: Space = emptySpace();

  async open(namespace = 'default'): Promise<void> {
    let space = this.spaces.get(namespace);
    if (!space) this.spaces.set(namespace, (space = emptySpace()));
    this.space = space;
  }

  async claim(epoch: string): Promise<Record<string, string>> {
    this.space.epoch = epoch;
    return Object.fromEntries(this.space.meta);
  }

  async write(changes: readonly Change[], epoch: string): Promise<void> {
    const holder = this.space.epoch;
    if (holder !== epoch) throw holder === undefined ? new UnclaimedError() : new FencedError();
    for (const change of changes) this.make(change);
  }

  async read(keys: readonly DocKey[]): Promise<StoredDoc[]> {
    return keys.map(key => {
      const kept = this.space.docs.get(nameOf(key));
      return {checkpoint: kept?.checkpoint, journal: kept ? [...kept.journal] : []};
    });
  }

  async inventory(): Promise<InventoryItem[]> {
    return [...this.space.docs.values()].map(({key, hasPending, journal}) => ({key, hasPending: hasPending || journal.length > 0}));
  }

  async clear(): Promise<void> {
    this.space.docs.clear();
    this.space.meta.clear();
    this.space.epoch = undefined;
  }

  close(): void {}

  private make(change: Change): void {
    const {docs, meta} = this.space;
    switch (change.type) {
      case 'append': {
        const {journal} = this.doc(change.key);
        const at = journal.findLastIndex(({n}) => n <= change.n);
        journal.splice(journal[at]?.n === change.n ? at : at + 1, journal[at]?.n === change.n ? 1 : 0, {n: change.n, record: change.record});
        return;
      }
      case 'checkpoint': {
        const kept = this.doc(change.key);
        kept.checkpoint = change.checkpoint;
        kept.hasPending = change.hasPending;
        kept.journal = kept.journal.filter(({n}) => n > change.n);
        return;
      }
      case 'remove':
        docs.delete(nameOf(change.key));
        return;
      case 'meta':
        if (change.value === undefined) meta.delete(change.name);
        else meta.set(change.name, change.value);
        return;
      default:
        change satisfies never;
    }
  }

  private doc(key: DocKey): Kept {
    const {docs} = this.space;
    const name = nameOf(key);
    let kept = docs.get(name);
    if (!kept) docs.set(name, (kept = {key, checkpoint: undefined, hasPending: false, journal: []}));
    return kept;
  }
}

const emptySpace = (): Space => ({docs: new Map(), meta: new Map(), epoch: undefined});
const nameOf = (key: DocKey): string => JSON.stringify(key);
