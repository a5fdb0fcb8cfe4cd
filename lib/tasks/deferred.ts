import {defaultIntake} from './default-intake.js';
import {type DeferredState, Submission} from './submission.js';
import type {Work} from './task.js';

/**
 * The result of a function that runs on another thread. Not a subclass of Promise: `then` and the static methods would
 * make Deferreds of everything.
 */
export class Deferred<R> implements PromiseLike<R> {
  readonly then: Promise<R>['then'];
  readonly catch: Promise<R>['catch'];
  readonly finally: Promise<R>['finally'];
  readonly #task: Submission;

  /** Starts at once on the default pool. @throws TypeError unless it is a function whose source can be sent, or a task */
  constructor(fn: Work<any[], R>, ...args: unknown[]) {
    const task = this.#task = (fn as unknown) instanceof Submission ? fn as unknown as Submission : defaultIntake().submit(fn, [args], {});
    const promise: Promise<R> = task.promise;
    this.then = promise.then.bind(promise) as Promise<R>['then'];
    this.catch = promise.catch.bind(promise) as Promise<R>['catch'];
    this.finally = promise.finally.bind(promise);
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
    const own = (value: unknown): void => listener(value);
    this.#task.progressListeners.add(own);
    return () => this.#task.progressListeners.delete(own);
  }
}

export function deferredOf<R>(task: Submission): Deferred<R> {
  return new Deferred<R>(task as unknown as Work<any[], R>);
}
