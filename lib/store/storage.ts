import type {Change, DocKey, InventoryItem, StoredDoc} from '../protocol/stored.js';

export type {Change, DocKey, InventoryItem, StoredDoc} from '../protocol/stored.js';

/**
 * The storage of a host: `IndexedDbStorage`, `InMemoryStorage`, or one of the app. It stores checkpoints and records as text, and does not
 * parse them. Each method may reject. The host then tries again, and reports the error in the connection's status.
 */
export interface Storage {
  /** Whether written data survive the end of the browser. */
  readonly isDurable: boolean;
  /**
   * Set by the host. The storage calls it when its connection was closed from outside, or when another host has claimed it. The host then
   * checks whether it can write. The next call of a method must open a closed connection again.
   */
  onLost?: ((reason: string) => void) | undefined;
  /** Set by the host. The storage calls it when `open` must wait, possibly for a long time, for example for another page. */
  onBlocked?: ((reason: string) => void) | undefined;
  /** Opens the data of one namespace. Called before the other methods, and again after a failure. */
  open(namespace: string): Promise<void>;
  /**
   * Gives a host the right to write, and takes it from all other hosts.
   * @param epoch the host's id
   * @returns the small values that `meta` changes have set, by name
   */
  claim(epoch: string): Promise<Record<string, string>>;
  /**
   * Makes all changes in order, or none. Without changes, only checks that the host may write. Rejects with a {@link FencedError} if another
   * host has claimed the storage, and with an {@link UnclaimedError} if none has.
   */
  write(changes: readonly Change[], epoch: string): Promise<void>;
  /** Reads documents, in the order of `keys`. */
  read(keys: readonly DocKey[]): Promise<StoredDoc[]>;
  /** Lists the stored documents, without their content. */
  inventory(): Promise<InventoryItem[]>;
  /**
   * Deletes all data of the namespace and the claim, and closes the storage. Earlier writes must not take effect afterwards.
   * @param values the small values that are stored afterwards. A storage that does not keep them relies on localStorage: see `ClearingMark`.
   */
  clear(values?: Readonly<Record<string, string>>): Promise<void>;
  /** Closes the storage, until `open` is called again. May be called twice. */
  close(): void;
}

export const isSameKey = ([c, d]: DocKey, [otherC, otherD]: DocKey): boolean => c === otherC && d === otherD;

/** Compares keys in IndexedDB's order. It compares strings as JavaScript does, by UTF-16 code units. */
export function inOrder([c, d]: DocKey, [otherC, otherD]: DocKey): number {
  if (c !== otherC) return c < otherC ? -1 : 1;
  return d === otherD ? 0 : d < otherD ? -1 : 1;
}

/** Another host has taken over, so this host must not write any more. */
export class FencedError extends Error {
  /** The name of the class. */
  override readonly name = 'FencedError';
  /** The code: see `docs/errors.md`. */
  readonly code = 'ERR_TABS_FENCED';
  /** Thrown by storages. */
  constructor() {
    super('Another host has taken over the storage');
  }
}

/** No host has claimed the storage: its data were deleted from outside. */
export class UnclaimedError extends Error {
  /** The name of the class. */
  override readonly name = 'UnclaimedError';
  /** The code: see `docs/errors.md`. */
  readonly code = 'ERR_TABS_STORAGE_ERASED';
  /** Thrown by storages. */
  constructor() {
    super('The stored data was deleted');
  }
}
