import type {Clock} from './platform.js';

/**
 * Calls back after so many ms, in two steps: in a thread that has stood still meanwhile the time is up before what has come for
 * it is there.
 * @returns what cancels it
 */
export function afterWaking(after: Clock['after'], ms: number, callback: () => void): () => void {
  let cancel = after(ms / 2, () => { cancel = after(ms / 2, callback); });
  return () => cancel();
}
