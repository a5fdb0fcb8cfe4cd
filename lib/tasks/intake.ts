import {TaskError} from './errors.js';
import {checkOptions, checkPoolOptions, checkSize, defaultSize, type PoolOptions} from './options.js';
import type {Scheduler, SchedulerEvents} from './scheduler.js';
import {sourceOf} from './source.js';
import {type StreamSink, Submission, type SubmissionOwner, type TaskOptions} from './submission.js';
import {checkWork, isTask, type Work} from './task.js';
import type {ThreadScript} from './threads.js';

/** The part of the pool that is loaded with the first task. */
export interface LoadedPart {
  createScheduler(script: ThreadScript, options: PoolOptions, size: number, events: SchedulerEvents): Scheduler;
  map(intake: TaskIntake, items: Iterable<unknown> | AsyncIterable<unknown>, fn: Work<any[], unknown>, options: TaskOptions): Promise<unknown[]>;
}

let load = (): Promise<LoadedPart> => import('./scheduler-browser.js');

/** All options. 1: a number, at least 0 except for `priority`. The type check fails if one is missing. */
const TASK_OPTIONS: Record<keyof TaskOptions, 0 | 1> = {
  signal: 0, timeout: 1, queueTimeout: 1, grace: 1, transfer: 0, transferResult: 0, priority: 1, affinity: 0, stealAfter: 1, retry: 1, onProgress: 0,
  check: 0, name: 0
};

/** Called by the entry for Node. The entry for browsers has no side effects, so that bundlers can drop the pool when an app uses only `concurrent`. */
export function useScheduler(loader: typeof load): void {
  load = loader;
}

function closedError(): TaskError {
  return new TaskError('ERR_TASK_TERMINATED', 'The pool is closed');
}

/** Takes the tasks of a pool: checks and counts them, and keeps them until there is room for them and the scheduler is loaded. */
export class TaskIntake implements SubmissionOwner {
  completed = 0;
  failed = 0;
  onerror: ((error: unknown) => void) | null = null;
  /** Tasks that run or wait for a thread: not more than `maxTasks`. */
  readonly #taken = new Set<Submission>();
  /** Tasks above `maxTasks`, in order. */
  readonly #held = new Set<Submission>();
  /** Tasks that were taken before the scheduler was loaded. */
  readonly #beforeScheduler = new Set<Submission>();
  #scheduler: Scheduler | undefined;
  #loading: Promise<Scheduler | undefined> | undefined;
  #waiting: {until(): boolean; resolve(): void}[] = [];
  #isClosed = false;
  #size: number | undefined;

  constructor(private readonly script: ThreadScript, private readonly options: PoolOptions) {
    checkPoolOptions(options);
    this.#size = options.size;
  }

  /** The default is computed at the first use: the default pool is created before the entry for Node has called `useProcessors`. */
  get size(): number {
    return this.#size ??= defaultSize();
  }

  get threads(): number {
    return this.#scheduler?.threads ?? 0;
  }

  get active(): number {
    return this.#scheduler?.active ?? 0;
  }

  get queued(): number {
    return this.#held.size + this.#beforeScheduler.size + (this.#scheduler?.queued ?? 0);
  }

  get lostThreads(): number {
    return this.#scheduler?.lostThreads ?? 0;
  }

  /** @throws TypeError, RangeError */
  submit(work: Work<any[], any>, calls: unknown[], given: TaskOptions, more?: {settle?: boolean; stream?: StreamSink; first?: number}): Submission {
    checkWork(work);
    checkOptions('a task', given, TASK_OPTIONS);
    const {timeout, grace} = this.options;
    const options = timeout === undefined && grace === undefined ? given
      : {...given, timeout: given.timeout ?? timeout, grace: given.grace ?? grace} as TaskOptions;
    if (options.retry && options.transfer?.length) throw new RangeError('retry: transferred arguments are gone after the first attempt');
    const isNamed = isTask(work);
    const name = options.name ?? (isNamed ? work.export : (work as {name: string}).name || 'anonymous');
    const task = new Submission(calls, {options, name, ...(isNamed ? work : {source: sourceOf(work as (...args: any[]) => unknown)}), ...more}, this);
    if (task.isSettled) return task;
    if (this.#isClosed) task.settle('rejected', closedError());
    else if (this.hasRoom()) this.#take(task);
    else if (this.options.whenFull === 'wait') this.#keep(this.#held, task);
    else task.settle('rejected', new TaskError('ERR_TASK_QUEUE_FULL', `The pool has ${this.options.maxTasks} tasks that run or wait, its maxTasks. This one was not taken`));
    return task;
  }

  hasRoom(): boolean {
    return this.#taken.size < (this.options.maxTasks ?? 100_000);
  }

  /** Whether a new task would wait outside of the queue. */
  get isHolding(): boolean {
    return this.options.whenFull === 'wait' && !this.#isClosed && !this.hasRoom();
  }

  room(): Promise<void> {
    return this.#when(() => !this.isHolding);
  }

  #take(task: Submission): void {
    this.#taken.add(task);
    if (this.#scheduler) return this.#scheduler.add(task);
    this.#keep(this.#beforeScheduler, task);
    void this.#load();
  }

  /** Keeps a task with a copy of its arguments, which the caller may change before they are sent. */
  #keep(where: Set<Submission>, task: Submission): void {
    try {
      task.copyArguments();
      where.add(task);
    } catch (error) {
      task.settle('rejected', error);
    }
  }

  /** @throws TaskError */
  async loadPart(): Promise<LoadedPart> {
    try {
      return await load();
    } catch (cause) {
      throw new TaskError('ERR_TASK_NO_THREADS', 'The part of sharedb-tabs/tasks that starts threads could not be loaded: the network may be away. A new task tries again', {cause});
    }
  }

  #load(): Promise<Scheduler | undefined> {
    return this.#loading ??= this.loadPart().then(({createScheduler}) => {
      const scheduler = this.#scheduler = createScheduler(this.script, this.options, this.size, {
        idle: () => this.#changed(), error: error => this.#reportError(error)
      });
      for (const task of this.#beforeScheduler) scheduler.add(task);
      this.#beforeScheduler.clear();
      return scheduler;
    }, (error: unknown) => {
      this.#loading = undefined;
      for (const task of this.#beforeScheduler) task.settle('rejected', error);
      this.#beforeScheduler.clear();
      return undefined;
    });
  }

  withdraw(task: Submission, reason: unknown): void {
    if (!this.#held.delete(task) && !this.#beforeScheduler.delete(task)) this.#scheduler?.withdraw(task, reason);
  }

  settled(task: Submission): void {
    this[task.state === 'fulfilled' ? 'completed' : 'failed']++;
    if (this.#taken.delete(task)) {
      for (const next of this.#held) {
        if (!this.hasRoom()) break;
        this.#held.delete(next);
        this.#take(next);
      }
    }
    this.#changed();
  }

  #changed(): void {
    if (!this.#waiting.length) return;
    this.#waiting = this.#waiting.filter(({until, resolve}) => !until() || resolve());
  }

  #when(until: () => boolean): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push({until, resolve});
      this.#changed();
    });
  }

  #reportError(error: unknown): void {
    if (this.onerror) return this.onerror(error);
    // eslint-disable-next-line no-console -- the browser's own report is prevented, so this is the only one
    console.error('sharedb-tabs/tasks: an error in a thread, outside of any task. Set `pool.onerror` to handle it.', error);
  }

  drain(): Promise<void> {
    return this.#when(() => !this.#taken.size && !this.#held.size && !this.active);
  }

  async resize(size: number): Promise<void> {
    this.#size = checkSize(size);
    await this.#scheduler?.resize(size);
  }

  async warmUp(count: number): Promise<void> {
    // Rejects if it can't be loaded.
    await this.loadPart();
    if (this.#isClosed) throw closedError();
    await (await this.#load())?.warmUp(count);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.drain();
    await (await this.#loading)?.end(closedError());
  }

  async terminate(): Promise<void> {
    this.#isClosed = true;
    const error = new TaskError('ERR_TASK_TERMINATED', 'The pool was terminated; how far the task got is unknown');
    this.#beforeScheduler.clear();
    const held = [...this.#held];
    this.#held.clear();
    for (const task of [...this.#taken, ...held]) task.settle('rejected', error);
    await (await this.#loading)?.terminate(error);
  }
}
