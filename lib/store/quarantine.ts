import type {ErrorData} from '../protocol/errors.js';
import type {Quarantining} from './coalesce.js';
import type {Encryption} from './encryption.js';
import {COLLECTION, placeKey, type Places} from './places.js';
import {isSameKey, type Change, type DocKey, type Storage, type StoredDoc} from './storage.js';

/** A quarantined document, without its data. */
export interface QuarantineEntry {
  id: string;
  key: DocKey;
  error: ErrorData;
  /** The length of the stored text, in characters; 0 if it could not be read. */
  size: number;
  /** Whether the data could not be read when they were needed. So they may be usable when they can be read. */
  isUnread?: true | undefined;
  /** The place where the data are, if they could not be moved. See {@link Places}. */
  place?: number | undefined;
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
const HIDDEN = 'The stored data could not be used';

/**
 * Keeps stored data that can't be used, unchanged. They are moved to a value of their own, which is stored like a document: its collection is
 * COLLECTION, and its id is that of the entry. So a start reads only its key. Data that can't be read stay in their place.
 */
export class Quarantine {
  private readonly entries = new Map<string, Entry>();
  private count = 0;

  constructor(
    private readonly storage: Storage, private readonly epoch: string, private readonly encryption: Encryption, private readonly places: Places
  ) {}

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
    const entry = this.entries.get(id);
    return entry && this.entries.delete(id) ? [{type: 'meta', name: id, value: undefined}, {type: 'remove', key: bodyKey(id, entry)}] : [];
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
   * Quarantines all stored data of a document. Never rejects.
   * @returns the changes that move the data, or if they can't be read, the change that says where they stay
   */
  async changesFor({key, error, isUnread}: Quarantining): Promise<Change[]> {
    const stored = await this.storage.read([this.places.keyOf(key)]).then(([read]) => read, () => undefined);
    if (!stored) return [this.entryInPlace(key, error, this.places.of(key))];
    if (isEmpty(stored)) return [];
    const body = JSON.stringify(stored);
    const name = this.newName(key);
    return [
      {type: 'meta', name, value: JSON.stringify({key, error: this.shown(error), size: body.length, isUnread} satisfies Entry)},
      {type: 'checkpoint', key: [COLLECTION, name], n: 0, checkpoint: body, hasPending: false},
      {type: 'remove', key}
    ];
  }

  /** @returns the change that quarantines the data in a document's place without moving them */
  entryInPlace(key: DocKey, error: ErrorData, place: number): Change {
    return {type: 'meta', name: this.newName(key), value: JSON.stringify({key, error: this.shown(error), size: 0, isUnread: true, place} satisfies Entry)};
  }

  /** Whether the data in a document's place are quarantined. */
  isInPlace({key, place}: {key: DocKey; place: number}): boolean {
    return [...this.entries.values()].some(entry => entry.place === place && isSameKey(entry.key, key));
  }

  private newName(key: DocKey): string {
    return `${PREFIX}${JSON.stringify(key)} ${this.epoch}.${++this.count}`;
  }

  /** The error as it is stored. A parser's message may quote decrypted text. */
  private shown(error: ErrorData): ErrorData {
    return this.encryption.isOn ? {code: error.code, message: HIDDEN} : error;
  }

  /** The data of an entry, as they were stored. Rejects if they can't be read. */
  private async body(id: string): Promise<StoredDoc | undefined> {
    const entry = this.entries.get(id);
    if (!entry) return undefined;
    const [kept] = await this.storage.read([this.places.keyOf(bodyKey(id, entry))]);
    if (!kept || isEmpty(kept)) return undefined;
    return entry.place === undefined ? JSON.parse(kept.checkpoint!) as StoredDoc : kept;
  }
}

const isEmpty = ({checkpoint, journal}: StoredDoc): boolean => checkpoint === undefined && !journal.length;

/** The key of an entry's data: see {@link Places.keyOf}. */
const bodyKey = (id: string, {key, place}: Entry): DocKey => (place === undefined ? [COLLECTION, id] : placeKey(key, place));

/** @returns undefined if the value was written by other code */
function parse(value: string): Entry | undefined {
  try {
    const entry = JSON.parse(value) as Entry | null;
    return Array.isArray(entry?.key) && typeof entry.error?.message === 'string' ? entry : undefined;
  } catch {
    return undefined;
  }
}
