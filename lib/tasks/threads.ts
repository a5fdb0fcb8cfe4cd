import type {FromThread, ToThread} from './messages.js';

export interface ThreadEvents {
  message(message: FromThread): void;
  /** An error outside of any task. The thread may continue. */
  error(error: unknown): void;
  /** The thread has ended. It may not have started. */
  end(how: {cause?: unknown; exitCode?: number; isOutOfMemory?: boolean}): void;
}

/** A Worker, of a browser or of Node. */
export interface Thread {
  post(message: ToThread, transfer?: readonly Transferable[]): void;
  /** In Node: whether it keeps the process alive. */
  keepAlive(isNeeded: boolean): void;
  /** Called when the thread is ready. Watches for its end, and frees the resources of its start. */
  watch(lock: string): void;
  terminate(): Promise<void>;
}

/** Memory limits of a thread in Node, in MB, as `worker_threads` takes them. */
export interface ResourceLimits {
  /** The size of the main heap. */
  maxOldGenerationSizeMb?: number;
  /** The size of the heap for objects that were just created. */
  maxYoungGenerationSizeMb?: number;
  /** The size of the memory for generated code. */
  codeRangeSizeMb?: number;
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

/** Called by `createScheduler` of scheduler-browser.ts and of scheduler-node.ts. */
export function useThreads(threads: Threads): void {
  current = threads;
}

export function threads(): Threads {
  return current!;
}
