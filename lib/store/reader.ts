import {emptyDoc} from './stored-changes.js';
import {inOrder, type DocKey, type Storage, type StoredDoc} from './storage.js';

/** The most documents that are read together. If more are requested, the first ones are processed while the next ones are read. */
const TOGETHER = 256;

interface Asked {
  key: DocKey;
  resolve(stored: StoredDoc): void;
  reject(error: unknown): void;
}

/** Reads documents from a storage: those that are requested in one turn together. */
export class Reader {
  private asked: Asked[] = [];

  constructor(private readonly storage: Storage) {}

  /** Reads a document; rejects if it can't be read. Other documents have no effect on the result. */
  read(key: DocKey): Promise<StoredDoc> {
    return new Promise((resolve, reject) => {
      if (this.asked.push({key, resolve, reject}) === 1) queueMicrotask(() => this.readAll());
    });
  }

  private readAll(): void {
    const asked = this.asked.splice(0);
    // A storage reads adjacent documents faster.
    if (asked.length > TOGETHER) asked.sort((one, other) => inOrder(one.key, other.key));
    while (asked.length) void this.readGroup(asked.splice(0, TOGETHER));
  }

  private async readGroup(group: Asked[]): Promise<void> {
    try {
      const stored = await this.storage.read(group.map(({key}) => key));
      group.forEach(({resolve}, i) => resolve(stored[i] ?? emptyDoc()));
    } catch {
      // One unreadable document must not affect the others.
      for (const one of group) void this.readAlone(one);
    }
  }

  private async readAlone({key, resolve, reject}: Asked): Promise<void> {
    try {
      const [stored] = await this.storage.read([key]);
      resolve(stored ?? emptyDoc());
    } catch (error) {
      reject(error);
    }
  }
}
