import * as util from 'sharedb/lib/util.js';

/**
 * ShareDB's own `nextTick`. Both directions of the broker use it, because a synchronous or a microtask flush would change the
 * order of ShareDB's events. ShareDB creates a `MessageChannel` for each call. One channel for all calls would be much faster,
 * but its messages would arrive after ShareDB's later ones.
 */
export const nextTick: (callback: () => void) => void = callback => util.nextTick(callback);
