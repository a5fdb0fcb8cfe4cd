export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T | PromiseLike<T>): void;
  reject(error: unknown): void;
}

/** A promise and the functions that settle it. Node 20 has no `Promise.withResolvers`. */
export function deferred<T>(): Deferred<T> {
  const made = {} as {-readonly [K in keyof Deferred<T>]: Deferred<T>[K]};
  made.promise = new Promise((resolve, reject) => Object.assign(made, {resolve, reject}));
  return made;
}
