import {nextTick} from '../platform/next-tick.js';

/** A call of the app that has no answer yet. */
export interface OpenCall {
  /** Answers with an error; does nothing where there is an answer by now. */
  end(error: Error): void;
}

/** The app's open calls of a connection. When it is closed, each ends with an error, and so does each that is made later. */
export class OpenCalls {
  private calls = new Set<OpenCall>();
  private errorOf: ((call: OpenCall) => Error) | undefined;

  /** @param guarded runs what is the app's */
  constructor(private readonly guarded: (act: () => void) => void) {}

  add(call: OpenCall): void {
    this.calls.add(call);
    if (this.errorOf && this.calls.size === 1) this.endLater();
  }

  delete(call: OpenCall): void {
    this.calls.delete(call);
  }

  /** Never in this turn: what has an answer that comes in the next one gets that. */
  end(errorOf: (call: OpenCall) => Error): void {
    this.errorOf = errorOf;
    this.endLater();
  }

  /** Those that are open by now: what is asked later may have an answer. */
  endOpen(error: Error): void {
    nextTick(() => this.endAll(() => error));
  }

  private endLater(): void {
    nextTick(() => this.endAll(this.errorOf!));
  }

  private endAll(errorOf: (call: OpenCall) => Error): void {
    const {calls} = this;
    this.calls = new Set();
    for (const call of calls) this.guarded(() => call.end(errorOf(call)));
  }
}
