import type {Change, StoredDoc} from './storage.js';

/** Encrypts and decrypts the data that a host stores. */
export interface Cipher {
  /** Returns the text in encrypted form, or a promise of it. */
  encrypt(text: string): Promise<string> | string;
  /** Returns the decrypted text, or a promise of it. Rejects or throws if the text is not a result of `encrypt`. */
  decrypt(text: string): Promise<string> | string;
}

/** The prefix of the names of small values that contain an app's data. They are encrypted, too. */
export const KEPT = 'kept: ';

/** Encrypts and decrypts an app's data, if there is a cipher. The names of documents are not encrypted. */
export class Encryption {
  constructor(private readonly cipher: Cipher | undefined) {}

  get isOn(): boolean {
    return !!this.cipher;
  }

  async encrypted(changes: Change[]): Promise<Change[]> {
    const {cipher} = this;
    if (!cipher) return changes;
    return Promise.all(changes.map(async change => {
      if (change.type === 'append') return {...change, record: await cipher.encrypt(change.record)};
      if (change.type === 'checkpoint') return {...change, checkpoint: await cipher.encrypt(change.checkpoint)};
      if (change.type === 'meta' && change.name.startsWith(KEPT) && change.value !== undefined) {
        return {...change, value: await cipher.encrypt(change.value)};
      }
      return change;
    }));
  }

  /** Rejects if a part was not encrypted by this cipher. */
  async decrypted({checkpoint, journal}: StoredDoc): Promise<StoredDoc> {
    return {
      checkpoint: checkpoint === undefined ? undefined : await this.decryptedText(checkpoint),
      journal: await Promise.all(journal.map(async ({n, record}) => ({n, record: await this.decryptedText(record)})))
    };
  }

  async decryptedText(text: string): Promise<string> {
    return this.cipher ? this.cipher.decrypt(text) : text;
  }
}
