import type {Clock} from '../platform/platform.js';
import {deferred, type Deferred} from './deferred.js';
import {RemoteError, released, unsendable, type RemoteErrorCode} from './errors.js';
import {PULL, WANTED, outgoing, type Outgoing, type Wants} from './wire.js';

/** After this many results without an outgoing message, or this many ms, a frame is posted to confirm that they have arrived. */
const MAX_SEEN = 256;
const SEEN_MS = 1000;
/** How many failed chains are remembered by their first operation, so that each is reported once. */
const MAX_REPORTED = 1000;

export type Outcome = {readonly ok: true; readonly value: unknown} | {readonly ok: false; readonly error: unknown};

/** The part of a peer that its calls need. */
export interface CallsPeer {
  readonly clock: Clock;
  readonly options: {readonly timeout: number | undefined; readonly stacks: boolean};
  /** The error for new calls if the connection has ended. */
  readonly closedBy: RemoteError | undefined;
  put(item: Outgoing): void;
  schedule(): void;
  /** Takes back what a message that is not posted has counted. */
  uncount(item: Outgoing): void;
  reportError(error: unknown, what: string): void;
}

/** One operation that was recorded on this side. */
export class CallRecord {
  outcome: Outcome | undefined;
  isAwaited = false;
  /** The place where the result is awaited, for the stack of an error. */
  awaitedAt: Error | undefined;
  wasReleased = false;
  /** Is still needed after the record was garbage-collected. */
  readonly trace: {readonly id: number; isOver: boolean};
  #waiting: Deferred<unknown> | undefined;
  cancelTimeout: (() => void) | undefined;
  /** The connection that the call was made on, if it is not the stub's. */
  owner: unknown;

  readonly #calls: Calls;
  readonly #life: number;

  constructor(readonly id: number, readonly what: string, readonly item: Outgoing | undefined, calls: Calls) {
    this.#calls = calls;
    this.#life = calls.life;
    this.trace = {id, isOver: item === undefined};
  }

  /** Whether the other side no longer has the result, which has not arrived: it was released, or the other side was reloaded. */
  get isReleased(): boolean {
    return !this.outcome && !!this.item && (this.trace.isOver || this.#life !== this.#calls.life);
  }

  get isPosted(): boolean {
    return this.item?.isPosted === true;
  }

  get wants(): Wants {
    return (this.item?.message[6] ?? WANTED) as Wants;
  }

  /** Notes that the result will be awaited. If the frame is not posted yet, this needs no message of its own. */
  want(): void {
    // `await` reads `then` now, and calls it a microtask later.
    this.isAwaited = true;
    if (!this.outcome) this.awaitedAt ??= this.#calls.newStack();
    if (this.outcome || this.wants === WANTED || !this.item) return;
    this.item.message[6] = WANTED;
    this.#calls.want(this);
  }

  promise(): Promise<unknown> {
    this.isAwaited = true;
    this.want();
    if (!this.#waiting) {
      this.#waiting = deferred();
      this.#settleWaiting();
    }
    return this.#waiting.promise;
  }

  settle(outcome: Outcome): void {
    if (this.outcome) return;
    this.outcome = outcome;
    this.trace.isOver = true;
    // A record survives minor collections, because it is registered for finalization (V8), and so would the stack.
    this.awaitedAt = undefined;
    this.cancelTimeout?.();
    this.#settleWaiting();
  }

  /** Settles as a promise does. */
  follow(promise: PromiseLike<unknown>): this {
    promise.then(value => this.settle({ok: true, value}), (error: unknown) => this.settle({ok: false, error}));
    return this;
  }

  #settleWaiting(): void {
    if (!this.outcome || !this.#waiting) return;
    if (this.outcome.ok) this.#waiting.resolve(this.outcome.value);
    else this.#waiting.reject(this.outcome.error);
  }
}

/** The calls without an answer. Each call settles once, here. */
export class Calls {
  /** Rises when the results that the other side has are lost. */
  life = 0;
  readonly #pending = new Map<number, CallRecord>();
  #seen: number[] = [];
  #seenTimer: (() => void) | undefined;
  readonly #reported = new Set<number>();
  #unreported = new Map<number, {error: unknown; what: string}>();
  readonly #flushes = new Set<{failed?: {error: unknown}}>();
  readonly #peer: CallsPeer;

  constructor(peer: CallsPeer) {
    this.#peer = peer;
  }

  get size(): number {
    return this.#pending.size;
  }

  newStack(): Error | undefined {
    return this.#peer.options.stacks ? new Error() : undefined;
  }

  /** The place that awaits a call whose error has arrived. */
  stackOf(id: number): string | undefined {
    return this.#pending.get(id)?.awaitedAt?.stack;
  }

  /** Records a call that is about to be posted. */
  record(id: number, what: string, item: Outgoing): CallRecord {
    const call = new CallRecord(id, what, item, this);
    item.failed = error => this.#fail(call, unsendable('An argument', error));
    if (call.wants === WANTED) {
      this.#pending.set(id, call);
      this.#startTimeout(call);
    }
    return call;
  }

  /** A call that ended before it was posted. */
  settled(outcome: Outcome, what: string): CallRecord {
    const call = new CallRecord(0, what, undefined, this);
    call.settle(outcome);
    if (!outcome.ok) queueMicrotask(() => call.isAwaited || this.#reportError(0, outcome.error, what));
    return call;
  }

  want(call: CallRecord): void {
    const {closedBy} = this.#peer;
    const error = closedBy ?? (call.isReleased && released(call.what));
    if (error) return call.settle({ok: false, error});
    this.#pending.set(call.id, call);
    this.#startTimeout(call);
    if (call.isPosted) this.#peer.put(outgoing([PULL, call.id]));
  }

  handleReturn(id: number, value: unknown): void {
    const call = this.#pending.get(id);
    if (!call) return;
    this.#pending.delete(id);
    this.#noteSeen(id);
    call.settle({ok: true, value});
  }

  /** @param origin the operation that failed first */
  handleThrow(id: number, error: unknown, origin: number, isUnrequested: boolean): void {
    const call = this.#pending.get(id);
    if (call) {
      this.#pending.delete(id);
      this.#noteSeen(id);
      call.settle({ok: false, error});
    }
    if (call?.isAwaited) this.#noteReported(origin);
    else if (isUnrequested || call) this.#unreported.set(origin, {error, what: call?.what ?? 'a recorded operation'});
  }

  /** Reports errors of the last frame that nobody awaits. Called after each frame. */
  reportErrors(): void {
    if (!this.#unreported.size) return;
    const unreported = this.#unreported;
    this.#unreported = new Map();
    for (const [origin, {error, what}] of unreported) if (!this.#reported.has(origin)) this.#reportError(origin, error, what);
  }

  beginFlush(): {failed?: {error: unknown}} {
    const flush = {};
    this.#flushes.add(flush);
    return flush;
  }

  endFlush(flush: object): void {
    this.#flushes.delete(flush);
  }

  takeSeen(): number[] {
    const seen = this.#seen;
    if (seen.length) this.#seen = [];
    return seen;
  }

  /** @param mayHaveRun whether the other side may have performed posted calls */
  rejectAll(reason: string, mayHaveRun = true, code: RemoteErrorCode = 'ERR_REMOTE_CLOSED'): void {
    this.life++;
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    this.takeSeen();
    for (const call of calls) {
      const ran = call.isPosted && mayHaveRun;
      call.settle({ok: false, error: new RemoteError(code, `${call.what} has no answer: ${reason}. ${ran ? 'It may have run' : 'It did not run'}`, {mayHaveRun: ran})});
    }
  }

  #fail(call: CallRecord, error: unknown): void {
    this.#pending.delete(call.id);
    call.settle({ok: false, error});
    if (!call.isAwaited) this.#reportError(call.id, error, call.what);
  }

  #reportError(origin: number, error: unknown, what: string): void {
    this.#noteReported(origin);
    if (!this.#flushes.size) return this.#peer.reportError(error, what);
    for (const flush of this.#flushes) flush.failed ??= {error};
  }

  #noteReported(origin: number): void {
    if (origin) this.#reported.add(origin);
    if (this.#reported.size > MAX_REPORTED) this.#reported.delete(this.#reported.values().next().value!);
  }

  #noteSeen(id: number): void {
    this.#seen.push(id);
    if (this.#seen.length >= MAX_SEEN) this.#peer.schedule();
    // The timer is not cancelled if a frame confirms the results before: calls that follow each other share one timer.
    else this.#seenTimer ??= this.#peer.clock.after(SEEN_MS, () => {
      this.#seenTimer = undefined;
      this.#peer.schedule();
    });
  }

  #startTimeout(call: CallRecord): void {
    const {clock, options: {timeout}} = this.#peer;
    if (timeout === undefined || call.outcome || call.cancelTimeout) return;
    call.cancelTimeout = clock.after(timeout, () => {
      this.#pending.delete(call.id);
      const mayHaveRun = call.isPosted;
      // Nobody waits for the call any more, so it must not be performed later.
      if (!mayHaveRun) {
        call.item!.isWithdrawn = true;
        this.#peer.uncount(call.item!);
      }
      call.settle({ok: false, error: new RemoteError('ERR_REMOTE_TIMEOUT', `${call.what} has no answer within ${timeout} ms. ${mayHaveRun ? 'It may still run' : 'It did not run'}`, {mayHaveRun})});
    });
  }
}
