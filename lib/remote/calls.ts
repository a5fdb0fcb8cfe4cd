import type {Clock} from '../platform/platform.js';
import {RemoteError, type RemoteErrorCode} from './errors.js';
import {PULL, UNASKED, WANTED, outgoing, type Outgoing, type Wants} from './wire.js';

/** After so many results that nothing was said of, or so many ms, a frame is posted to say that they have arrived. */
const SEEN_MANY = 256;
const SEEN_MS = 1000;
/** The first operations of so many chains of failures are remembered, so that each is told of once. */
const TOLD_MANY = 1000;

export type Outcome = {readonly ok: true; readonly value: unknown} | {readonly ok: false; readonly error: unknown};

export interface CallsOptions {
  readonly clock: Clock;
  readonly timeout: number | undefined;
  readonly stacks: boolean;
  put(item: Outgoing): void;
  schedule(): void;
  /** Why nothing can be called any more. */
  closedWith(): RemoteError | undefined;
  onError(error: unknown, what: string): void;
}

/** One operation that was recorded here. */
export class CallRecord {
  outcome: Outcome | undefined;
  isPosted = false;
  isAwaited = false;
  /** Where it is awaited, for the error's stack. */
  here: Error | undefined;
  isReleased = false;
  /** What is left of it when nobody holds it any more. */
  readonly trace: {readonly id: number; isOver: boolean};
  private waiting: {resolve(value: unknown): void; reject(error: unknown): void; promise: Promise<unknown>} | undefined;
  cancelTimeout: (() => void) | undefined;
  /** The connection that it was made on, where that is not the one of the stub. */
  owner: unknown;

  constructor(readonly id: number, readonly what: string, readonly item: Outgoing | undefined, private readonly calls: Calls) {
    this.trace = {id, isOver: item === undefined};
  }

  get wants(): Wants {
    return (this.item?.message[6] ?? WANTED) as Wants;
  }

  /** The result will be awaited: said before the frame is posted, no message of its own is needed. */
  want(): void {
    // `await` reads `then` now, and calls it a microtask later.
    this.isAwaited = true;
    if (!this.outcome) this.here ??= this.calls.stackHere();
    if (this.outcome || this.wants === WANTED || !this.item) return;
    this.item.message[6] = WANTED;
    this.calls.want(this);
  }

  promise(): Promise<unknown> {
    this.isAwaited = true;
    this.want();
    if (!this.waiting) {
      let resolve!: (value: unknown) => void;
      let reject!: (error: unknown) => void;
      const promise = new Promise((done, failed) => [resolve, reject] = [done, failed]);
      this.waiting = {resolve, reject, promise};
      this.tell();
    }
    return this.waiting.promise;
  }

  settle(outcome: Outcome): void {
    if (this.outcome) return;
    this.outcome = outcome;
    this.trace.isOver = true;
    this.cancelTimeout?.();
    this.tell();
  }

  private tell(): void {
    if (!this.outcome || !this.waiting) return;
    if (this.outcome.ok) this.waiting.resolve(this.outcome.value);
    else this.waiting.reject(this.outcome.error);
  }
}

/** What was called and has no answer: each call ends once, here. */
export class Calls {
  private readonly pending = new Map<number, CallRecord>();
  private seen: number[] = [];
  private cancelSeen: (() => void) | undefined;
  private readonly told = new Set<number>();
  private untold = new Map<number, {error: unknown; what: string}>();
  private readonly flushes = new Set<{failed?: {error: unknown}}>();
  constructor(private readonly options: CallsOptions) {}

  get size(): number {
    return this.pending.size;
  }

  /** Calls that were posted and not answered. */
  get hasPosted(): boolean {
    for (const call of this.pending.values()) if (call.isPosted) return true;
    return false;
  }

  stackHere(): Error | undefined {
    return this.options.stacks ? new Error() : undefined;
  }

  /** Where a call is awaited whose error has come. */
  hereOf(id: number): string | undefined {
    return this.pending.get(id)?.here?.stack;
  }

  /** A call that is about to be posted. */
  record(id: number, what: string, item: Outgoing): CallRecord {
    const call = new CallRecord(id, what, item, this);
    item.posted = () => {
      call.isPosted = true;
    };
    item.failed = error => this.fail(call, error);
    if (call.wants === WANTED) {
      this.pending.set(id, call);
      this.startTimeout(call);
    }
    return call;
  }

  /** A call that has ended before it began. */
  settled(outcome: Outcome, what: string): CallRecord {
    const call = new CallRecord(0, what, undefined, this);
    call.settle(outcome);
    if (!outcome.ok) queueMicrotask(() => call.isAwaited || this.untoldError(0, outcome.error, what));
    return call;
  }

  want(call: CallRecord): void {
    const closed = this.options.closedWith();
    if (closed) return call.settle({ok: false, error: closed});
    this.pending.set(call.id, call);
    this.startTimeout(call);
    if (call.isPosted) this.options.put(outgoing([PULL, call.id]));
  }

  handleReturn(id: number, value: unknown): void {
    const call = this.pending.get(id);
    if (!call) return;
    this.pending.delete(id);
    this.noteSeen(id);
    call.settle({ok: true, value});
  }

  /** @param origin the operation that failed first */
  handleThrow(id: number, error: unknown, origin: number, wasUnasked: boolean): void {
    const call = this.pending.get(id);
    if (call) {
      this.pending.delete(id);
      this.noteSeen(id);
      call.settle({ok: false, error});
    }
    if (call?.isAwaited) this.noteTold(origin);
    else if (wasUnasked || call) this.untold.set(origin, {error, what: call?.what ?? 'a recorded operation'});
  }

  /** After each frame: errors of it that nobody awaits. */
  tellUntold(): void {
    if (!this.untold.size) return;
    const {untold} = this;
    this.untold = new Map();
    for (const [origin, {error, what}] of untold) if (!this.told.has(origin)) this.untoldError(origin, error, what);
  }

  beginFlush(): {failed?: {error: unknown}} {
    const flush = {};
    this.flushes.add(flush);
    return flush;
  }

  endFlush(flush: object): void {
    this.flushes.delete(flush);
  }

  takeSeen(): number[] {
    const {seen} = this;
    if (!seen.length) return seen;
    this.seen = [];
    this.cancelSeen?.();
    this.cancelSeen = undefined;
    return seen;
  }

  /** @param mayHaveRun whether what was posted may have been done there */
  rejectAll(reason: string, mayHaveRun = true, code: RemoteErrorCode = 'ERR_REMOTE_CLOSED'): void {
    const calls = [...this.pending.values()];
    this.pending.clear();
    this.takeSeen();
    for (const call of calls) {
      const ran = call.isPosted && mayHaveRun;
      call.settle({ok: false, error: new RemoteError(code, `${call.what} has no answer: ${reason}. ${ran ? 'It may have been done' : 'It was not done'}`, {mayHaveRun: ran})});
    }
  }

  private fail(call: CallRecord, error: unknown): void {
    this.pending.delete(call.id);
    call.settle({ok: false, error});
    if (!call.isAwaited) this.untoldError(call.id, error, call.what);
  }

  private untoldError(origin: number, error: unknown, what: string): void {
    this.noteTold(origin);
    if (!this.flushes.size) return this.options.onError(error, what);
    for (const flush of this.flushes) flush.failed ??= {error};
  }

  private noteTold(origin: number): void {
    if (origin) this.told.add(origin);
    if (this.told.size > TOLD_MANY) this.told.delete(this.told.values().next().value!);
  }

  private noteSeen(id: number): void {
    this.seen.push(id);
    if (this.seen.length >= SEEN_MANY) this.options.schedule();
    else this.cancelSeen ??= this.options.clock.after(SEEN_MS, () => this.options.schedule());
  }

  private startTimeout(call: CallRecord): void {
    const {timeout, clock} = this.options;
    if (timeout === undefined || call.outcome || call.cancelTimeout) return;
    call.cancelTimeout = clock.after(timeout, () => {
      this.pending.delete(call.id);
      const mayHaveRun = call.isPosted;
      // It would be done when nobody waits for it any more.
      if (!mayHaveRun) call.item!.withdraw?.();
      call.settle({ok: false, error: new RemoteError('ERR_REMOTE_TIMEOUT', `${call.what} has no answer within ${timeout} ms. ${mayHaveRun ? 'It may still be done' : 'It was not done'}`, {mayHaveRun})});
    });
  }
}

export const isUnasked = (wants: Wants): boolean => wants === UNASKED;
