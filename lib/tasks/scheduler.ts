import {systemClock} from '../platform/browser.js';
import {processors, waitingClock} from '../platform/threads.js';
import {TaskError} from './errors.js';
import {TaskQueue} from './queue.js';
import {sourceOf} from './source.js';
import {checkNames, knownNames, loadCheck, outerNames} from './source-check.js';
import {type StreamSink, Submission, type SubmissionOwner, type TaskOptions} from './submission.js';
import {checkWork, isTask, type Work} from './task.js';
import {type Lost, ThreadHandle} from './thread-handle.js';
import type {ResourceLimits, ThreadScript} from './threads.js';

export interface PoolOptions {
  /** Default: one less than the processor has, at least 1, at most 8. */
  size?: number;
  /** Threads that are kept when idle. Default 0. */
  minSize?: number;
  /** Running and waiting together. Default 100,000. */
  maxTasks?: number;
  /** Default 'reject'. */
  whenFull?: 'reject' | 'wait';
  /** ms; Infinity: never. Default 10,000. */
  idleTimeout?: number;
  recycleAfter?: {tasks?: number; /** Node only. */ heapMB?: number};
  /** For all tasks, unless they say otherwise. */
  timeout?: number;
  grace?: number;
  /** Node: as in worker_threads. */
  resourceLimits?: ResourceLimits;
  /** Given to each thread as `threadData`, once. */
  data?: unknown;
}

const MAX_SIZE = 64;
const MAX_FAILED_STARTS = 3;
/** Tasks that a thread has at once, the running one with them, where they can be taken back. */
const DEPTH = 8;

/** Gives tasks to threads: the mechanism of a pool. */
export class Scheduler implements SubmissionOwner {
  size: number;
  completed = 0;
  failed = 0;
  lostThreads = 0;
  onerror: ((error: unknown) => void) | null = null;
  readonly #queue = new TaskQueue();
  readonly #preparing = new Set<Submission>();
  readonly #handles = new Set<ThreadHandle>();
  readonly #ending = new Set<Promise<void>>();
  readonly #affinities = new Map<string | number, ThreadHandle>();
  readonly #idleTimers = new Map<ThreadHandle, () => void>();
  readonly #checked = new Set<string>();
  #outstanding = 0;
  #drained: (() => void)[] = [];
  #globals: ReadonlySet<string> | undefined;
  #globalsWanted: {resolve(globals: ReadonlySet<string>): void; reject(error: unknown): void}[] = [];
  #failedStarts = 0;
  #broken: TaskError | undefined;
  #isClosed = false;

  constructor(private readonly script: ThreadScript, private readonly options: PoolOptions) {
    this.size = checkSize(options.size ?? Math.min(Math.max(processors() - 1, 1), 8));
    for (const key of ['minSize', 'maxTasks', 'idleTimeout', 'timeout', 'grace'] as const) checkNumber(key, options[key]);
  }

  get threads(): number {
    return this.#handles.size;
  }

  get active(): number {
    let count = 0;
    for (const {sent} of this.#handles) if (sent.length) count++;
    return count;
  }

  get queued(): number {
    let count = this.#queue.size + this.#preparing.size;
    for (const {own, sent} of this.#handles) count += own.size + Math.max(0, sent.length - 1);
    return count;
  }

  /** @throws TypeError, RangeError */
  submit(work: Work<any[], any>, calls: unknown[][], given: TaskOptions, more: {settle?: boolean; stream?: StreamSink; isChunk?: boolean} = {}): Submission {
    checkWork(work);
    const options = {...this.#defaults(), ...given};
    for (const key of ['timeout', 'queueTimeout', 'grace', 'retry', 'priority'] as const) checkNumber(key, options[key], key === 'priority');
    if (options.retry && options.transfer?.length) throw new RangeError('retry: transferred arguments are gone after the first attempt');
    const target = isTask(work) ? work : {source: sourceOf(work as (...args: any[]) => unknown)};
    const name = options.name ?? (isTask(work) ? work.export : (work as {name: string}).name || 'anonymous');
    const task = new Submission(calls, {options, name, ...target, ...more}, this);
    this.#outstanding++;
    task.onSettled(() => this.#settled(task));
    if (task.isSettled) return task;
    const refusal = this.#refusal();
    if (refusal) task.settle('rejected', refusal);
    else this.#prepare(task);
    return task;
  }

  #defaults(): TaskOptions {
    const {timeout, grace} = this.options;
    return {...(timeout !== undefined && {timeout}), ...(grace !== undefined && {grace})};
  }

  #refusal(): TaskError | undefined {
    if (this.#isClosed) return new TaskError('ERR_TASK_TERMINATED', 'The pool is closed: it takes no new tasks');
    const {maxTasks = 100_000, whenFull} = this.options;
    if (whenFull !== 'wait' && this.#outstanding > maxTasks) {
      return new TaskError('ERR_TASK_QUEUE_FULL', `The pool has ${maxTasks} tasks that run or wait, which is its maxTasks. This one was not taken`);
    }
    return this.#broken;
  }

  #prepare(task: Submission): void {
    const {source, options, name} = task.spec;
    if (!source || options.check === false || this.#checked.has(source.hash)) return this.#enqueue(task);
    const names = knownNames(source);
    const finish = (all: readonly string[], globals: ReadonlySet<string>): void => {
      checkNames(all, globals, name);
      this.#checked.add(source.hash);
    };
    this.#preparing.add(task);
    try {
      if (names && (this.#globals || !names.length)) {
        finish(names, this.#globals ?? new Set());
        this.#preparing.delete(task);
        return this.#enqueue(task);
      }
      task.copyArguments();
    } catch (error) {
      this.#preparing.delete(task);
      return task.settle('rejected', error);
    }
    this.#dispatch();
    const check = async (): Promise<void> => {
      const all = names ?? await outerNames(source, name);
      finish(all, all.length ? await this.#threadGlobals() : new Set());
    };
    check().then(() => {
      if (this.#preparing.delete(task) && !task.isSettled) this.#enqueue(task);
    }, (error: unknown) => {
      this.#preparing.delete(task);
      task.settle('rejected', error);
    });
  }

  #threadGlobals(): Promise<ReadonlySet<string>> {
    if (this.#globals) return Promise.resolve(this.#globals);
    return new Promise((resolve, reject) => {
      this.#globalsWanted.push({resolve, reject});
      this.#dispatch();
    });
  }

  /** What can't be sent within this turn is copied: the caller may change it. */
  #enqueue(task: Submission): void {
    const {affinity, retry, transfer} = task.spec.options;
    let isKept = Boolean(retry);
    const handle = affinity === undefined ? undefined : this.#affinities.get(affinity);
    if (handle?.state === 'ready' && !handle.isRetired) {
      isKept ||= !handle.isIdle;
      if (isKept && !this.#copy(task)) return;
      handle.own.add(task);
    } else {
      isKept ||= this.#queue.size > 0 || !this.#idle();
      if (isKept && !transfer?.length && !this.#copy(task)) return;
      this.#queue.add(task);
    }
    this.#dispatch();
  }

  #copy(task: Submission): boolean {
    try {
      task.copyArguments();
      return true;
    } catch (error) {
      task.settle('rejected', error);
      return false;
    }
  }

  #idle(): ThreadHandle | undefined {
    for (const handle of this.#handles) if (handle.isIdle && !handle.isRetired) return handle;
    return undefined;
  }

  #dispatch(): void {
    for (const handle of this.#handles) {
      while (handle.isIdle && !handle.isRetired) {
        const task = handle.own.take() ?? this.#queue.take() ?? this.#takeFromBusy();
        if (!task) break;
        this.#send(handle, task);
      }
    }
    if (this.#broken) return;
    let starting = 0;
    for (const {state} of this.#handles) if (state === 'starting') starting++;
    // Tasks that are sent ahead can go to a new thread instead.
    let wanted = this.#queue.size + this.#preparing.size + (this.#globalsWanted.length ? 1 : 0) - starting;
    const isFull = this.#handles.size >= this.size;
    while (wanted-- > 0 && this.#handles.size < this.size && !this.#broken) this.#start();
    if (!isFull || starting) return;
    this.#sendAhead();
  }

  /** Hides the way of a message: only where all threads are busy, and only what can be taken back. */
  #sendAhead(): void {
    for (let depth = 2; depth <= DEPTH && this.#queue.size; depth++) {
      for (const handle of this.#handles) {
        while (this.#queue.size && handle.canSendAhead(depth)) {
          const task = this.#queue.take();
          if (!task) return;
          if (task.spec.options.transfer?.length || task.spec.options.affinity !== undefined) {
            this.#queue.add(task, true);
            return;
          }
          if (this.#copy(task)) this.#send(handle, task);
        }
      }
    }
  }

  /** A task that waits in a busy thread, for one that is idle. */
  #takeFromBusy(): Submission | undefined {
    for (const handle of this.#handles) {
      for (const task of handle.sent.slice(1)) if (!task.isSettled && handle.takeBack(task)) return task;
    }
    return undefined;
  }

  #send(handle: ThreadHandle, task: Submission): void {
    this.#idleTimers.get(handle)?.();
    this.#idleTimers.delete(handle);
    const {affinity} = task.spec.options;
    if (affinity !== undefined) this.#affinities.set(affinity, handle);
    try {
      handle.send(task);
    } catch (error) {
      task.settle('rejected', task.notCloneable(error));
      if (handle.isIdle) this.#rest(handle);
    }
  }

  #start(): void {
    try {
      const {data, resourceLimits, recycleAfter} = this.options;
      this.#handles.add(new ThreadHandle({
        script: this.script, data, resourceLimits, wantsGlobals: !this.#globals, wantsHeap: recycleAfter?.heapMB !== undefined
      }, {
        ready: (handle, globals) => this.#ready(handle, globals),
        free: handle => this.#free(handle),
        stale: (handle, task) => this.#endRun(handle, task),
        error: (handle, error) => {
          this.#tellError(error);
          this.#retire(handle);
        },
        lost: (handle, how) => this.#lost(handle, how)
      }));
    } catch (error) {
      this.#startFailed(error);
    }
  }

  #ready(handle: ThreadHandle, globals: readonly string[] | undefined): void {
    this.#failedStarts = 0;
    if (globals) this.#globals = new Set(globals);
    if (this.#globals) for (const {resolve} of this.#globalsWanted.splice(0)) resolve(this.#globals);
    handle.rest();
    this.#free(handle);
  }

  #free(handle: ThreadHandle): void {
    const {tasks = Infinity, heapMB = Infinity} = this.options.recycleAfter ?? {};
    if (!handle.isRetired && (handle.tasksDone >= tasks || handle.heapMB >= heapMB || this.#handles.size > this.size)) this.#retire(handle);
    else if (handle.isRetired && handle.isIdle) this.#end(handle);
    this.#dispatch();
    if (handle.isIdle) this.#rest(handle);
    this.#checkDrained();
  }

  #rest(handle: ThreadHandle): void {
    handle.rest();
    const {idleTimeout = 10_000} = this.options;
    if (this.#idleTimers.has(handle) || idleTimeout === Infinity || !this.#handles.has(handle)) return;
    this.#idleTimers.set(handle, systemClock.after(idleTimeout, () => {
      this.#idleTimers.delete(handle);
      if (handle.isIdle && this.#handles.size > (this.options.minSize ?? 0)) this.#end(handle);
    }));
  }

  #tellError(error: unknown): void {
    if (this.onerror) return this.onerror(error);
    // eslint-disable-next-line no-console -- the browser's own report is prevented, and nobody else would tell
    console.error('sharedb-tabs/tasks: an error in a thread, outside of any task. Set `pool.onerror` to handle it.', error);
  }

  /** It ends after what it runs; what it has not begun runs elsewhere. */
  #retire(handle: ThreadHandle): void {
    if (handle.isRetired) return;
    handle.isRetired = true;
    this.#putBack(handle);
    if (handle.isIdle) this.#end(handle);
    this.#dispatch();
  }

  #putBack(handle: ThreadHandle): void {
    for (const task of handle.own.all()) {
      handle.own.remove(task);
      this.#queue.add(task);
    }
    for (const task of handle.takeAllBack().reverse()) this.#queue.add(task, true);
  }

  #remove(handle: ThreadHandle): void {
    this.#handles.delete(handle);
    this.#idleTimers.get(handle)?.();
    this.#idleTimers.delete(handle);
    for (const [key, other] of this.#affinities) if (other === handle) this.#affinities.delete(key);
  }

  #end(handle: ThreadHandle, how: 'end' | 'terminate' = 'end'): void {
    this.#remove(handle);
    const ended = handle[how]().catch(error => this.#tellError(error)).finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }

  #lost(handle: ThreadHandle, {isStart, cause, exitCode, isOutOfMemory}: Lost): void {
    this.#remove(handle);
    if (isStart) return this.#startFailed(cause);
    this.lostThreads++;
    this.#putBack(handle);
    for (const task of handle.sent.splice(0)) {
      if (task.isSettled) continue;
      if (task.attempt < (task.spec.options.retry ?? 0)) {
        task.attempt++;
        task.requeue();
        this.#queue.add(task, true);
        continue;
      }
      const {name} = task.spec;
      task.settle('rejected', isOutOfMemory
        ? new TaskError('ERR_TASK_OUT_OF_MEMORY', `The thread that ran "${name}" ran out of memory and was replaced`, {cause, ...(exitCode !== undefined && {exitCode})})
        : new TaskError('ERR_TASK_THREAD_LOST', `The thread that ran "${name}" has ended${exitCode === undefined ? '' : ` with exit code ${exitCode}`}; how far the task got is unknown`, {cause, ...(exitCode !== undefined && {exitCode})}));
    }
    this.#dispatch();
    this.#checkDrained();
  }

  #startFailed(cause: unknown): void {
    if (++this.#failedStarts < MAX_FAILED_STARTS) return this.#dispatch();
    const detail = cause instanceof Error ? ` ${cause.message}.` : '';
    this.#broken = new TaskError('ERR_TASK_NO_THREADS',
      `No thread could be started, ${MAX_FAILED_STARTS} times in a row.${detail} The script may be missing (404), or the page's Content-Security-Policy forbids workers from blob: URLs; ` +
      `then give the pool a script: new WorkerPool(() => new Worker(new URL('./tasks.worker.js', import.meta.url), {type: 'module'})), which imports 'sharedb-tabs/tasks/thread'`, {cause});
    this.#rejectAll(this.#broken, false);
  }

  #rejectAll(error: TaskError, isRunning: boolean): void {
    for (const {reject} of this.#globalsWanted.splice(0)) reject(error);
    const tasks = [...this.#preparing, ...this.#queue.all()];
    for (const {own, sent} of this.#handles) tasks.push(...own.all(), ...(isRunning ? sent : []));
    for (const task of tasks) {
      this.#preparing.delete(task);
      this.#queue.remove(task);
      task.thread?.own.remove(task);
      task.settle('rejected', error);
    }
  }

  withdraw(task: Submission, reason: unknown): void {
    if (this.#preparing.delete(task) || this.#queue.remove(task)) return this.#checkDrained();
    for (const {own} of this.#handles) if (own.remove(task)) return this.#checkDrained();
    const {thread} = task;
    if (!thread || thread.takeBack(task)) return this.#checkDrained();
    task.reason = reason;
    // The thread has begun it already, but what comes before it has not been heard yet.
    if (thread.running === task) this.#endRun(thread, task);
  }

  #endRun(handle: ThreadHandle, task: Submission): void {
    const {grace = 0} = task.spec.options;
    const end = (): void => {
      if (handle.running !== task || !this.#handles.has(handle)) return;
      this.#putBack(handle);
      // One that waited there has begun: this one is over, and its message is under way.
      if (handle.sent.length > 1) return;
      this.#end(handle, 'terminate');
      this.#dispatch();
      this.#checkDrained();
    };
    if (grace <= 0) return end();
    handle.abort(task, task.reason);
    const cancel = waitingClock.after(grace, end);
    task.onLeft(cancel);
  }

  #settled(task: Submission): void {
    this.#outstanding--;
    if (task.state === 'fulfilled') this.completed++;
    else this.failed++;
    this.#checkDrained();
  }

  #checkDrained(): void {
    if (!this.#drained.length || this.#outstanding || this.active) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  drain(): Promise<void> {
    return new Promise(resolve => {
      this.#drained.push(resolve);
      this.#checkDrained();
    });
  }

  async resize(size: number): Promise<void> {
    this.size = checkSize(size);
    const surplus = [...this.#handles].sort((a, b) => a.sent.length - b.sent.length).slice(0, Math.max(0, this.#handles.size - size));
    for (const handle of surplus) this.#retire(handle);
    this.#dispatch();
    await Promise.all(this.#ending);
  }

  async warmUp(count: number): Promise<void> {
    while (this.#handles.size < Math.min(count, this.size) && !this.#broken) this.#start();
    await Promise.all([loadCheck(), this.#threadGlobals()]);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.drain();
    for (const handle of [...this.#handles]) this.#end(handle);
    await Promise.all(this.#ending);
  }

  async terminate(): Promise<void> {
    this.#isClosed = true;
    this.#rejectAll(new TaskError('ERR_TASK_TERMINATED', 'The pool was terminated; how far the task got is unknown'), true);
    for (const handle of [...this.#handles]) this.#end(handle, 'terminate');
    this.#checkDrained();
    await Promise.all(this.#ending);
  }
}

function checkSize(size: number): number {
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) throw new RangeError(`size: a pool has 1 to ${MAX_SIZE} threads, not ${size}`);
  return size;
}

function checkNumber(name: string, value: number | undefined, isSigned = false): void {
  if (value === undefined) return;
  if (typeof value !== 'number' || Number.isNaN(value)) throw new TypeError(`${name}: a number, not ${String(value)}`);
  if (value < 0 && !isSigned) throw new RangeError(`${name}: at least 0, not ${value}`);
}
