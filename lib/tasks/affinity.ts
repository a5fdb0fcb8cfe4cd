import {waitingClock} from '../platform/threads.js';
import type {Submission} from './submission.js';
import type {ThreadHandle} from './thread-handle.js';

/** Which thread runs the tasks of a key, and the tasks that wait for the thread of their key. */
export class Affinities {
  readonly #threads = new Map<string | number, ThreadHandle>();
  /** Timers of waiting tasks that another thread may take later. */
  readonly #timers = new Map<Submission, () => void>();
  /** Tasks that have waited for `stealAfter`: any thread may run them. */
  readonly #offered = new WeakSet<Submission>();

  /** @param offer called with a task that has waited for `stealAfter` and no longer waits for its thread */
  constructor(private readonly offer: (task: Submission) => void) {}

  /** The thread that has to run the task. */
  threadOf(task: Submission): ThreadHandle | undefined {
    const {affinity} = task.spec.options;
    if (affinity === undefined || this.#offered.has(task)) return undefined;
    const handle = this.#threads.get(affinity);
    return handle?.state === 'ready' && !handle.isRetired ? handle : undefined;
  }

  /** Puts the task into the queue of its thread. */
  wait(task: Submission, handle: ThreadHandle): void {
    handle.own.add(task);
    const {stealAfter = Infinity} = task.spec.options;
    if (stealAfter === Infinity) return;
    this.#timers.set(task, waitingClock.after(stealAfter, () => {
      this.#timers.delete(task);
      handle.own.remove(task);
      this.#offered.add(task);
      this.offer(task);
    }));
  }

  /** The thread gets the task: from now on it is the thread of the key, unless the key has one. */
  sent(task: Submission, handle: ThreadHandle): void {
    const {affinity} = task.spec.options;
    if (affinity === undefined) return;
    this.#stop(task);
    if (!this.#offered.has(task)) this.#threads.set(affinity, handle);
  }

  /** @returns whether the task was waiting for its thread */
  withdraw(task: Submission, handles: Iterable<ThreadHandle>): boolean {
    if (task.spec.options.affinity === undefined) return false;
    this.#stop(task);
    for (const {own} of handles) if (own.remove(task)) return true;
    return false;
  }

  /** Tasks that wait for a thread, which takes no more. */
  takeWaiting({own}: ThreadHandle): Submission[] {
    const tasks = own.all();
    for (const task of tasks) {
      own.remove(task);
      this.#stop(task);
    }
    return tasks;
  }

  /** The thread has ended: the next task of a key chooses another. */
  forget(handle: ThreadHandle): void {
    for (const [key, other] of this.#threads) if (other === handle) this.#threads.delete(key);
  }

  #stop(task: Submission): void {
    this.#timers.get(task)?.();
    this.#timers.delete(task);
  }
}
