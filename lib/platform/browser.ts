import {nodeProcess, keepAlive} from './keep-alive.js';
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

/** The globals of a window, a worker or Node, except for those that the caller supplies. */
export function browserPlatform(own: {channel?: OpenChannel | undefined; locks?: Locks | undefined; clock?: Clock | undefined} = {}): Platform {
  return {
    channel: own.channel ?? (name => new BroadcastChannel(name) as ReturnType<OpenChannel>),
    // An injected channel may lead to other processes, where this browser's locks mean nothing.
    locks: own.locks ?? (own.channel ? undefined : globalLocks()),
    clock: own.clock ?? systemClock,
    ...(typeof navigator !== 'undefined' && navigator.storage && {estimateStorage: () => navigator.storage.estimate()}),
    // The caller keeps its own channels alive.
    ...(nodeProcess && !own.channel && {keepAlive}),
    randomId
  };
}

function globalLocks(): Locks | undefined {
  return typeof navigator === 'undefined' ? undefined : (navigator.locks as Locks | undefined);
}

/**
 * Why this page can't reach other tabs over channels; undefined if it can. In a page whose site data is blocked the constructor
 * may exist and throw (Firefox, `network.cookie.cookieBehavior` 2).
 */
export function obstacleToChannels(): string | undefined {
  if (typeof BroadcastChannel !== 'function') return 'This browser has no BroadcastChannel';
  try {
    new BroadcastChannel('sharedb-tabs').close();
    return undefined;
  } catch (error) {
    return `This page can't use BroadcastChannel: ${(error as Error).message}`;
  }
}

/**
 * Whether the error says that the page may not use locks at all. A page with an opaque origin, such as a sandboxed frame, and a
 * page whose site data is blocked have `navigator.locks`, but each request is rejected (Web Locks, "request a lock").
 */
export function isDenied(error: unknown): boolean {
  return (error as Error | undefined)?.name === 'SecurityError';
}

/** Whether the page may be online. Only the answer false is reliable (HTML, `navigator.onLine`). */
export function isOnline(): boolean {
  return typeof navigator === 'undefined' || navigator.onLine !== false;
}

/** @returns a function that stops listening */
export function whenOnline(callback: () => void): () => void {
  if (typeof globalThis.addEventListener !== 'function') return () => {};
  globalThis.addEventListener('online', callback);
  return () => globalThis.removeEventListener('online', callback);
}

/** Calls back when the thread is idle. WebKit has no `requestIdleCallback`; there the callback runs at once. */
export function whenIdle(callback: () => void): void {
  if (typeof requestIdleCallback === 'function') requestIdleCallback(callback);
  else callback();
}
