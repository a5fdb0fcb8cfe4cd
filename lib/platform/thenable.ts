/** Whether a value is a promise or another object with a function `then`. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') && typeof (value as {then?: unknown}).then === 'function';
