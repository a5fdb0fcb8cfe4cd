/* The messages between a pool and its threads. The key `$` distinguishes these messages from those that a task posts itself. */

/** An error or another thrown value, as plain data. */
export interface TransferredError {
  /** The thrown value, when it is not an error. */
  thrown?: unknown;
  /** The nearest class that every thread has. */
  class?: string | undefined;
  name?: string;
  message?: string;
  stack?: string;
  code?: unknown;
  cause?: TransferredError | undefined;
  errors?: (TransferredError | undefined)[] | undefined;
  fields?: Record<string, unknown>;
  isDOMException?: boolean;
}

export interface RunMessage {
  $: 'run';
  id: number;
  /** The index in the shared array at which the thread claims the task before it starts. -1: there is no shared array. */
  slot: number;
  /** A function by the hash of its text. The text comes with its first task. */
  hash?: string;
  text?: string;
  /** An export of a module, or an exposed function when there is no URL. */
  url?: string | undefined;
  export?: string;
  /** The arguments of the one call; or the items of `map`, for a call each. */
  calls: unknown[];
  /** For items: the index of the first one. */
  first?: number;
  /** Each item has an outcome of its own. */
  settle?: boolean;
  attempt: number;
  transferResult?: boolean;
  /** How many values a stream may send ahead. */
  credit?: number;
}

export interface StartMessage {
  $: 'start';
  id: number;
  /** The lock that a thread of a browser holds as long as it lives. */
  lock: string;
  data: unknown;
  /** Whether the thread reports the names of its globals. */
  globals: boolean;
  /** In Node, whether the thread reports the size of its heap after each task. */
  heap: boolean;
  claims: Int32Array | undefined;
  /** In Node, the URL of the script that the thread imports. */
  script: string | undefined;
}

/** The messages for the running task. */
export type ToRun = {$: 'abort'; id: number; reason: unknown} | {$: 'credit'; id: number} | {$: 'return'; id: number};

export type ToThread = StartMessage | RunMessage | ToRun | {$: 'end'};

export type FromThread =
  | {$: 'ready'; globals?: string[] | undefined}
  | {$: 'failed'; error: TransferredError}
  | {$: 'done'; id: number; values: unknown[]; ms: number; heap?: number}
  | {$: 'fail'; id: number; error: TransferredError; index: number; kind: FailureKind; path?: string; heap?: number}
  | {$: 'progress'; id: number; value: unknown}
  | {$: 'next'; id: number; value: unknown}
  | {$: 'error'; error: TransferredError}
  | {$: 'ended'};

/** The part that failed: the task itself, the copy of its result, the module, an export (`path` lists the existing ones), the text, or the iterator of a stream. */
export type FailureKind = 'task' | 'clone' | 'module' | 'export' | 'text' | 'iterator';

/** An outcome of an item of `map` with `settle`. */
export type ItemOutcome = {value: unknown} | {error: TransferredError};

/** The values of {@link RunMessage.slot}. */
export const WAITS = 0, STARTED = 1, TAKEN_BACK = 2;
