import {waitingClock} from '../platform/threads.js';
import {systemClock} from '../platform/browser.js';
import {decodeError} from './error-arrival.js';
import {TaskError} from './errors.js';
import {type FromThread, type RunMessage, TAKEN_BACK, WAITS} from './messages.js';
import {withPlainName} from './plain-name.js';
import {TaskQueue} from './queue.js';
import type {Submission} from './submission.js';
import {type ResourceLimits, type Thread, threads, type ThreadScript} from './threads.js';

/**
 * The longest time until a thread is ready, in ms. Events report refused and missing scripts. The limit is for scripts that load and start no
 * thread. It is long, because networks may be slow and machines busy.
 */
const READY_MS = 30_000;
const END_MS = 1_000;
const SLOTS = 256;
const MAX_SENT_TEXTS = 100;

export interface HandleOptions {
  script: ThreadScript;
  data: unknown;
  resourceLimits: ResourceLimits | undefined;
  wantsGlobals: boolean;
  wantsHeap: boolean;
}

/** The events of a thread for its scheduler. */
export interface HandleEvents {
  ready(handle: ThreadHandle, globals: readonly string[] | undefined): void;
  /** The first of its tasks has ended, successfully or not. */
  free(handle: ThreadHandle): void;
  /** The task that runs now was withdrawn before it was known to run. */
  stale(handle: ThreadHandle, task: Submission): void;
  error(handle: ThreadHandle, error: unknown): void;
  /** It ended by itself. */
  lost(handle: ThreadHandle, how: Lost): void;
}

export interface Lost {
  cause?: unknown;
  exitCode?: number;
  isOutOfMemory?: boolean;
  /** It ended before it was ready. */
  isStart: boolean;
  /** It was not ready in time. */
  isLate?: boolean;
}

/** One thread: its life, the task that it runs, and those that were sent ahead. */
export class ThreadHandle {
  static #lastId = 0;
  readonly id = ++ThreadHandle.#lastId;
  state: 'starting' | 'ready' | 'ending' | 'ended' = 'starting';
  /** It takes no new tasks, and ends after what it has begun. */
  isRetired = false;
  tasksDone = 0;
  heapMB = 0;
  /** The first one runs; the others wait in the thread. */
  readonly sent: Submission[] = [];
  /** Tasks whose affinity is with this thread. */
  readonly own = new TaskQueue();
  /** A task was taken back. No task is sent ahead until the first one is done. */
  #hasGap = false;
  #idleSince = 0;
  readonly #thread: Thread;
  readonly #claims: Int32Array | undefined;
  #nextSlot = 0;
  readonly #texts = new Set<string>();
  #cancelTimer: () => void;
  /** Resolves when it is ready, or will not be. */
  readonly started: Promise<void>;
  #onStarted!: () => void;
  #onEnded: (() => void) | undefined;

  /** @throws no thread can be made here */
  constructor(options: HandleOptions, private readonly events: HandleEvents) {
    this.started = new Promise(resolve => { this.#onStarted = resolve; });
    const lock = `sharedb-tabs/thread/${this.id}-${Math.random().toString(36).slice(2)}`;
    this.#claims = threads().canShareMemory ? new Int32Array(new SharedArrayBuffer(SLOTS * 4)) : undefined;
    this.#thread = threads().start(options.script, options.resourceLimits, {
      message: message => this.#receive(message, lock),
      error: error => {
        if (this.state === 'starting') this.#lose({cause: error, isStart: true});
        else if (this.state === 'ready') this.events.error(this, error);
      },
      end: how => this.#lose({...how, isStart: this.state === 'starting'})
    });
    this.#cancelTimer = waitingClock.after(READY_MS, () => {
      this.#lose({cause: new Error(`The thread was not ready within ${READY_MS} ms. Its script has to import 'sharedb-tabs/tasks/thread'`), isStart: true, isLate: true});
    });
    try {
      this.#thread.post({
        $: 'start', id: this.id, lock, data: options.data, globals: options.wantsGlobals, heap: options.wantsHeap,
        claims: this.#claims, script: threads().importedScript(options.script)
      });
    } catch (error) {
      this.#cancelTimer();
      void this.#thread.terminate();
      throw error;
    }
  }

  get running(): Submission | undefined {
    return this.sent[0];
  }

  get isIdle(): boolean {
    return this.state === 'ready' && !this.sent.length;
  }

  canSendAhead(depth: number): boolean {
    return this.#claims !== undefined && this.state === 'ready' && !this.isRetired && !this.#hasGap && !this.own.size
      && this.sent.length > 0 && this.sent.length < depth;
  }

  /** @throws DataCloneError */
  send(task: Submission): void {
    const {spec, spec: {options}} = task;
    const isText = spec.source !== undefined && !this.#texts.has(spec.source.hash);
    const slot = this.#claims ? this.#nextSlot : -1;
    const message: RunMessage = {
      $: 'run', id: task.id, slot, calls: task.calls, attempt: task.attempt,
      ...(spec.source ? {hash: spec.source.hash, ...(isText && {text: withPlainName(spec.source.text)})} : {url: spec.url, export: spec.export!}),
      ...(spec.first !== undefined && {first: spec.first}), ...(spec.settle && {settle: true}), ...(spec.stream && {credit: spec.stream.credit}),
      ...(options.transferResult && {transferResult: true})
    };
    if (this.#claims) Atomics.store(this.#claims, slot, WAITS);
    this.#thread.post(message, options.transfer);
    this.#nextSlot = (slot + 1) % SLOTS;
    if (isText) this.#remember(spec.source.hash);
    task.slot = slot;
    task.thread = this;
    this.sent.push(task);
    if (this.sent.length === 1) this.#begin(task);
  }

  /** The thread keeps twice as many texts. So it has each text that this set contains; other texts are sent again. */
  #remember(hash: string): void {
    this.#texts.add(hash);
    if (this.#texts.size > MAX_SENT_TEXTS) this.#texts.clear();
  }

  #begin(task: Submission): void {
    if (task.isSettled) return this.events.stale(this, task);
    task.state = 'running';
    this.#thread.keepAlive(true);
    const {timeout} = task.spec.options;
    if (timeout === undefined) return task.disarm();
    task.arm(timeout, () => {
      const error = new TaskError('ERR_TASK_TIMEOUT', `"${task.spec.name}" has run for ${timeout} ms, which is its time-out; its run is ended`);
      task.withdraw(error, error);
    });
  }

  abort(task: Submission, reason: unknown): void {
    try {
      // Node 20 copies a DOMException as `{}`. Without a reason, the thread makes an AbortError of its own.
      const isDefault = reason instanceof DOMException && reason.name === 'AbortError';
      this.#thread.post({$: 'abort', id: task.id, reason: isDefault ? undefined : reason});
    } catch {
      this.#thread.post({$: 'abort', id: task.id, reason: undefined});
    }
  }

  credit(task: Submission): void {
    if (this.state === 'ready') this.#thread.post({$: 'credit', id: task.id});
  }

  return(task: Submission): void {
    if (this.state === 'ready') this.#thread.post({$: 'return', id: task.id});
  }

  /** @returns whether the thread has not begun it, and now never does */
  takeBack(task: Submission): boolean {
    if (!this.#claims || task.slot < 0 || Atomics.compareExchange(this.#claims, task.slot, WAITS, TAKEN_BACK) !== WAITS) return false;
    const isFirst = task === this.running;
    this.#forget(task);
    // The task counted as running, and its time-out had begun.
    if (task.state === 'running') task.requeue();
    if (isFirst && this.running) this.#begin(this.running);
    this.#hasGap = this.sent.length > 0;
    return true;
  }

  #forget(task: Submission): void {
    const index = this.sent.indexOf(task);
    if (index < 0) return;
    this.sent.splice(index, 1);
    task.thread = undefined;
    task.slot = -1;
  }

  /**
   * Takes back tasks that the thread has not begun, from the last to the first. In the other order, the thread could begin a later task after
   * an earlier one was taken back.
   */
  takeAllBack(isWanted: (task: Submission) => boolean = () => true): Submission[] {
    return this.sent.filter(task => !task.isSettled && isWanted(task)).reverse().filter(task => this.takeBack(task));
  }

  /** How long the thread has been idle, in ms, if it is idle. */
  get idleMs(): number {
    return waitingClock.now() - this.#idleSince;
  }

  /** Idle threads do not keep a Node process alive. */
  rest(): void {
    this.#idleSince = waitingClock.now();
    this.#thread.keepAlive(false);
  }

  /** Ends the thread after its `onEnd` callbacks. */
  async end(): Promise<void> {
    if (this.state !== 'ready') return this.terminate();
    this.state = 'ending';
    // An idle thread does not keep a Node process alive, which could exit before the thread has ended.
    this.#thread.keepAlive(true);
    const ended = new Promise<void>(resolve => { this.#onEnded = resolve; });
    this.#cancelTimer = systemClock.after(END_MS, () => this.#onEnded?.());
    this.#thread.post({$: 'end'});
    await ended;
    await this.terminate();
  }

  async terminate(): Promise<void> {
    this.state = 'ended';
    for (const task of this.sent) task.left();
    this.#cancelTimer();
    this.#onStarted();
    this.#onEnded?.();
    await this.#thread.terminate();
  }

  #lose(how: Lost): void {
    if (this.state === 'ended') return;
    if (this.state === 'ending') return this.#onEnded?.();
    this.state = 'ended';
    this.#cancelTimer();
    this.#onStarted();
    void this.#thread.terminate();
    this.events.lost(this, how);
  }

  /** Drops messages that do not have the form of this library's: a task can post messages itself. */
  #receive(message: FromThread, lock: string): void {
    if (!isWellFormed(message)) return;
    switch (message.$) {
      case 'ready':
        if (this.state !== 'starting') return;
        this.state = 'ready';
        this.#cancelTimer();
        this.#onStarted();
        this.#thread.watch(lock);
        return this.events.ready(this, message.globals);
      case 'failed': return this.#lose({cause: decodeError(message.error), isStart: true});
      case 'ended': return this.#onEnded?.();
      case 'error': return this.events.error(this, decodeError(message.error, `\n    at thread ${this.id}`));
      case 'done':
      case 'fail':
      case 'progress':
      case 'next': {
        const task = this.sent.find(({id}) => id === message.id);
        if (task && !(message.$ === 'done' && message.values.length !== task.calls.length)) this.#receiveFor(task, message);
      }
    }
  }

  #receiveFor(task: Submission, message: Extract<FromThread, {id: number}>): void {
    if (message.$ === 'progress') return task.progress(message.value);
    if (message.$ === 'next') return task.spec.stream?.next(message.value);
    this.tasksDone++;
    this.heapMB = (message.heap ?? 0) / 2 ** 20;
    this.#forget(task);
    task.left();
    this.#hasGap = false;
    if (message.$ === 'done') {
      task.ms = message.ms;
      task.settle('fulfilled', task.spec.first !== undefined ? message.values : message.values[0]);
    } else {
      // The path of a result that can't be copied begins with its position among the results.
      task.index = Number((message.kind === 'clone' && /^\[(\d+)/.exec(message.path ?? '')?.[1]) || message.index);
      task.settle('rejected', this.#failure(task, message));
    }
    const [next] = this.sent;
    if (next) this.#begin(next);
    this.events.free(this);
  }

  #failure({spec: {name, url, export: exported, settle}}: Submission, {kind, error: data, path}: Extract<FromThread, {$: 'fail'}>): unknown {
    const error = decodeError(data, `\n    at ${name} (thread ${this.id})`);
    const message = (error as {message?: string} | undefined)?.message ?? '';
    // Without the position among the values of a message, and the key of an outcome.
    const part = path?.replace(settle ? /^\[\d+\](\.value)?/ : /^\[\d+\]/, '');
    switch (kind) {
      case 'clone': return new TaskError('ERR_TASK_NOT_CLONEABLE', `result${part} of "${name}" can't be copied: ${message}`, {cause: error, path: `result${part}`});
      case 'module': return new TaskError('ERR_TASK_MODULE', `${url} of "${exported}" could not be imported in a thread: ${message}`, {cause: error});
      case 'export': return new TaskError('ERR_TASK_MODULE', `${url ?? 'The script of the pool'} has no function "${exported}". There are: ${path || 'none'}`);
      case 'iterator': return new TypeError(`stream: "${name}" has to return an iterable, such as a generator`);
      case 'text': return new TaskError('ERR_TASK_SYNTAX', (error as Error | undefined)?.name === 'EvalError' ? `The Content-Security-Policy of the thread's script forbids functions as source; name "${name}" with task() and expose() instead` : `The text of "${name}" can't be compiled: ${message}`, {cause: error});
      default: return error;
    }
  }
}

function isWellFormed(message: FromThread): boolean {
  switch (message?.$) {
    case 'ready': return message.globals === undefined || Array.isArray(message.globals);
    case 'done': return Array.isArray(message.values) && typeof message.ms === 'number';
    case 'fail': return isObject(message.error) && typeof message.index === 'number';
    case 'failed':
    case 'error': return isObject(message.error);
    case 'ended':
    case 'progress':
    case 'next': return true;
    default: return false;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
