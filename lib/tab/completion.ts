import type {OpenCall, OpenCalls} from './open-calls.js';

/** A callback as ShareDB and Node call it: with an error, or with a value. */
export type NodeCallback<T> = (error?: any, value?: T) => void;

/** The callback of a completion. */
interface Done<T> extends NodeCallback<T> {
  completion?: Completion<T>;
}

/** Receives the errors of calls that have neither a callback nor an observed promise. */
export interface UncaughtHandler {
  /** @param isSynchronous whether the call that the error belongs to is still running */
  handleUncaught(error: unknown, isSynchronous: boolean): void;
  /** The open calls of the connection. They end when it is closed. */
  readonly openCalls: OpenCalls;
}

/**
 * The return value of a method of ShareDB's API, in addition to its callback: a promise that is created when it is first observed. If a
 * call has no callback, its error rejects the promise if the app observes it. Otherwise an `error` event reports it, as in ShareDB.
 */
export class Completion<T = void> implements Promise<T>, OpenCall {
  private outcome: {value: T} | {error: unknown} | undefined;
  private promise: Promise<T> | undefined;
  private announce: (() => void) | undefined;
  private isSynchronous = true;
  private isMuted = false;
  private hasEnded = false;

  /** @param callback the caller's callback. Without one, and without an observed promise, `uncaught` receives the error */
  constructor(private readonly callback: NodeCallback<T> | undefined | null, private readonly uncaught: UncaughtHandler) {
    uncaught.openCalls.add(this);
  }

  /** Shown by developer tools. */
  get [Symbol.toStringTag](): string {
    return 'Completion';
  }

  /** The callback that settles the promise and calls the caller's callback. Only the first call settles the promise. */
  get done(): NodeCallback<T> {
    const done: Done<T> = (...args: [error?: any, value?: T]) => {
      // The connection is closed, and the call has ended with that error.
      if (this.hasEnded) return;
      const error: unknown = args[0];
      if (!this.outcome) this.settle(error ? {error} : {value: args[1] as T});
      // Passes as many arguments as upstream gives, because some callers count them.
      if (this.callback) this.callback.apply(undefined, args);
      else if (error && !this.promise && !this.isMuted) this.uncaught.handleUncaught(error, this.isSynchronous);
    };
    done.completion = this;
    return done;
  }

  private settle(outcome: {value: T} | {error: unknown}): void {
    this.outcome = outcome;
    this.uncaught.openCalls.delete(this);
    this.announce?.();
  }

  /** Ends the call with an error, because the connection is closed. Only a callback or an observed promise gets the error. */
  end(error: Error): void {
    if (this.outcome) return;
    this.hasEnded = true;
    this.settle({error});
    this.callback?.(error);
  }

  /** The calls that an op's callbacks belong to. */
  static callsOf(callbacks: readonly (Done<any> | null | undefined)[]): Completion<any>[] {
    return callbacks.flatMap(callback => callback?.completion ?? []);
  }

  /** If one of the calls that an op consists of has a callback or an observed promise, upstream emits no error for the others. */
  static muteIfHandled(callbacks: readonly (Done<any> | null | undefined)[]): void {
    const completions = Completion.callsOf(callbacks);
    const isMuted = completions.some(({callback, promise}) => callback || promise);
    for (const one of completions) one.isMuted = isMuted;
  }

  /** Notes that the call that this completion belongs to returns. */
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
      const settle = (): void => {
        const outcome = this.outcome!;
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.value);
      };
      if (this.outcome) settle();
      else this.announce = settle;
    }));
  }
}

/** Runs `start` with the callback of a new completion, and returns the completion. */
export function completing<T = void>(
  callback: NodeCallback<T> | undefined | null,
  uncaught: UncaughtHandler,
  start: (callback: NodeCallback<T>) => void
): Completion<T> {
  const completion = new Completion<T>(callback, uncaught);
  start(completion.done);
  return completion.begun();
}
