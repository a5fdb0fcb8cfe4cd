import type {ErrorData} from '../protocol/errors.js';
import type {SettingAside} from './coalesce.js';
import type {Encryption} from './encryption.js';
import type {Change, DocKey, Storage, StoredDoc} from './storage.js';

/** What was stored of a document and could not be used. */
export interface Aside {
  /** For `DurableStore.discardAside`. */
  name: string;
  key: DocKey;
  error: ErrorData;
  /** Decrypted where that is possible, else as it was stored; undefined where it can't be read at all. */
  stored: StoredDoc | undefined;
}

const ASIDE = 'set aside: ';
/** What can't be read so often won't be. */
const READ_ATTEMPTS = 3;

/** Where that is kept which could not be used, as it is stored: among the small values. */
export class Asides {
  private readonly values = new Map<string, string>();
  private failedReads = 0;
  private count = 0;

  constructor(private readonly storage: Storage, private readonly epoch: string, private readonly encryption: Encryption) {}

  /** Takes notice of small values that are stored. */
  note(name: string, value: string | undefined): void {
    if (name.startsWith(ASIDE) && value !== undefined) this.values.set(name, value);
  }

  async list(): Promise<Aside[]> {
    const found: Aside[] = [];
    for (const [name, value] of this.values) {
      const {key, error, stored} = JSON.parse(value) as Omit<Aside, 'name'>;
      found.push({name, key, error, stored: stored && (await this.encryption.decrypted(stored).catch(() => stored))});
    }
    return found;
  }

  /** @returns whether there was one of that name */
  discard(name: string): boolean {
    return this.values.delete(name);
  }

  clear(): void {
    this.values.clear();
  }

  /** What moves all that is stored of a document there. Rejects where it can't be read at present. */
  async changesFor({key, error}: SettingAside): Promise<Change[]> {
    const stored = await this.read(key);
    const name = `${ASIDE}${JSON.stringify(key)} ${this.epoch}.${++this.count}`;
    // A parser's message may quote what was decrypted.
    const shown = this.encryption.isOn ? {code: error.code, message: 'What was stored could not be used'} : error;
    if (stored && stored.checkpoint === undefined && !stored.journal.length) return [];
    const value = JSON.stringify({key, error: shown, stored} satisfies Omit<Aside, 'name'>);
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
