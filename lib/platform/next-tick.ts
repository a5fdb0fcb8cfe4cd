import * as util from 'sharedb/lib/util.js';

/**
 * Upstream's own idea of "later": both directions of the broker leave on it, because a synchronous
 * or a microtask flush would change the order of upstream's events.
 */
export const nextTick: (callback: () => void) => void = callback => util.nextTick(callback);
