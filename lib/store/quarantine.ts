import type {ErrorData} from '../protocol/errors.js';
import type {Quarantining} from './coalesce.js';
import type {Encryption} from './encryption.js';
import type {Change, DocKey, Storage, StoredDoc} from './storage.js';

/** A quarantined document, without its data. */
export interface QuarantineEntry {
  id: string;
  key: DocKey;
  error: ErrorData;
  /** The length of the stored text, in characters. */
  size: number;
}

/** A quarantined document with its data. */
export interface Quarantined extends QuarantineEntry {
  /** The data: decrypted if possible, otherwise as they were stored; undefined if they can't be read. */
  stored: StoredDoc | undefined;
}

type Entry = Omit<QuarantineEntry, 'id'>;

/**
 * The prefix of the names of the small values that describe entries. The document's key, the epoch and a number follow. Older builds wrote
 * entries with this prefix, so it must not change.
 */
const PREFIX = 'set aside: ';
/** Bodies are stored as documents of this collection, so that a start reads only their keys. A body's id is that of its entry. */
const COLLECTION = 'sharedb-tabs:quarantine';
/** After this many failed reads in a row, a document is quarantined without its data. */
const READ_ATTEMPTS = 3;
const HIDDEN = 'The stored data could not be used';

/** Whether a stored document is the body of an entry, not a document of the app. */
export const isQuarantineBody = ([collection]: DocKey): boolean => collection === COLLECTION;

/** Keeps stored data that can't be used, unchanged if they can be read. */
export class Quarantine {
  private readonly entries = new Map<string, Entry>();
  private failedReads = 0;
  private count = 0;

  constructor(private readonly storage: Storage, private readonly epoch: string, private readonly encryption: Encryption) {}

  get size(): number {
    return this.entries.size;
  }

  /** Reads a stored small value. @returns the id of the entry, if it is a new one */
  note(name: string, value: string | undefined): string | undefined {
    if (!name.startsWith(PREFIX)) return undefined;
    const entry = value === undefined ? undefined : parse(value);
    const isNew = !!entry && !this.entries.has(name);
    if (entry) this.entries.set(name, entry);
    else this.entries.delete(name);
    return isNew ? name : undefined;
  }

  list(): QuarantineEntry[] {
    return [...this.entries].map(([id, entry]) => ({id, ...entry}));
  }

  find(id: string): QuarantineEntry | undefined {
    const entry = this.entries.get(id);
    return entry && {id, ...entry};
  }

  /** All entries, with their data. */
  async export(): Promise<Quarantined[]> {
    const exported: Quarantined[] = [];
    // The bodies are read one after the other. All at the same time could need too much memory.
    for (const entry of this.list()) {
      const stored = await this.body(entry.id).catch(() => undefined);
      exported.push({...entry, stored: stored && (await this.encryption.decrypted(stored).catch(() => stored))});
    }
    return exported;
  }

  /** The data of an entry, decrypted; undefined if there are none. Rejects if they can't be read or decrypted. */
  async take(id: string): Promise<{key: DocKey; stored: StoredDoc} | undefined> {
    const entry = this.entries.get(id);
    const stored = entry && (await this.body(id));
    return entry && stored && {key: entry.key, stored: await this.encryption.decrypted(stored)};
  }

  /** The id of the newest entry of each document. */
  newest(): Map<string, DocKey> {
    const newest = new Map<string, readonly [id: string, key: DocKey]>();
    for (const [id, {key}] of this.entries) newest.set(JSON.stringify(key), [id, key]);
    return new Map(newest.values());
  }

  /** @returns the changes that delete an entry; none if there is no entry with this id */
  discard(id: string): Change[] {
    return this.entries.delete(id) ? [{type: 'meta', name: id, value: undefined}, {type: 'remove', key: [COLLECTION, id]}] : [];
  }

  /** @returns the changes that store another reason why the data can't be used */
  explain(id: string, error: ErrorData): Change[] {
    const entry = this.entries.get(id);
    if (!entry) return [];
    // A parser's message may quote decrypted text.
    const explained = {...entry, error: this.encryption.isOn ? {...error, message: HIDDEN} : error};
    this.entries.set(id, explained);
    return [{type: 'meta', name: id, value: JSON.stringify(explained)}];
  }

  clear(): void {
    this.entries.clear();
  }

  /**
   * @returns the changes that move all stored data of a document into quarantine. Rejects if the data can't be read; after READ_ATTEMPTS
   *   failed reads in a row, the entry has no data, and the data are deleted.
   */
  async changesFor({key, error}: Quarantining): Promise<Change[]> {
    const stored = await this.read(key);
    const name = `${PREFIX}${JSON.stringify(key)} ${this.epoch}.${++this.count}`;
    // A parser's message may quote decrypted text.
    const shown = this.encryption.isOn ? {code: error.code, message: HIDDEN} : error;
    if (stored && stored.checkpoint === undefined && !stored.journal.length) return [];
    const body = stored && JSON.stringify(stored);
    return [
      {type: 'meta', name, value: JSON.stringify({key, error: shown, size: body?.length ?? 0} satisfies Entry)},
      ...(body === undefined ? [] : [{type: 'checkpoint', key: [COLLECTION, name], n: 0, checkpoint: body, hasPending: false} as const]),
      {type: 'remove', key}
    ];
  }

  private async body(id: string): Promise<StoredDoc | undefined> {
    const [kept] = await this.storage.read([[COLLECTION, id]]);
    return kept?.checkpoint === undefined ? undefined : JSON.parse(kept.checkpoint) as StoredDoc;
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

/** @returns undefined if the value was written by other code */
function parse(value: string): Entry | undefined {
  try {
    const entry = JSON.parse(value) as Entry | null;
    return Array.isArray(entry?.key) && typeof entry.error?.message === 'string' ? entry : undefined;
  } catch {
    return undefined;
  }
}
