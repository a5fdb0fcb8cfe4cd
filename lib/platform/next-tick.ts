import * as util from 'sharedb/lib/util.js';

/**
 * Upstream's own idea of "later": both directions of the broker leave on it, because a synchronous
 * or a microtask flush would change the order of upstream's events. Upstream makes a `MessageChannel` for each call;
 * one for all of ours would take a fraction of the time, but what comes over it comes after upstream's later ones.
 */
export const nextTick: (callback: () => void) => void = callback => util.nextTick(callback);
