/** A component of a json0 op: a path, and the change there. */
export interface Component {
  p: (string | number)[];
  od?: unknown;
  oi?: unknown;
  ld?: unknown;
  li?: unknown;
  lm?: number;
  na?: number;
  sd?: string;
  si?: string;
}

/** How many entries, and how many characters of JSON, ops add to a document. */
export type Growth = readonly [entries: number, chars: number];
export const NO_GROWTH: Growth = [0, 0];

/** Reads and writes one document: the replica itself, or a transaction's view of it. */
export interface Access {
  /** Whether it is part of a transaction. */
  readonly isTransaction: boolean;
  /** The value of a key of the root object; undefined if there is none. */
  get(key: string): unknown;
  /** Like `get`, for a value that the transaction's result does not depend on. */
  peek(key: string): unknown;
  /** The keys of the root object. */
  keys(): string[];
  /** The number of keys or elements of the root. */
  size(): number;
  /** The whole data. The caller must not change them. */
  all(): unknown;
  /** Applies an op. It sets or deletes each key of the root object at most once. Other paths may occur several times. */
  submit(op: Component[]): void;
  /** @throws ERR_TABS_LIMIT if the op would make the document too large */
  checkLimits(op: readonly Component[]): unknown;
}
