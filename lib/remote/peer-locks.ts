import type {Clock, Locks} from '../platform/platform.js';

/** The feature of a side that holds the lock of its nonce. */
const LOCK = 'lock';
/** The feature of a side that has requested this lock, but does not hold it yet. */
const REQUESTED = 'lock requested';
/** How long to wait after a lock is released, in ms, because the last messages of its holder can arrive later. */
const DRAIN_MS = 50;
/**
 * How long a request may take until the browser knows it, in ms. In Chromium, the first request of a context waits in its thread until the
 * browser has allowed it (156: not known while the thread is busy; a second request is known at once, as every one is in Firefox). Until then,
 * no lock can tell a busy thread from a dead one, so this is longer than a start should take.
 */
const REQUEST_MS = 300_000;
/** How long to wait, in ms, if a lock that was held is free when this page returns: its holder may have put itself away, and said so. */
const RETURN_MS = 30_000;

export interface PeerLocks {
  /** The features of this side: LOCK only while it holds its lock, because otherwise the other side would treat it as dead. */
  features: string[];
  /** The other side has greeted. */
  watch(nonce: string, features: readonly unknown[]): void;
  /** Releases the locks, because pages that hold or await one may not enter the back/forward cache. Before that, it greets without LOCK. */
  suspend(): void;
  /** Requests the locks, and greets. */
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
  /** Whether the other side's lock was held or requested. If not, it may have locks of its own. */
  let isShared = false;
  // Pages with an opaque origin or blocked site data have locks, but each request is rejected.
  const request = (name: string, options: {ifAvailable?: boolean; signal?: AbortSignal}, callback: (lock: unknown) => unknown, denied = (): void => {}): void => {
    locks.request(`sharedb-tabs/remote/${name}`, options, callback).catch(denied);
  };
  const follow = (name: string | undefined, isHeld: boolean, ms = REQUEST_MS): void => {
    if (name === theirs && (isShared || !isHeld)) return;
    theirs = name;
    isShared = false;
    watch.abort();
    const {signal} = watch = new AbortController();
    const gone = (): unknown => signal.aborted || lost();
    const look = (free: () => void): void => request(name!, {ifAvailable: true}, lock => {
      if (signal.aborted) return;
      if (lock) return free();
      isShared = true;
      request(name!, {signal}, () => void clock.after(DRAIN_MS, gone));
    });
    // If the lock is free although it is held, the other side is in another storage partition (Storage Standard, "storage key"). If it is free
    // long after it was requested, and the other side has not greeted again, its request has ended with it.
    if (name) look(() => { if (!isHeld) signal.onabort = clock.after(ms, () => look(gone)); });
  };
  const own: PeerLocks = {
    features: [],
    watch(name, features) {
      // A hostile list may have four billion holes, which `Object.values` skips.
      const known = Object.values(features);
      const isHeld = known.includes(LOCK);
      follow(isHeld || known.includes(REQUESTED) ? name : undefined, isHeld);
    },
    suspend() {
      own.features = [];
      greet();
      own.close();
    },
    resume() {
      const {signal} = life = new AbortController();
      const tell = (features: string[]): void => {
        if (signal.aborted) return;
        own.features = features;
        greet();
      };
      // The request comes before the greeting, so that the other side usually finds it.
      request(nonce, {signal}, () => new Promise<void>(resolve => {
        if (signal.aborted) return resolve();
        signal.onabort = () => resolve();
        tell([LOCK]);
      }), () => tell([]));
      tell([REQUESTED]);
      const name = theirs;
      theirs = undefined;
      // If its lock was seen before and is free now, the other side has died meanwhile.
      follow(name, !isShared, RETURN_MS);
    },
    close() {
      life.abort();
      watch.abort();
    }
  };
  return own;
}
