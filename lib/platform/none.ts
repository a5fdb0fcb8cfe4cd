/** What there is none of: one for all that have a list each, which is mostly empty. */
export const NONE: readonly never[] = Object.freeze([]);
