/** What a worker exposes to the page, with each library. */
export interface Service {
  add(a: number, b: number): PromiseLike<number>;
  echo(value: unknown): PromiseLike<unknown>;
  /** Calls back once, and returns what the callback returns. */
  call(callback: Callback): PromiseLike<number>;
  /** Keeps a callback. Returns the number of those that are kept. */
  keep(callback: Callback): PromiseLike<number>;
}

export type Callback = (n: number) => number | PromiseLike<number>;

/** The class of the exposed object. Some libraries need a base class of their own. */
export function serviceClass(Base: new () => object): new () => object {
  const kept: Callback[] = [];
  return class extends Base {
    add(a: number, b: number): number {
      return a + b;
    }

    echo(value: unknown): unknown {
      return value;
    }

    call(callback: Callback): unknown {
      return callback(1);
    }

    keep(callback: Callback & {dup?: () => Callback}): number {
      return kept.push('dup' in callback ? callback.dup!() : callback);
    }
  };
}
