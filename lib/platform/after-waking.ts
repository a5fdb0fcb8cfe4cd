import type {Clock} from './platform.js';

/**
 * Calls back after `ms` milliseconds, in two steps. In a thread that was suspended, a timer can fire before the messages that
 * arrived meanwhile; the second step lets them come first.
 * @returns a function that cancels it
 */
export function afterWaking(after: Clock['after'], ms: number, callback: () => void): () => void {
  let cancel = after(ms / 2, () => { cancel = after(ms / 2, callback); });
  return () => cancel();
}
