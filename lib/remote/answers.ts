import {isThenable} from '../platform/thenable.js';
import {NEVER, UNREQUESTED, WANTED, type Wants} from './wire.js';

/** The state of an operation that the other side has requested. */
export type Answer =
  | {state: 'pending'; wants: Wants; promise: Promise<unknown>; isUsed?: boolean}
  | {state: 'done'; value: unknown}
  | {state: 'failed'; error: unknown; origin: number};

/** The part of a peer that its answers need. */
export interface AnswersPeer {
  /** @param materializes whether objects of the app's classes are copied, too */
  returnValue(id: number, value: unknown, materializes?: boolean): void;
  throwError(id: number, error: unknown, origin: number, isUnrequested: boolean): void;
}

/** The error of a failed operation. Operations built on its result fail with the same error. */
interface Failed {
  readonly error: unknown;
  readonly origin: number;
}

const failures = new WeakSet<object>();
/** Looks an object up, because `instanceof` throws for a revoked Proxy, which an app may throw. */
const isFailed = (thrown: unknown): thrown is Failed => failures.has(thrown as object);

function failed(error: unknown, origin: number): Failed {
  const made = {error, origin};
  failures.add(made);
  return made;
}

/**
 * The results of the other side's operations. A result is kept for operations built on it, until the other side has received it
 * or has released it.
 */
export class Answers {
  readonly #answers = new Map<number, Answer>();
  readonly #running = new Set<Promise<unknown>>();

  readonly #peer: AnswersPeer;

  constructor(peer: AnswersPeer) {
    this.#peer = peer;
  }

  get size(): number {
    return this.#answers.size;
  }

  get pending(): number {
    return this.#running.size;
  }

  /** The result of an operation, as the target of another one. */
  find(id: number): {value: unknown} | {later: Promise<unknown>} {
    const answer = this.#answers.get(id);
    if (!answer) return {value: undefined};
    if (answer.state === 'done') return {value: answer.value};
    if (answer.state === 'pending') {
      answer.isUsed = true;
      return {later: answer.promise};
    }
    throw failed(answer.error, answer.origin);
  }

  /** @param run performs the operation; an error that it throws is the answer */
  begin(id: number, wants: Wants, materializes: boolean, run: () => unknown): void {
    try {
      const result = run();
      if (!isThenable(result)) return this.#done(id, wants, result, materializes);
      this.#wait(id, wants, result, materializes);
    } catch (error) {
      this.#failed(id, wants, error);
    }
  }

  pull(id: number): void {
    const answer = this.#answers.get(id);
    if (!answer) this.#peer.returnValue(id, undefined);
    else if (answer.state === 'pending') answer.wants = WANTED;
    else if (answer.state === 'done') this.#peer.returnValue(id, answer.value);
    else this.#peer.throwError(id, answer.error, answer.origin, false);
  }

  forget(id: number): void {
    const answer = this.#answers.get(id);
    // A pending answer may still be awaited by its own operation. It is dropped when it settles.
    if (answer?.state === 'pending') answer.wants = answer.wants === WANTED ? WANTED : NEVER;
    else this.#answers.delete(id);
  }

  /** Resolves when all operations that run now have ended. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#running]);
  }

  clear(): void {
    this.#answers.clear();
    this.#running.clear();
  }

  #wait(id: number, wants: Wants, result: PromiseLike<unknown>, materializes: boolean): void {
    const promise = Promise.resolve(result);
    const answer: Answer & {state: 'pending'} = {state: 'pending', wants, promise: undefined as unknown as Promise<unknown>};
    this.#answers.set(id, answer);
    answer.promise = promise.then(
      value => {
        this.#running.delete(answer.promise);
        if (this.#answers.get(id) === answer) this.#done(id, answer.wants, value, materializes);
        return value;
      },
      (error: unknown) => {
        this.#running.delete(answer.promise);
        const failure = isFailed(error) ? error : failed(error, id);
        if (this.#answers.get(id) === answer) this.#failed(id, answer.wants, failure, answer.isUsed);
        throw failure;
      }
    );
    // The error is sent to the other side, so it is not an unhandled rejection here.
    answer.promise.catch(() => {});
    this.#running.add(answer.promise);
  }

  #done(id: number, wants: Wants, value: unknown, materializes: boolean): void {
    // A missing answer counts as undefined. Most operations of a recorder return undefined, so nothing is kept for them.
    if (wants === NEVER || (wants === UNREQUESTED && value === undefined)) this.#answers.delete(id);
    else this.#answers.set(id, {state: 'done', value});
    if (wants === WANTED) this.#peer.returnValue(id, value, materializes);
  }

  /** @param isUsed whether an operation waits for the result. It fails next, and reports this error if nobody awaits it */
  #failed(id: number, wants: Wants, thrown: unknown, isUsed = false): void {
    const {error, origin} = isFailed(thrown) ? thrown : {error: thrown, origin: id};
    if (wants === NEVER) this.#answers.delete(id);
    else this.#answers.set(id, {state: 'failed', error, origin});
    this.#peer.throwError(id, error, origin, wants !== WANTED && !isUsed);
  }
}
