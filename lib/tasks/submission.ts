import {waitingClock} from '../platform/threads.js';
import {isCloneable, uncloneablePath} from './error-transfer.js';
import {abortError, TaskError} from './errors.js';
import type {Source} from './source.js';

/** The part of a thread that a submission and its stream use. */
export interface RunningThread {
  readonly running: Submission | undefined;
  /** @returns whether the thread has not begun it, and now never does */
  takeBack(task: Submission): boolean;
  /** The consumer of its stream takes one more item. */
  credit(task: Submission): void;
  /** The consumer of its stream takes no more items. */
  return(task: Submission): void;
}

/** The state of a task. */
export type DeferredState = 'queued' | 'running' | 'fulfilled' | 'rejected';

/** The options of one task. */
export interface TaskOptions {
  /** Its abort rejects the task with an AbortError whose `cause` is the signal's reason, and ends its run. */
  signal?: AbortSignal;
  /** How long the task may run, in ms. Then it rejects with ERR_TASK_TIMEOUT, and its run is ended. Default: no limit. */
  timeout?: number;
  /** How long the task may wait for a thread, in ms. Then it rejects with ERR_TASK_QUEUE_TIMEOUT and never runs. Default: no limit. */
  queueTimeout?: number;
  /**
   * How long a function may continue after `context.signal` has aborted, in ms. Then its thread is ended. Default 0: the thread is
   * ended at once.
   */
  grace?: number;
  /** Objects that are moved with the arguments instead of copied, e.g. array buffers. The caller can't use them after they are sent. Not with `retry`. */
  transfer?: readonly Transferable[];
  /** Moves array buffers, ports, bitmaps and streams in the result instead of copying them. Default false. */
  transferResult?: boolean;
  /** Tasks with a higher number run first; equal ones in the order of the calls. Default 0. */
  priority?: number;
  /** Tasks of one key run in the same thread while it lives. */
  affinity?: string | number;
  /** How long a task waits for the thread of its key, in ms; then any idle thread may run it. Default: Infinity. */
  stealAfter?: number;
  /** How often a task runs again after its thread was lost while it ran. A stream then repeats its first values. Default 0. */
  retry?: number;
  /** Called with what the function passes to `context.progress`: at most one value in 16 ms, and always the last. */
  onProgress?: (value: any) => void;
  /** false: names that the function uses from outside are not looked for; they are ReferenceErrors in the thread. Default true. */
  check?: boolean;
  /** The name of the task in messages and stacks. Default: the function's name. */
  name?: string;
}

/** Takes the values of a stream. */
export interface StreamSink {
  /** How many values the thread may send ahead. */
  readonly credit: number;
  next(value: unknown): void;
}

/** The content of a task: the source of a function or the name of an export, with the options. */
export interface SubmissionSpec {
  readonly options: TaskOptions;
  readonly source?: Source | undefined;
  readonly url?: string | undefined;
  readonly export?: string | undefined;
  readonly name: string;
  readonly settle?: boolean;
  readonly stream?: StreamSink;
  /** Only in a unit of `map`, whose calls are items: the index of the first item. */
  readonly first?: number;
}

/** The owner of a submission. It removes the submission from its queue, or ends its run. */
export interface SubmissionOwner {
  /** The submission has been rejected from outside; its run has to end. */
  withdraw(submission: Submission, reason: unknown): void;
  /** It has settled: called once, after its promise. */
  settled(submission: Submission): void;
}

/** A task, from the call until it settles. It settles once. */
export class Submission {
  static #lastId = 0;
  /** Ids ascend in the order of submission. */
  readonly id = ++Submission.#lastId;
  readonly priority: number;
  state: DeferredState = 'queued';
  attempt = 0;
  /** The thread on which it runs or waits; undefined while the pool's queue has it. */
  thread: RunningThread | undefined;
  slot = -1;
  index = 0;
  readonly promise: Promise<any>;
  #progressListeners: Set<(value: unknown) => void> | undefined;
  /** How long it took in the thread, in ms. */
  ms = 0;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  #cancelTimer: (() => void) | undefined;
  /** Why it was withdrawn. */
  reason: unknown;
  #onLeft: (() => void) | undefined;
  #isCopied = false;
  #unlisten: (() => void) | undefined;

  /** @param calls the list of arguments of the only call; in a unit of `map`, the items */
  constructor(public calls: unknown[], readonly spec: SubmissionSpec, private readonly owner: SubmissionOwner) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const {signal, onProgress, queueTimeout, priority = 0} = spec.options;
    this.priority = priority;
    if (onProgress !== undefined) this.onProgress(onProgress);
    if (signal?.aborted) {
      this.settle('rejected', abortError(signal.reason));
      return;
    }
    if (signal) {
      const onAbort = (): void => this.cancel(signal.reason);
      signal.addEventListener('abort', onAbort, {once: true});
      this.#unlisten = () => signal.removeEventListener('abort', onAbort);
    }
    if (queueTimeout !== undefined) this.arm(queueTimeout, () => {
      if (this.state === 'queued') this.withdraw(new TaskError('ERR_TASK_QUEUE_TIMEOUT', `"${spec.name}" has waited ${queueTimeout} ms for a thread and was not started`), 'time-out');
    });
  }

  get isSettled(): boolean {
    return this.state === 'fulfilled' || this.state === 'rejected';
  }

  /** @throws TypeError the listener is no function, which would throw when a message arrives */
  onProgress(listener: (value: unknown) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError(`onProgress: a function, not ${typeof listener}`);
    const listeners = this.#progressListeners ??= new Set();
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** One timer at a time: of waiting, then of running. */
  arm(ms: number, callback: () => void): void {
    this.disarm();
    // Two timers: after a page was frozen, a timer fires at once. The second half lets messages that the thread has sent arrive first.
    this.#cancelTimer = waitingClock.after(ms / 2, () => { this.#cancelTimer = waitingClock.after(ms / 2, callback); });
  }

  disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  cancel(reason?: unknown): void {
    this.withdraw(abortError(reason), reason);
  }

  withdraw(error: unknown, reason: unknown): void {
    if (this.isSettled) return;
    this.settle('rejected', error);
    this.owner.withdraw(this, reason);
  }

  settle(state: 'fulfilled' | 'rejected', value: unknown): void {
    if (this.isSettled) return;
    this.state = state;
    this.disarm();
    if (state === 'fulfilled') this.#resolve(value);
    else this.#reject(value);
    // This comes last, so that the result settles before promises of the pool, e.g. that of `drain`.
    this.#unlisten?.();
    this.owner.settled(this);
  }

  /** Called when its thread is done with it, which may be after it has settled. */
  onLeft(callback: () => void): void {
    this.#onLeft = callback;
  }

  left(): void {
    this.#onLeft?.();
  }

  /** It waits again: its thread was lost, or has not begun it. */
  requeue(): void {
    this.state = 'queued';
    this.thread = undefined;
    this.slot = -1;
    this.disarm();
  }

  progress(value: unknown): void {
    if (this.isSettled || !this.#progressListeners) return;
    for (const listener of [...this.#progressListeners]) listener(value);
  }

  /**
   * Copies the arguments, unless they are sent within the call: the caller may change them. Objects to be moved are not copied.
   * @throws TaskError
   */
  copyArguments(): void {
    if (this.#isCopied || this.spec.options.transfer?.length) return;
    this.#isCopied = true;
    if (this.#values.every(value => typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol' || value === null)) return;
    try {
      this.calls = structuredClone(this.calls);
    } catch (error) {
      throw this.notCloneable(error);
    }
  }

  get #values(): readonly unknown[] {
    return this.spec.first === undefined ? this.calls[0] as unknown[] : this.calls;
  }

  notCloneable(cause: unknown): TaskError {
    const args = this.#values;
    const {first} = this.spec;
    const index = args.findIndex(value => !isCloneable(value));
    let path = 'transfer';
    if (index >= 0) {
      this.index = index;
      path = `${first === undefined ? 'arguments' : 'items'}[${(first ?? 0) + index}]`;
      try { path += uncloneablePath(args[index]); } catch { /* A proxy may throw when its keys are read. */ }
    }
    return new TaskError('ERR_TASK_NOT_CLONEABLE', `${path} of "${this.spec.name}" can't be copied to a thread: functions, symbols and DOM nodes can't`, {cause, path});
  }
}
