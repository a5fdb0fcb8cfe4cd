import {defaultIntake} from './default-intake.js';
import {type DeferredState, Submission} from './submission.js';
import type {Work} from './task.js';

/**
 * The result of a function that runs on another thread. Not a subclass of Promise: `then` and the static methods would
 * make Deferreds of everything.
 */
export class Deferred<R> implements PromiseLike<R> {
  readonly #task: Submission;

  /** Starts at once on the default pool. @throws TypeError unless it is a function whose source can be sent, or a task */
  constructor(fn: Work<any[], R>, ...args: unknown[]) {
    this.#task = (fn as unknown) instanceof Submission ? fn as unknown as Submission : defaultIntake().submit(fn, [args], {});
  }

  then<A = R, B = never>(onFulfilled?: ((value: R) => A | PromiseLike<A>) | null, onRejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<A | B> {
    return this.#task.promise.then(onFulfilled, onRejected);
  }

  catch<B = never>(onRejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<R | B> {
    return this.#task.promise.catch(onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<R> {
    return this.#task.promise.finally(onFinally);
  }

  get [Symbol.toStringTag](): 'Deferred' {
    return 'Deferred';
  }

  get state(): DeferredState {
    return this.#task.state;
  }

  /** Rejects it with an AbortError whose cause is `reason`, and ends its run. No effect when settled. */
  cancel(reason?: unknown): void {
    this.#task.cancel(reason);
  }

  /** @returns ends it */
  onProgress(listener: (value: any) => void): () => void {
    return this.#task.onProgress(value => listener(value));
  }
}

export function deferredOf<R>(task: Submission): Deferred<R> {
  return new Deferred<R>(task as unknown as Work<any[], R>);
}
