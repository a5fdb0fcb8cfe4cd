import {nextTick} from '../platform/next-tick.js';

/** A call of the app that has no answer yet. */
export interface OpenCall {
  /** Ends the call with an error, unless it has an answer. */
  end(error: Error): void;
}

/** The app's open calls on a connection. When the connection is closed, each open call ends with an error, and so does each later call. */
export class OpenCalls {
  private calls = new Set<OpenCall>();
  private errorOf: ((call: OpenCall) => Error) | undefined;

  /** @param guarded runs the app's callbacks and catches their errors */
  constructor(private readonly guarded: (act: () => void) => void) {}

  add(call: OpenCall): void {
    this.calls.add(call);
    if (this.errorOf && this.calls.size === 1) this.endLater();
  }

  delete(call: OpenCall): void {
    this.calls.delete(call);
  }

  /** Ends the calls in a later turn, so that a call whose answer arrives in the next turn gets that answer. */
  end(errorOf: (call: OpenCall) => Error): void {
    this.errorOf = errorOf;
    this.endLater();
  }

  /** Ends the calls that are open now. Later calls may still get an answer. */
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
