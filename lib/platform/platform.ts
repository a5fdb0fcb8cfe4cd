/**
 * The interface to the environment. Each browser global has an interface here, so that hosts and tabs run the same
 * code in Node, in tests and in a simulator.
 */

/** The part of BroadcastChannel that the broker uses. */
export interface Channel {
  /** Posts a message to all other channels of this name. */
  postMessage(data: unknown, transfer?: Transferable[]): void;
  /** `any`, because the events of a BroadcastChannel have many more fields than `data`. */
  onmessage: ((event: any) => void) | null;
  /** Ends the use of the channel. */
  close(): void;
  /** True if the receiver gets the same objects and no copies, because it is in the same thread. */
  readonly sharesObjects?: boolean;
  /** Node's BroadcastChannel keeps its process alive until this is called. */
  unref?(): unknown;
}

/** Opens a channel by name, e.g. `name => new BroadcastChannel(name)`. */
export type OpenChannel = (name: string) => Channel;

/** The part of the Web Locks API (`navigator.locks`) that the library uses. */
export interface Locks {
  /**
   * Calls back when the lock is granted, and holds it until the promise of the callback settles. With `ifAvailable`, calls back
   * with null if the lock is not available.
   */
  request(
    name: string,
    options: {mode?: 'exclusive' | 'shared'; ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal},
    callback: (lock: unknown) => unknown
  ): Promise<unknown>;
  /** Which locks are held at present. */
  query?(): Promise<{
    /** The held locks. */
    held?: {
      /** The lock's name. */
      name?: string;
    }[];
  }>;
}

/** The time, and timers. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
}

export interface Platform {
  channel: OpenChannel;
  /** Missing in insecure contexts and in Node before 24.5 (MDN). */
  locks?: Locks | undefined;
  clock: Clock;
  /** Bytes used and allowed, as the browser estimates them (Storage Standard, `navigator.storage.estimate`). */
  estimateStorage?(): Promise<{usage?: number; quota?: number}>;
  /**
   * Only in Node. The library's channels and timers do not keep the process alive; this does, while `isNeeded` returns true. The
   * returned function ends it.
   */
  keepAlive?(isNeeded: () => boolean): () => void;
  /** A string of at least 128 random bits. */
  randomId(): string;
}
