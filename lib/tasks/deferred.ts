import {defaultIntake} from './default-intake.js';
import {type DeferredState, Submission} from './submission.js';
import type {Work} from './task.js';

/**
 * The result of a function that runs on another thread. It is no subclass of Promise, whose `then` and static methods would return Deferreds that
 * have no task.
 */
export class Deferred<R> implements PromiseLike<R> {
  readonly #task: Submission;

  /**
   * Runs a function on a thread of the default pool.
   * @param args copied by structured clone, as they are at the call
   * @throws TypeError it is not a function whose text can be sent, nor a task
   */
  constructor(fn: Work<any[], R>, ...args: unknown[]) {
    this.#task = (fn as unknown) instanceof Submission ? fn as unknown as Submission : defaultIntake().submit(fn, [args], {});
  }

  then<A = R, B = never>(onFulfilled?: ((value: R) => A | PromiseLike<A>) | null, onRejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<A | B> {
    return this.#task.promise.then(onFulfilled, onRejected);
  }

  /** As `Promise.prototype.catch`. */
  catch<B = never>(onRejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<R | B> {
    return this.#task.promise.catch(onRejected);
  }

  /** As `Promise.prototype.finally`. */
  finally(onFinally?: (() => void) | null): Promise<R> {
    return this.#task.promise.finally(onFinally);
  }

  /** Shown by developer tools. */
  get [Symbol.toStringTag](): 'Deferred' {
    return 'Deferred';
  }

  /** 'queued' until a thread gets the task. */
  get state(): DeferredState {
    return this.#task.state;
  }

  /** Rejects with an AbortError whose `cause` is the reason, and ends the run. It has no effect after the task has settled. */
  cancel(reason?: unknown): void {
    this.#task.cancel(reason);
  }

  /**
   * Calls the listener with what the function passes to `context.progress`: at most one value in 16 ms, and always the last.
   * @returns a function that removes the listener
   */
  onProgress(listener: (value: any) => void): () => void {
    return this.#task.onProgress(value => listener(value));
  }
}

export function deferredOf<R>(task: Submission): Deferred<R> {
  return new Deferred<R>(task as unknown as Work<any[], R>);
}
