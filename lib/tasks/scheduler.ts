import {systemClock} from '../platform/browser.js';
import {waitingClock} from '../platform/threads.js';
import {Affinities} from './affinity.js';
import {TaskError} from './errors.js';
import type {PoolOptions} from './options.js';
import {PendingChecks} from './pending-checks.js';
import {isBefore, TaskQueue} from './queue.js';
import {loadCheck} from './source-check.js';
import type {Submission} from './submission.js';
import {type Lost, ThreadHandle} from './thread-handle.js';
import type {ThreadScript} from './threads.js';

const MAX_FAILED_STARTS = 3;
/** The largest number of tasks that a thread has at once, including the running one, if they can be taken back. */
const DEPTH = 8;

/** The events of a scheduler for its pool. */
export interface SchedulerEvents {
  /** A thread may have become idle. */
  idle(): void;
  /** An error outside of any task. */
  error(error: unknown): void;
}

/** Decides which thread runs which task, and when threads start and end. A page loads it with its first task. */
export class Scheduler {
  lostThreads = 0;
  /** Set when no thread can be started, or the pool has ended: all tasks reject with it, and no thread starts. */
  broken: TaskError | undefined;
  readonly #queue = new TaskQueue();
  readonly #checks = new PendingChecks({
    release: tasks => { for (const task of tasks) this.#enqueue(task); },
    threadWanted: () => this.#dispatch()
  });
  readonly #affinities = new Affinities(task => {
    this.#queue.add(task);
    this.#dispatch();
  });
  readonly #handles = new Set<ThreadHandle>();
  readonly #ending = new Set<Promise<void>>();
  readonly #idleTimers = new Map<ThreadHandle, () => void>();
  #failedStarts = 0;

  constructor(
    private readonly script: ThreadScript, private readonly options: PoolOptions, private size: number, private readonly events: SchedulerEvents
  ) {}

  get threads(): number {
    return this.#handles.size;
  }

  get active(): number {
    let count = 0;
    for (const {sent} of this.#handles) if (sent.length) count++;
    return count;
  }

  get queued(): number {
    let count = this.#queue.size + this.#checks.size;
    for (const {own, sent} of this.#handles) count += own.size + Math.max(0, sent.length - 1);
    return count;
  }

  add(task: Submission): void {
    if (this.broken) return task.settle('rejected', this.broken);
    try {
      if (!this.#checks.admits(task)) return this.#dispatch();
    } catch (error) {
      return task.settle('rejected', error);
    }
    this.#enqueue(task);
  }

  /** Arguments that are not sent within the call are copied: the caller may change them. */
  #enqueue(task: Submission): void {
    const {retry, transfer} = task.spec.options;
    const place = this.#affinities.threadOf(task);
    const isKept = Boolean(retry) || (place ? !place.isIdle : this.#queue.size > 0 || !this.#idle());
    if (isKept && !transfer?.length && !this.#copy(task)) return;
    for (const handle of place ? [place] : this.#handles) this.#recall(handle, task);
    if (place) this.#affinities.wait(task, place);
    else this.#queue.add(task);
    this.#dispatch();
  }

  /** Returns tasks to the queue that were sent ahead and come after this one. Usually there are none, because tasks come in order. */
  #recall(handle: ThreadHandle, task: Submission): void {
    if (handle.sent.length < 2 || !isBefore(task, handle.sent.at(-1)!)) return;
    for (const later of handle.takeAllBack(item => item !== handle.running && isBefore(task, item))) this.#queue.add(later);
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
        const task = this.#takeFor(handle) ?? this.#takeFromBusy();
        if (!task) break;
        this.#send(handle, task);
      }
    }
    if (this.broken) return;
    let starting = 0;
    for (const {state} of this.#handles) if (state === 'starting') starting++;
    // If another thread may be started, a waiting task goes to it, and is not sent ahead.
    let wanted = this.#queue.size + this.#checks.size + (this.#checks.wantsThread ? 1 : 0) - starting;
    const isFull = this.#handles.size >= this.size;
    while (wanted-- > 0 && this.#handles.size < this.size && !this.broken) this.#start();
    if (!isFull || starting) return;
    this.#sendAhead();
  }

  /** The task whose turn it is, for a thread that is idle. */
  #takeFor(handle: ThreadHandle): Submission | undefined {
    for (;;) {
      const own = handle.own.peek();
      const task = this.#queue.peek();
      if (own && (!task || isBefore(own, task))) return handle.own.take();
      if (!task) return undefined;
      this.#queue.take();
      const place = this.#affinities.threadOf(task);
      if (!place || place === handle) return task;
      this.#affinities.wait(task, place);
    }
  }

  /** Sends tasks ahead to busy threads, so that these do not wait for their next task. Sends only tasks that can be taken back. */
  #sendAhead(): void {
    for (let depth = 2; depth <= DEPTH && this.#queue.size; depth++) {
      for (const handle of this.#handles) {
        while (handle.canSendAhead(depth)) {
          const task = this.#queue.peek();
          if (!task) return;
          const place = this.#affinities.threadOf(task);
          // A task with an affinity goes only to its own thread. A task that can't be copied can't be taken back.
          if (!place && (task.spec.options.transfer?.length || task.spec.options.affinity !== undefined)) return;
          this.#queue.take();
          if (place) this.#affinities.wait(task, place);
          else if (this.#copy(task)) this.#send(handle, task);
        }
      }
    }
  }

  /** Takes back a task that waits in a busy thread, for a thread that is idle. */
  #takeFromBusy(): Submission | undefined {
    const waiting: Submission[] = [];
    for (const {sent} of this.#handles) if (sent.length > 1) waiting.push(...sent.slice(1));
    return waiting.sort((a, b) => isBefore(a, b) ? -1 : 1).find(task => !task.isSettled && task.thread!.takeBack(task));
  }

  #send(handle: ThreadHandle, task: Submission): void {
    this.#affinities.sent(task, handle);
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
        script: this.script, data, resourceLimits, wantsGlobals: !this.#checks.knowsGlobals, wantsHeap: recycleAfter?.heapMB !== undefined
      }, {
        ready: (handle, globals) => this.#ready(handle, globals),
        free: handle => this.#free(handle),
        stale: (handle, task) => this.#endRun(handle, task),
        error: (handle, error) => {
          // First: the app's listener may throw.
          this.#retire(handle);
          this.events.error(error);
        },
        lost: (handle, how) => this.#lost(handle, how)
      }));
    } catch (error) {
      this.#startFailed(error);
    }
  }

  #ready(handle: ThreadHandle, globals: readonly string[] | undefined): void {
    this.#failedStarts = 0;
    if (globals) this.#checks.setGlobals(globals);
    handle.rest();
    this.#free(handle);
  }

  #free(handle: ThreadHandle): void {
    const {tasks = Infinity, heapMB = Infinity} = this.options.recycleAfter ?? {};
    if (!handle.isRetired && (handle.tasksDone >= tasks || handle.heapMB >= heapMB || this.#handles.size > this.size)) this.#retire(handle);
    else if (handle.isRetired && handle.isIdle) this.#end(handle);
    this.#dispatch();
    if (handle.isIdle) this.#rest(handle);
    this.events.idle();
  }

  #rest(handle: ThreadHandle): void {
    handle.rest();
    this.#watchIdle(handle, this.options.idleTimeout ?? 10_000);
  }

  /** Ends a thread after its idle time. One timer serves many tasks: when it fires, it checks how long the thread has been idle. */
  #watchIdle(handle: ThreadHandle, ms: number): void {
    const {idleTimeout = 10_000, minSize = 0} = this.options;
    if (this.#idleTimers.has(handle) || idleTimeout === Infinity || !this.#handles.has(handle)) return;
    this.#idleTimers.set(handle, systemClock.after(ms, () => {
      this.#idleTimers.delete(handle);
      if (!handle.isIdle) return;
      const left = idleTimeout - handle.idleMs;
      if (left > 0) this.#watchIdle(handle, left);
      else if (this.#handles.size > minSize) this.#end(handle);
    }));
  }

  /** The thread ends after the task that it runs; what it has not begun runs elsewhere. */
  #retire(handle: ThreadHandle): void {
    if (handle.isRetired) return;
    handle.isRetired = true;
    this.#putBack(handle);
    if (handle.isIdle) this.#end(handle);
    this.#dispatch();
  }

  #putBack(handle: ThreadHandle): void {
    for (const task of [...this.#affinities.takeWaiting(handle), ...handle.takeAllBack()]) this.#queue.add(task);
  }

  #remove(handle: ThreadHandle): void {
    this.#handles.delete(handle);
    this.#idleTimers.get(handle)?.();
    this.#idleTimers.delete(handle);
    this.#affinities.forget(handle);
  }

  #end(handle: ThreadHandle, how: 'end' | 'terminate' = 'end'): void {
    this.#remove(handle);
    const ended = handle[how]().catch(error => this.events.error(error)).finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }

  #lost(handle: ThreadHandle, {isStart, isLate, cause, exitCode, isOutOfMemory}: Lost): void {
    this.#remove(handle);
    if (isStart) return this.#startFailed(cause, isLate);
    this.lostThreads++;
    this.#putBack(handle);
    for (const task of handle.sent.splice(0)) {
      if (task.isSettled) continue;
      if (task.attempt < (task.spec.options.retry ?? 0)) {
        task.attempt++;
        task.requeue();
        this.#queue.add(task);
        continue;
      }
      const {name} = task.spec;
      task.settle('rejected', isOutOfMemory
        ? new TaskError('ERR_TASK_OUT_OF_MEMORY', `The thread that ran "${name}" ran out of memory and was replaced`, {cause, ...(exitCode !== undefined && {exitCode})})
        : new TaskError('ERR_TASK_THREAD_LOST', `The thread that ran "${name}" has ended${exitCode === undefined ? '' : ` with exit code ${exitCode}`}; how far the task got is unknown`, {cause, ...(exitCode !== undefined && {exitCode})}));
    }
    this.#dispatch();
    this.events.idle();
  }

  #startFailed(cause: unknown, isLate = false): void {
    this.#failedStarts++;
    // If no thread has ever been ready, it does not help to wait as long once more.
    const isFinal = isLate && !this.#checks.knowsGlobals;
    if (!isFinal && this.#failedStarts < MAX_FAILED_STARTS) return this.#dispatch();
    const detail = cause instanceof Error ? ` ${cause.message}.` : '';
    this.broken = new TaskError('ERR_TASK_NO_THREADS',
      `No thread could be started${isFinal ? '' : `, ${MAX_FAILED_STARTS} times in a row`}.${detail} The script may be missing (404), or the page's Content-Security-Policy forbids workers from blob: URLs; ` +
      `then give the pool a script: new WorkerPool(() => new Worker(new URL('./tasks.worker.js', import.meta.url), {type: 'module'})), which imports 'sharedb-tabs/tasks/thread'`, {cause});
    this.#rejectAll(this.broken);
    for (const handle of [...this.#handles]) if (handle.state === 'starting') this.#end(handle, 'terminate');
  }

  /** Rejects all tasks that no thread has. */
  #rejectAll(error: TaskError): void {
    const tasks = [...this.#checks.drain(error), ...this.#queue.all(), ...[...this.#handles].flatMap(handle => this.#affinities.takeWaiting(handle))];
    for (const task of tasks) {
      this.#queue.remove(task);
      task.settle('rejected', error);
    }
  }

  withdraw(task: Submission, reason: unknown): void {
    if (this.#checks.withdraw(task) || this.#queue.remove(task) || this.#affinities.withdraw(task, this.#handles)) return this.events.idle();
    const handle = [...this.#handles].find(item => item === task.thread);
    if (!handle) return this.events.idle();
    if (handle.takeBack(task)) return this.#free(handle);
    task.reason = reason;
    // The thread has begun the task. If another task counts as running, the message about the end of that one has not arrived yet.
    if (handle.running === task) this.#endRun(handle, task);
  }

  #endRun(handle: ThreadHandle, task: Submission): void {
    const {grace = 0} = task.spec.options;
    const end = (): void => {
      if (handle.running !== task || !this.#handles.has(handle)) return;
      this.#putBack(handle);
      // The thread has begun another task meanwhile: this one has ended, and its message is on the way.
      if (handle.sent.length > 1) return;
      this.#end(handle, 'terminate');
      this.#dispatch();
      this.events.idle();
    };
    if (grace <= 0) return end();
    handle.abort(task, task.reason);
    const cancel = waitingClock.after(grace, end);
    task.onLeft(cancel);
  }

  async resize(size: number): Promise<void> {
    const isGrowing = size > this.size;
    this.size = size;
    // New threads take what waits in busy ones.
    if (isGrowing) for (const handle of this.#handles) for (const task of handle.takeAllBack(item => item !== handle.running)) this.#queue.add(task);
    const surplus = [...this.#handles].sort((a, b) => a.sent.length - b.sent.length).slice(0, Math.max(0, this.#handles.size - size));
    for (const handle of surplus) this.#retire(handle);
    this.#dispatch();
    await Promise.all(this.#ending);
  }

  async warmUp(count: number): Promise<void> {
    while (this.#handles.size < Math.min(count, this.size) && !this.broken) this.#start();
    if (!this.broken) await Promise.all([loadCheck(), this.#checks.globals(), ...[...this.#handles].map(({started}) => started)]);
    // It may be set meanwhile.
    if (this.broken as TaskError | undefined) throw this.broken;
  }

  /** Ends all threads. They are idle, or start because of `warmUp`. */
  async end(error: TaskError): Promise<void> {
    this.broken = error;
    this.#checks.drain(error);
    for (const handle of [...this.#handles]) this.#end(handle);
    await Promise.all(this.#ending);
  }

  async terminate(error: TaskError): Promise<void> {
    this.broken = error;
    this.#rejectAll(error);
    for (const handle of [...this.#handles]) this.#end(handle, 'terminate');
    this.events.idle();
    await Promise.all(this.#ending);
  }
}
