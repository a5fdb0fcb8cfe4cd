import type {CollectionDocument} from './document.js';
import type {Access} from './json0.js';

/** What a collection needs of a transaction: its own view of a document. */
export interface TransactionAccess {
  /** @param isPlain whether the collection was named itself, not what `tx.in` gives */
  access(base: CollectionDocument, isPlain: boolean): Access;
}

/** The transaction whose function runs in this very moment. */
let current: TransactionAccess | undefined;

export const currentTransaction = (): TransactionAccess | undefined => current;

export function runIn<T>(transaction: TransactionAccess | undefined, act: () => T): T {
  const outer = current;
  current = transaction;
  try {
    return act();
  } finally {
    current = outer;
  }
}
