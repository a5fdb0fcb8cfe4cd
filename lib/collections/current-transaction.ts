import type {CollectionDocument} from './document.js';
import type {Access} from './json0.js';
import type {TransactionOptions} from './retry.js';

/** The part of a transaction that collections need: its view of a document. */
export interface TransactionAccess {
  /** @param isPlain whether the app used the collection itself, and not the result of `tx.in` */
  access(base: CollectionDocument, isPlain: boolean): Access;
}

/** The transaction whose function is running now. */
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

/** The function `transaction`, as collections use it. */
export type Transact = <T>(fn: (tx: {in(shared: object): unknown}) => T, options?: TransactionOptions) => Promise<T>;

let transact: Transact | undefined;

/** Undefined if this page has not loaded the code of transactions. Then no code runs in a transaction. */
export const loadedTransact = (): Transact | undefined => transact;

export function noteLoaded(loaded: Transact): void {
  transact = loaded;
}
