/**
 * What a method of ShareDB's API gives back here beside calling its callback: a promise that costs
 * nothing until somebody looks at it. Whether anybody does decides, where there is no callback, if an
 * error is the caller's to handle or an `error` event, as ShareDB has it.
 */
export class Completion<T = void> implements Promise<T> {
  private outcome: {value: T} | {error: unknown} | undefined;
  private promise: Promise<T> | undefined;
  private announce: (() => void) | undefined;

  get [Symbol.toStringTag](): string {
    return 'Completion';
  }

  /** Whether the caller waits for it. */
  get isObserved(): boolean {
    return this.promise !== undefined;
  }

  /** Ends it; what comes after the first time does not count. */
  settle(outcome: {value: T} | {error: unknown}): void {
    if (this.outcome) return;
    this.outcome = outcome;
    this.announce?.();
  }

  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: any) => B | PromiseLike<B>) | null
  ): Promise<A | B> {
    return this.observe().then(onFulfilled, onRejected);
  }

  catch<B = never>(onRejected?: ((error: any) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.observe().catch(onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<T> {
    return this.observe().finally(onFinally);
  }

  private observe(): Promise<T> {
    return (this.promise ??= new Promise<T>((resolve, reject) => {
      const tell = (): void => {
        const outcome = this.outcome!;
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.value);
      };
      if (this.outcome) tell();
      else this.announce = tell;
    }));
  }
}

type NodeCallback<T> = (error?: any, value?: T) => void;

/**
 * Runs `start` with a callback that serves both the caller's callback and the promise.
 * @param callback the caller's; where there is none and nobody observes the promise, an error goes to
 *   `onUnheard`, together with whether the call that it belongs to is still running
 */
export function completing<T = void>(
  callback: NodeCallback<T> | undefined | null,
  onUnheard: (error: unknown, isSynchronous: boolean) => void,
  start: (callback: NodeCallback<T>) => void
): Completion<T> {
  const completion = new Completion<T>();
  let isSynchronous = true;
  start((...args) => {
    const [error, value] = args;
    completion.settle(error ? {error} : {value: value as T});
    // As many arguments as upstream gives: some callers count them.
    if (callback) callback(...args);
    else if (error && !completion.isObserved) onUnheard(error, isSynchronous);
  });
  isSynchronous = false;
  return completion;
}
