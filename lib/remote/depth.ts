import {RemoteError} from './errors.js';

/** The levels of a message around its values: holes, the causes of errors, the parts of handlers' values. */
const ENVELOPE = 50;

export const tooDeep = (limit: number): RemoteError => new RemoteError('ERR_REMOTE_LIMIT', `A value is more than ${limit} levels deep: see the option limits.depth`);

/**
 * Refuses a message that is nested so deeply that a recursive function of the app would overflow the stack. Visits each object
 * once, level by level, because a value may have cycles.
 * @throws ERR_REMOTE_LIMIT
 */
export function checkDepth(message: unknown, limit: number): void {
  const seen = new Set<unknown>();
  for (let level = [message], depth = 0; level.length; depth++) {
    if (depth > limit + ENVELOPE) throw tooDeep(limit);
    const next: unknown[] = [];
    for (const value of level) {
      if (seen.has(value)) continue;
      seen.add(value);
      for (const member of value instanceof Map || value instanceof Set ? value : Object.values(value as object)) {
        if (typeof member === 'object' && member !== null && !ArrayBuffer.isView(member)) next.push(member);
      }
    }
    level = next;
  }
}
