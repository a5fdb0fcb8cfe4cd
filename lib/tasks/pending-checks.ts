import {TaskError} from './errors.js';
import type {Source} from './source.js';
import {checkNames, knownNames, outerNames} from './source-check.js';
import type {Submission} from './submission.js';

const NO_NAMES: ReadonlySet<string> = new Set();

/** Whether the stack has overflowed. acorn throws a SyntaxError then; the analysis throws the engine's error, whose class depends on the engine. */
function isTooDeep(error: unknown): boolean {
  return !(error instanceof SyntaxError) || error.message.startsWith('Not enough stack');
}

/** The parts of a scheduler that the checks use. */
export interface CheckEvents {
  /** These tasks can be sent. They are in the order of their submission. */
  release(tasks: Iterable<Submission>): void;
  /** The global names of a thread are needed, and no thread has reported them yet. */
  threadWanted(): void;
}

/**
 * Tasks whose functions are not checked yet. A text is checked once; the tasks that wait for it leave together. Checks of their own would end in
 * any order, because calls of `import()` do: later tasks of a function would run before earlier ones.
 */
export class PendingChecks {
  readonly #passed = new Set<string>();
  /** By the hash of the text. */
  readonly #waiting = new Map<string, Set<Submission>>();
  #globals: ReadonlySet<string> | undefined;
  #globalsWanted: {resolve(globals: ReadonlySet<string>): void; reject(error: unknown): void}[] = [];

  constructor(private readonly events: CheckEvents) {}

  /** How many tasks wait. */
  get size(): number {
    let count = 0;
    for (const tasks of this.#waiting.values()) count += tasks.size;
    return count;
  }

  get wantsThread(): boolean {
    return this.#globalsWanted.length > 0;
  }

  get knowsGlobals(): boolean {
    return this.#globals !== undefined;
  }

  /**
   * @returns whether the task can be sent now. If not, it waits here, and is released or rejected later
   * @throws TaskError its function can't run in a thread, or its arguments can't be copied
   */
  admits(task: Submission): boolean {
    const {source, options, name} = task.spec;
    if (!source || options.check === false || this.#passed.has(source.hash)) return true;
    const group = this.#waiting.get(source.hash);
    const names = knownNames(source);
    if (!group && names && (this.#globals || !names.length)) {
      checkNames(names, this.#globals ?? NO_NAMES, name);
      this.#passed.add(source.hash);
      return true;
    }
    task.copyArguments();
    if (group) group.add(task);
    else void this.#check(source, new Set([task]));
    return false;
  }

  async #check(source: Source, group: Set<Submission>): Promise<void> {
    this.#waiting.set(source.hash, group);
    let names: readonly string[] = [];
    let globals = NO_NAMES;
    let failure: ((task: Submission) => unknown) | undefined;
    try {
      names = await outerNames(source);
      if (names.length) globals = await this.globals();
    } catch (cause) {
      failure = ({spec: {name}}) => cause instanceof TaskError ? cause : new TaskError('ERR_TASK_SYNTAX', isTooDeep(cause)
        ? `The text of "${name}" is nested too deeply for the parser that looks for names from outside. It was not run. Nest it less, or use the option check: false, which skips the parser`
        : `The text of "${name}" does not parse: ${(cause as Error).message}`, {cause});
    }
    this.#waiting.delete(source.hash);
    const released: Submission[] = [];
    for (const task of group) {
      try {
        if (failure) throw failure(task);
        checkNames(names, globals, task.spec.name);
        this.#passed.add(source.hash);
        released.push(task);
      } catch (error) {
        task.settle('rejected', error);
      }
    }
    this.events.release(released);
  }

  /** The names of a thread's globals. */
  globals(): Promise<ReadonlySet<string>> {
    if (this.#globals) return Promise.resolve(this.#globals);
    return new Promise((resolve, reject) => {
      this.#globalsWanted.push({resolve, reject});
      this.events.threadWanted();
    });
  }

  setGlobals(names: readonly string[]): void {
    const globals = this.#globals = new Set(names);
    for (const {resolve} of this.#globalsWanted.splice(0)) resolve(globals);
  }

  /** @returns whether the task was waiting here */
  withdraw(task: Submission): boolean {
    return this.#waiting.get(task.spec.source?.hash ?? '')?.delete(task) ?? false;
  }

  /** There will be no thread. @returns the tasks that waited */
  drain(error: unknown): Submission[] {
    for (const {reject} of this.#globalsWanted.splice(0)) reject(error);
    const tasks = [...this.#waiting.values()].flatMap(group => [...group]);
    for (const group of this.#waiting.values()) group.clear();
    return tasks;
  }
}
