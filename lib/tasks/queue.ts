import type {Submission} from './submission.js';

/** Whether one task runs before another: the higher priority, then the earlier submission. */
export function isBefore(a: Submission, b: Submission): boolean {
  return a.priority === b.priority ? a.id < b.id : a.priority > b.priority;
}

/**
 * Tasks that wait for a thread, in the order of {@link isBefore}, whenever they are added: a task that was sent to a thread and taken
 * back, or that waited for its check, gets the place that it had. It is a binary heap.
 */
export class TaskQueue {
  readonly #heap: Submission[] = [];
  /** A task that is removed stays in the heap, and is passed over when its turn comes. */
  readonly #members = new Set<Submission>();

  get size(): number {
    return this.#members.size;
  }

  add(task: Submission): void {
    this.#members.add(task);
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(task, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = task;
  }

  /** The task whose turn it is. */
  peek(): Submission | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (!first || (this.#members.has(first) && !first.isSettled)) return first;
      this.#members.delete(first);
      this.#removeFirst();
    }
  }

  take(): Submission | undefined {
    const task = this.peek();
    if (task) {
      this.#members.delete(task);
      this.#removeFirst();
    }
    return task;
  }

  /** @returns whether it was here */
  remove(task: Submission): boolean {
    return this.#members.delete(task);
  }

  all(): Submission[] {
    return [...this.#members];
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (!heap.length) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}
