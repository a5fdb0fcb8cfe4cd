import type {FromThread, ToThread} from './messages.js';

export interface ThreadEvents {
  message(message: FromThread): void;
  /** An error outside of any task. The thread may live on. */
  error(error: unknown): void;
  /** The thread has ended, or was never there. */
  end(how: {cause?: unknown; exitCode?: number; isOutOfMemory?: boolean}): void;
}

/** A Worker, of a browser or of Node. */
export interface Thread {
  post(message: ToThread, transfer?: readonly Transferable[]): void;
  /** In Node: whether it keeps the process alive. */
  keepAlive(isNeeded: boolean): void;
  /** The thread is ready: watches for its end, and frees what its start has taken. */
  watch(lock: string): void;
  terminate(): Promise<void>;
}

/** Memory limits of a thread in Node, in MB, as `worker_threads` takes them. */
export interface ResourceLimits {
  /** The size of the main heap. */
  maxOldGenerationSizeMb?: number;
  /** The size of the heap for objects that were just created. */
  maxYoungGenerationSizeMb?: number;
  /** The size of the stack. Default 4. */
  stackSizeMb?: number;
}

export type ThreadScript = string | URL | (() => unknown) | undefined;

export interface Threads {
  /** @throws no thread can be made */
  start(script: ThreadScript, limits: ResourceLimits | undefined, events: ThreadEvents): Thread;
  /** The script that the thread imports by itself when it starts. */
  importedScript(script: ThreadScript): string | undefined;
  canShareMemory: boolean;
}

let current: Threads | undefined;

/** Called by the entry: a browser's or Node's. */
export function useThreads(threads: Threads): void {
  current = threads;
}

export function threads(): Threads {
  return current!;
}
