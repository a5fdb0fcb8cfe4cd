/** A component of a json0 op: a path, and what is done there. */
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

/** What reads and writes one document: the replica itself, or what a transaction has made of it. */
export interface Access {
  /** Whether it is part of a transaction. */
  readonly isTransaction: boolean;
  /** The value of a key of the root object; undefined where there is none. */
  get(key: string): unknown;
  /** The same, but what the transaction does with it does not depend on it. */
  peek(key: string): unknown;
  /** The keys of the root object. */
  keys(): string[];
  /** How many keys or elements the root has. */
  size(): number;
  /** The whole content. It is not to be changed. */
  all(): unknown;
  /** Applies an op; each key or index of the root occurs once in it, unless the root is an array. */
  submit(op: Component[]): void;
}
