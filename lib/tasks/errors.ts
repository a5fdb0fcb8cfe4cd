/** The codes of a `TaskError`. */
export type TaskErrorCode =
  | 'ERR_TASK_NOT_FUNCTION' | 'ERR_TASK_NATIVE' | 'ERR_TASK_SYNTAX' | 'ERR_TASK_CLOSURE' | 'ERR_TASK_NOT_CLONEABLE' | 'ERR_TASK_MODULE'
  | 'ERR_TASK_NO_THREADS' | 'ERR_TASK_THREAD_LOST' | 'ERR_TASK_OUT_OF_MEMORY' | 'ERR_TASK_TIMEOUT' | 'ERR_TASK_QUEUE_TIMEOUT'
  | 'ERR_TASK_QUEUE_FULL' | 'ERR_TASK_TERMINATED';

/** The details of an error, in addition to its message. */
export interface TaskErrorDetails {
  /** The error that caused this one. */
  cause?: unknown;
  /** ERR_TASK_CLOSURE: the names that the function uses from outside. */
  names?: readonly string[];
  /** ERR_TASK_NOT_CLONEABLE: which part can't be copied, e.g. `result.rows[2]`. */
  path?: string;
  /** ERR_TASK_THREAD_LOST and ERR_TASK_OUT_OF_MEMORY, in Node: the exit code of the thread. */
  exitCode?: number;
}

const helpFor = (code: TaskErrorCode): string => `sharedb-tabs/docs/errors.md#${code.toLowerCase()}`;

/** The reason why a task did not run to its end. An error that the task's function throws is never wrapped in a TaskError. */
export class TaskError extends Error {
  /** ERR_TASK_CLOSURE: the names that the function uses from outside. */
  declare readonly names?: readonly string[];
  /** ERR_TASK_NOT_CLONEABLE: which part can't be copied, e.g. `result.rows[2]`. */
  declare readonly path?: string;
  /** ERR_TASK_THREAD_LOST and ERR_TASK_OUT_OF_MEMORY, in Node: the exit code of the thread. */
  declare readonly exitCode?: number;

  /**
   * Thrown by this library.
   * @param code see `docs/tasks.md`
   * @param message what happened
   * @param details more about some codes
   */
  constructor(readonly code: TaskErrorCode, message: string, {cause, ...details}: TaskErrorDetails = {}) {
    super(message, cause === undefined ? undefined : {cause});
    Object.defineProperty(this, 'name', {value: code.endsWith('TIMEOUT') ? 'TimeoutError' : 'TaskError', configurable: true, writable: true});
    Object.assign(this, details);
  }

  /** The place in the documentation that explains this error's code. */
  get help(): string {
    return helpFor(this.code);
  }
}

/** Creates the error that a call throws for a wrong function. */
export function taskTypeError(code: TaskErrorCode, message: string): TypeError & {code: TaskErrorCode; help: string} {
  return Object.assign(new TypeError(message), {code, help: helpFor(code)});
}

export function abortError(reason: unknown): DOMException {
  const error = new DOMException('The task was aborted', 'AbortError');
  if (reason !== undefined) Object.defineProperty(error, 'cause', {value: reason, configurable: true, writable: true});
  return error;
}
