import type {Submission} from './submission.js';

/** First in, first out, with a way to put back what was not started. */
class Line {
  #items: (Submission | undefined)[] = [];
  #start = 0;

  push(item: Submission): void {
    this.#items.push(item);
  }

  unshift(item: Submission): void {
    if (this.#start > 0) this.#items[--this.#start] = item;
    else this.#items.unshift(item);
  }

  /** What has settled while it waited is passed over. */
  shift(): Submission | undefined {
    while (this.#start < this.#items.length) {
      const item = this.#items[this.#start]!;
      this.#items[this.#start++] = undefined;
      if (this.#start > 1024 && this.#start * 2 > this.#items.length) {
        this.#items = this.#items.slice(this.#start);
        this.#start = 0;
      }
      if (!item.isSettled) return item;
    }
    this.#items = [];
    this.#start = 0;
    return undefined;
  }
}

/** What waits for a thread: by priority, then in order. */
export class TaskQueue {
  readonly #lines = new Map<number, Line>();
  #priorities: number[] = [];
  #members = new Set<Submission>();

  /** Those that have not settled. */
  get size(): number {
    return this.#members.size;
  }

  add(item: Submission, isFirst = false): void {
    const {priority = 0} = item.spec.options;
    let line = this.#lines.get(priority);
    if (!line) {
      this.#lines.set(priority, line = new Line());
      this.#priorities = [...this.#lines.keys()].sort((a, b) => b - a);
    }
    this.#members.add(item);
    if (isFirst) line.unshift(item);
    else line.push(item);
  }

  take(): Submission | undefined {
    for (const priority of this.#priorities) {
      const item = this.#lines.get(priority)!.shift();
      if (item) {
        this.#members.delete(item);
        return item;
      }
    }
    return undefined;
  }

  /** It has settled; its place in the line is passed over later. */
  remove(item: Submission): boolean {
    return this.#members.delete(item);
  }

  all(): Submission[] {
    return [...this.#members];
  }
}
