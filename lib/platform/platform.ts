/**
 * What the library takes from outside. Everything that is a global in a browser stands here as an
 * interface, so that hosts and tabs run in Node, in tests and in a simulator on the same code.
 */

/** The part of BroadcastChannel that the broker uses. */
export interface Channel {
  postMessage(data: unknown, transfer?: Transferable[]): void;
  /** `any`, so that a BroadcastChannel, whose events have much more than `data`, is one of these. */
  onmessage: ((event: any) => void) | null;
  close(): void;
  /** The receiver gets the very objects: it is in the same thread. */
  readonly sharesObjects?: boolean;
  /** Node's BroadcastChannel keeps its process alive until this is called. */
  unref?(): unknown;
}

/** Opens a channel by name, e.g. `name => new BroadcastChannel(name)`. */
export type OpenChannel = (name: string) => Channel;

/** The part of the Web Locks API (`navigator.locks`) that the library uses. */
export interface Locks {
  request(
    name: string,
    options: {mode?: 'exclusive' | 'shared'; ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal},
    callback: (lock: unknown) => unknown
  ): Promise<unknown>;
  /** Which locks are held at present. */
  query?(): Promise<{held?: {name?: string}[]}>;
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
  /** Missing in insecure contexts and in Node 20. */
  locks?: Locks | undefined;
  clock: Clock;
  /** Bytes used and allowed, as the browser estimates them (Storage Standard, `navigator.storage.estimate`). */
  estimateStorage?(): Promise<{usage?: number; quota?: number}>;
  /**
   * Only in Node, where channels and timers of this library do not keep the process alive: keeps it alive for as long as it
   * is needed when nothing else does. The returned function ends that.
   */
  keepAlive?(isNeeded: () => boolean): () => void;
  /** A string of at least 128 random bits. */
  randomId(): string;
}
