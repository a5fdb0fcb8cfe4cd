import type {Change, DocKey, InventoryItem, StoredDoc} from '../protocol/stored.js';

export type {Change, DocKey, InventoryItem, StoredDoc} from '../protocol/stored.js';

/**
 * Where a DurableStore keeps its strings: IndexedDbStorage, InMemoryStorage, or an app's own. It does not
 * look into them. Every method may reject: the store tries again, and says so in the connection's status.
 */
export interface Storage {
  /** Whether what is written survives the end of the browser. */
  readonly isDurable: boolean;
  /** Called when the storage was taken away from outside. The next call of any method opens it again. */
  onLost?: ((reason: string) => void) | undefined;
  /** Called when `open` has to wait for somebody else, perhaps for long. */
  onBlocked?: ((reason: string) => void) | undefined;
  /** Opens the data of one namespace. Called before anything else, and again when it failed. */
  open(namespace: string): Promise<void>;
  /**
   * Makes `epoch` the only one that may write from now on.
   * @returns the small values kept by `meta` changes
   */
  claim(epoch: string): Promise<Record<string, string>>;
  /**
   * Makes all changes or none; without changes, only looks whether it could. Rejects with a
   * {@link FencedError} when another epoch has claimed the storage, and with an {@link UnclaimedError} when
   * none has.
   */
  write(changes: readonly Change[], epoch: string): Promise<void>;
  /** Reads documents, in the order of `keys`. */
  read(keys: readonly DocKey[]): Promise<StoredDoc[]>;
  /** Lists the stored documents, without their content. */
  inventory(): Promise<InventoryItem[]>;
  /** Deletes all data of the namespace, the claim as well, and closes: what was under way is not written afterwards. */
  clear(): Promise<void>;
  /** Ends the use of the storage, until it is opened again. May be called twice. */
  close(): void;
}

export const isSameKey = ([c, d]: DocKey, [otherC, otherD]: DocKey): boolean => c === otherC && d === otherD;

/** Compares keys as IndexedDB orders them: strings as JavaScript does. */
export function inOrder([c, d]: DocKey, [otherC, otherD]: DocKey): number {
  if (c !== otherC) return c < otherC ? -1 : 1;
  return d === otherD ? 0 : d < otherD ? -1 : 1;
}

/** Another host has taken over: nothing may be written any more. */
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

/** Nobody has claimed the storage: its data were deleted from outside. */
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
