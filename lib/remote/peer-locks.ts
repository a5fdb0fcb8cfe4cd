import type {Clock, Locks} from '../platform/platform.js';

/** The feature of a side that holds the lock of its nonce. */
const LOCK = 'lock';
/** How long to wait after a lock is released, in ms, because the last messages of its holder can arrive later. */
const DRAIN_MS = 50;

export interface PeerLocks {
  /** The features of this side. They include LOCK only while it holds its lock: otherwise the other side would treat it as dead. */
  features: string[];
  /** The other side has greeted. */
  watch(nonce: string, features: readonly unknown[]): void;
  /** Releases the locks, because pages that hold or await one may not enter the back/forward cache. Before that, it greets without LOCK. */
  suspend(): void;
  resume(): void;
  close(): void;
}

/**
 * Detects that the other side has died. Each side holds a Web Lock that is named by its nonce, and waits for the lock of the other
 * side. The browser releases the lock when its context ends, for whatever reason.
 * @param nonce the nonce of this side
 * @param greet sends the features of this side to the other side
 * @param lost called when the other side has died
 */
export function peerLocks(locks: Locks, clock: Clock, nonce: string, greet: () => void, lost: () => void): PeerLocks {
  let life: AbortController;
  let watch = new AbortController();
  let theirs: string | undefined;
  // Pages with an opaque origin or blocked site data have locks, but each request is rejected.
  const request = (name: string, options: {ifAvailable?: boolean; signal?: AbortSignal}, callback: (lock: unknown) => unknown): void => {
    locks.request(`sharedb-tabs/remote/${name}`, options, callback).catch(() => {});
  };
  const follow = (name: string | undefined): void => {
    if (name === theirs) return;
    theirs = name;
    watch.abort();
    const {signal} = watch = new AbortController();
    // If the lock is free, the other side has locks of its own: it is in another storage partition (Storage Standard, "storage key").
    if (name) request(name, {ifAvailable: true}, lock => lock || request(name, {signal}, () => {
      clock.after(DRAIN_MS, () => signal.aborted || lost());
    }));
  };
  const own: PeerLocks = {
    features: [],
    // A hostile list may have four billion holes, which `Object.values` skips.
    watch: (name, features) => follow(Object.values(features).includes(LOCK) ? name : undefined),
    suspend() {
      own.features = [];
      greet();
      own.close();
    },
    resume() {
      const {signal} = life = new AbortController();
      request(nonce, {signal}, () => new Promise<void>(resolve => {
        if (signal.aborted) return resolve();
        signal.onabort = () => resolve();
        own.features = [LOCK];
        greet();
      }));
      const name = theirs;
      theirs = undefined;
      follow(name);
    },
    close() {
      life.abort();
      watch.abort();
    }
  };
  own.resume();
  return own;
}
