import type {OpenCall, OpenCalls} from './open-calls.js';

/** A callback as ShareDB and Node call it: with an error, or with a value. */
export type NodeCallback<T> = (error?: any, value?: T) => void;

/** The callback of a completion. */
interface Done<T> extends NodeCallback<T> {
  completion?: Completion<T>;
}

/** What errors are told to that have neither callback nor promise. */
export interface UncaughtHandler {
  /** @param isSynchronous whether the call that it belongs to is still running */
  handleUncaught(error: unknown, isSynchronous: boolean): void;
  /** Those of the connection, which end when it is closed. */
  readonly openCalls: OpenCalls;
}

/**
 * What a method of ShareDB's API gives back here beside calling its callback: a promise that costs
 * nothing until somebody looks at it. Whether anybody does decides, where there is no callback, if an
 * error is the caller's to handle or an `error` event, as ShareDB has it.
 */
export class Completion<T = void> implements Promise<T>, OpenCall {
  private outcome: {value: T} | {error: unknown} | undefined;
  private promise: Promise<T> | undefined;
  private announce: (() => void) | undefined;
  private isSynchronous = true;
  private isMuted = false;
  private hasEnded = false;

  /** @param callback the caller's; where there is none and nobody observes the promise, an error goes to the `hearer` */
  constructor(private readonly callback: NodeCallback<T> | undefined | null, private readonly hearer: UncaughtHandler) {
    hearer.openCalls.add(this);
  }

  get [Symbol.toStringTag](): string {
    return 'Completion';
  }

  /** Serves both the caller's callback and the promise, for which nothing counts after the first time. */
  get done(): NodeCallback<T> {
    const done: Done<T> = (...args: [error?: any, value?: T]) => {
      // The connection was closed before.
      if (this.hasEnded) return;
      const error: unknown = args[0];
      if (!this.outcome) this.settle(error ? {error} : {value: args[1] as T});
      // As many arguments as upstream gives: some callers count them.
      if (this.callback) this.callback.apply(undefined, args);
      else if (error && !this.promise && !this.isMuted) this.hearer.handleUncaught(error, this.isSynchronous);
    };
    done.completion = this;
    return done;
  }

  private settle(outcome: {value: T} | {error: unknown}): void {
    this.outcome = outcome;
    this.hearer.openCalls.delete(this);
    this.announce?.();
  }

  /** The connection is closed. Where nobody waits for an answer, nobody is told. */
  end(error: Error): void {
    if (this.outcome) return;
    this.hasEnded = true;
    this.settle({error});
    this.callback?.(error);
  }

  /** The calls of an op's callbacks. */
  static callsOf(callbacks: readonly (Done<any> | null | undefined)[]): Completion<any>[] {
    return callbacks.flatMap(callback => callback?.completion ?? []);
  }

  /** Where one of those who have made an op is told of its error, upstream emits none for the others. */
  static muteTogether(callbacks: readonly (Done<any> | null | undefined)[]): void {
    const completions = Completion.callsOf(callbacks);
    const isMuted = completions.some(({callback, promise}) => callback || promise);
    for (const one of completions) one.isMuted = isMuted;
  }

  /** The call that it belongs to is over. */
  begun(): this {
    this.isSynchronous = false;
    return this;
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

/** Runs `start` with the callback of a completion. */
export function completing<T = void>(
  callback: NodeCallback<T> | undefined | null,
  hearer: UncaughtHandler,
  start: (callback: NodeCallback<T>) => void
): Completion<T> {
  const completion = new Completion<T>(callback, hearer);
  start(completion.done);
  return completion.begun();
}
