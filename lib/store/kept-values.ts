import {KEPT, type Encryption} from './encryption.js';
import type {Change} from './storage.js';

/** The small values that a host stores for later hosts, by name. */
export class KeptValues {
  readonly values: Record<string, string> = Object.create(null) as Record<string, string>;

  constructor(private readonly encryption: Encryption) {}

  /** Sets a value, or deletes it. @returns the change to write */
  set(name: string, value: string | undefined): Change {
    if (value === undefined) delete this.values[name];
    else this.values[name] = value;
    return {type: 'meta', name: KEPT + name, value};
  }

  /**
   * Restores a stored value. A value that can't be decrypted stays in the storage and is left out here.
   * @param isSuperseded whether a newer value waits to be written
   */
  async restore(storedName: string, value: string, isSuperseded: () => boolean): Promise<void> {
    if (!storedName.startsWith(KEPT)) return;
    const text = await this.encryption.decryptedText(value).catch(() => undefined);
    if (text !== undefined && !isSuperseded()) this.values[storedName.slice(KEPT.length)] = text;
  }

  clear(): void {
    for (const name of Object.keys(this.values)) delete this.values[name];
  }
}
