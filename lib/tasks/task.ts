import {taskTypeError} from './errors.js';

/** The last argument of a function that declares one parameter more than it gets arguments. */
export interface TaskContext {
  /** Aborts when the task is cancelled or its time is up, if the task has a `grace`. */
  readonly signal: AbortSignal;
  /** Sends a value to `onProgress`: at most one in 16 ms, and always the last. */
  progress(value: unknown): void;
  /** The number of the thread. */
  readonly thread: number;
  /** How many threads were lost while they ran this task: 0, or more with `retry`. */
  readonly attempt: number;
}

/** Names an export of a module, or a function that the pool's script exposes. Made by {@link task}. */
export interface Task<A extends unknown[], R> {
  /** The module; undefined for an exposed function. */
  readonly url?: string;
  /** The name of the function: of a module's export, or of an exposed function. */
  readonly export: string;
  /** Only for the compiler. */
  readonly __types?: [A, R];
}

/** A function that uses no names from outside, and whose last parameter is the {@link TaskContext}. */
export type WorkWithContext<A extends unknown[], R> = (...args: [...A, TaskContext]) => R | PromiseLike<R>;

/** A task, or a function that a thread can run: it uses no names from outside, and may have the {@link TaskContext} as its last parameter. */
export type Work<A extends unknown[], R> =
  | ((...args: A) => R | PromiseLike<R>)
  | ((...args: [...A, TaskContext]) => R | PromiseLike<R>)
  | Task<A, R>;

/**
 * Names an export of a module, which the thread imports: `task<typeof import('./math.js')>(new URL('./math.js', import.meta.url), 'add')`.
 * @param url the URL of the module; a path is relative to the page
 * @param name the name of the export
 */
export function task<M, N extends keyof M & string = keyof M & string>(
  url: URL | string, name: N
): M[N] extends (...args: infer A) => infer R ? Task<A, Awaited<R>> : never;
/** Names a function that the script of the pool exposes, by `expose` or, in Node, by its exports. */
export function task<A extends unknown[], R>(exposed: string): Task<A, R>;
export function task(first: URL | string, name?: string): Task<unknown[], unknown> {
  return name === undefined ? {export: String(first)} : {url: absolute(first), export: name};
}

/** Threads from a blob: URL have no base to resolve a path against. */
function absolute(url: URL | string): string {
  const base = (globalThis as {location?: {href?: string}}).location?.href;
  try {
    return new URL(url, base).href;
  } catch {
    return String(url);
  }
}

export function isTask(work: unknown): work is Task<unknown[], unknown> {
  return typeof work === 'object' && work !== null && typeof (work as Task<unknown[], unknown>).export === 'string';
}

export function checkWork(work: unknown): void {
  if (typeof work === 'function' || isTask(work)) return;
  throw taskTypeError('ERR_TASK_NOT_FUNCTION', `A task is a function, or what task() gives, not ${work === null ? 'null' : typeof work}`);
}
