import type {ErrorData} from '../protocol/errors.js';
import type {Quarantining} from './coalesce.js';
import type {Encryption} from './encryption.js';
import type {Change, DocKey, Storage, StoredDoc} from './storage.js';

/** What was stored of a document and could not be used. */
export interface Quarantined {
  id: string;
  key: DocKey;
  error: ErrorData;
  /** Decrypted where that is possible, else as it was stored; undefined where it can't be read at all. */
  stored: StoredDoc | undefined;
}

/** How such a small value is called; what follows is the document's key, the epoch and a number. */
const PREFIX = 'set aside: ';
/** What can't be read so often won't be. */
const READ_ATTEMPTS = 3;

/** Where that is kept which could not be used, as it is stored: among the small values. */
export class Quarantine {
  private readonly values = new Map<string, string>();
  private failedReads = 0;
  private count = 0;

  constructor(private readonly storage: Storage, private readonly epoch: string, private readonly encryption: Encryption) {}

  get size(): number {
    return this.values.size;
  }

  /** Takes notice of small values that are stored. */
  note(name: string, value: string | undefined): void {
    if (name.startsWith(PREFIX) && value !== undefined) this.values.set(name, value);
  }

  async list(): Promise<Quarantined[]> {
    const found: Quarantined[] = [];
    for (const [id, value] of this.values) {
      const {key, error, stored} = JSON.parse(value) as Omit<Quarantined, 'id'>;
      found.push({id, key, error, stored: stored && (await this.encryption.decrypted(stored).catch(() => stored))});
    }
    return found;
  }

  /** What is kept under this id, ready to be used. Rejects where it can't be decrypted. */
  async take(id: string): Promise<{key: DocKey; stored: StoredDoc} | undefined> {
    const value = this.values.get(id);
    const {key, stored} = value === undefined ? {} as Partial<Quarantined> : JSON.parse(value) as Omit<Quarantined, 'id'>;
    return key && stored && {key, stored: await this.encryption.decrypted(stored)};
  }

  /** The newest of each document. */
  newest(): Map<string, DocKey> {
    const newest = new Map<string, readonly [id: string, key: DocKey]>();
    for (const [id, value] of this.values) {
      const {key} = JSON.parse(value) as Quarantined;
      newest.set(JSON.stringify(key), [id, key]);
    }
    return new Map(newest.values());
  }

  /** @returns whether there was one of that id */
  discard(id: string): boolean {
    return this.values.delete(id);
  }

  clear(): void {
    this.values.clear();
  }

  /** What moves all that is stored of a document there. Rejects where it can't be read at present. */
  async changesFor({key, error}: Quarantining): Promise<Change[]> {
    const stored = await this.read(key);
    const name = `${PREFIX}${JSON.stringify(key)} ${this.epoch}.${++this.count}`;
    // A parser's message may quote what was decrypted.
    const shown = this.encryption.isOn ? {code: error.code, message: 'What was stored could not be used'} : error;
    if (stored && stored.checkpoint === undefined && !stored.journal.length) return [];
    const value = JSON.stringify({key, error: shown, stored} satisfies Omit<Quarantined, 'id'>);
    return [{type: 'meta', name, value}, {type: 'remove', key}];
  }

  private async read(key: DocKey): Promise<StoredDoc | undefined> {
    try {
      const [stored] = await this.storage.read([key]);
      this.failedReads = 0;
      return stored;
    } catch (error) {
      if (++this.failedReads < READ_ATTEMPTS) throw error;
      this.failedReads = 0;
      return undefined;
    }
  }
}
