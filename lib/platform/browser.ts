import type {Clock, Locks, OpenChannel, Platform} from './platform.js';

/** Timers that do not keep a Node process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer: unknown = setTimeout(callback, ms);
    (timer as {unref?(): void}).unref?.();
    return () => clearTimeout(timer as ReturnType<typeof setTimeout>);
  }
};

/** `crypto.randomUUID` needs a secure context; `getRandomValues` does not (W3C Web Cryptography). */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

/** The globals of a window or worker (or of Node), with whatever the caller brings instead. */
export function browserPlatform(own: {channel?: OpenChannel | undefined; locks?: Locks | undefined; clock?: Clock | undefined} = {}): Platform {
  return {
    channel: own.channel ?? (name => new BroadcastChannel(name) as ReturnType<OpenChannel>),
    // An injected channel has nothing to do with this browser's locks.
    locks: own.locks ?? (own.channel ? undefined : globalLocks()),
    clock: own.clock ?? systemClock,
    ...(typeof navigator !== 'undefined' && navigator.storage && {estimateStorage: () => navigator.storage.estimate()}),
    randomId
  };
}

function globalLocks(): Locks | undefined {
  return typeof navigator === 'undefined' ? undefined : (navigator.locks as Locks | undefined);
}

/** Whether this browser can reach a shared worker over channels at all. */
export function supportsSharedWorker(): boolean {
  return typeof SharedWorker === 'function' && typeof BroadcastChannel === 'function';
}
