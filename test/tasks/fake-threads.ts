import {type FromThread, type RunMessage, STARTED, type ToThread, WAITS} from '../../lib/tasks/messages.js';
import {Scheduler} from '../../lib/tasks/scheduler.js';
import {sourceOf} from '../../lib/tasks/source.js';
import {nodeThreads} from '../../lib/tasks/spawn-node.js';
import {Submission, type TaskOptions} from '../../lib/tasks/submission.js';
import {type Thread, type ThreadEvents, useThreads} from '../../lib/tasks/threads.js';

/** A thread whose steps the test decides. It calls no function: the result of a task is its first argument. */
export class FakeThread implements Thread {
  readonly #waiting: RunMessage[] = [];
  #claims: Int32Array | undefined;
  #current: RunMessage | undefined;

  constructor(private readonly events: ThreadEvents) {}

  post(message: ToThread): void {
    if (message.$ === 'start') this.#claims = message.claims;
    if (message.$ === 'run') this.#waiting.push(message);
    if (message.$ === 'end') this.#tell({$: 'ended'});
  }

  keepAlive(): void {}
  watch(): void {}
  async terminate(): Promise<void> {}

  #tell(message: FromThread): void {
    this.events.message(message);
  }

  ready(globals: string[] = []): void {
    this.#tell({$: 'ready', globals});
  }

  /**
   * Begins the next task that the pool has not taken back.
   * @returns its first argument
   */
  begin(): unknown {
    while (this.#waiting.length) {
      const message = this.#current = this.#waiting.shift()!;
      if (Atomics.compareExchange(this.#claims!, message.slot, WAITS, STARTED) === WAITS) return this.#argument;
    }
    this.#current = undefined;
    return undefined;
  }

  get #argument(): unknown {
    return (this.#current!.calls[0] as unknown[])[0];
  }

  /** Ends the present task. */
  finish(): void {
    const {id} = this.#current!;
    this.#tell({$: 'done', id, values: [this.#argument], ms: 0});
  }

  /**
   * Runs tasks until there is none.
   * @returns their first arguments
   */
  runAll(): unknown[] {
    const order: unknown[] = [];
    for (let value = this.begin(); value !== undefined; value = this.begin()) {
      order.push(value);
      this.finish();
    }
    return order;
  }

  exit(): void {
    this.events.end({exitCode: 1});
  }
}

/** A scheduler over fake threads, and the tasks that a test submits to it. */
export function fakeScheduler(size: number): {
  scheduler: Scheduler;
  threads: FakeThread[];
  submit(value: unknown, options?: TaskOptions, fn?: (...args: any[]) => unknown): Submission;
} {
  const threads: FakeThread[] = [];
  useThreads({
    canShareMemory: true,
    importedScript: () => undefined,
    start(_script, _limits, events) {
      threads.push(new FakeThread(events));
      return threads.at(-1)!;
    }
  });
  const scheduler = new Scheduler(undefined, {}, size, {idle() {}, error() {}});
  return {
    scheduler,
    threads,
    submit(value, options = {check: false}, fn = (x: unknown) => x) {
      const task = new Submission([[value]], {options, name: 'fake', source: sourceOf(fn)}, {
        settled() {}, withdraw: (item, reason) => scheduler.withdraw(item, reason)
      });
      task.promise.catch(() => {});
      scheduler.add(task);
      return task;
    }
  };
}

export function realThreads(): void {
  useThreads(nodeThreads);
}
