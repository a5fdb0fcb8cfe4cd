import {taskTypeError} from './errors.js';

/** What a task is given beside its arguments. */
export interface TaskContext {
  readonly signal: AbortSignal;
  /** Tells the caller; folded to one message in 16 ms. */
  progress(value: unknown): void;
  readonly thread: number;
  readonly attempt: number;
}

/** An export of a module, or a function that the pool's script exposes. */
export interface Task<A extends unknown[], R> {
  readonly url?: string;
  readonly export: string;
  readonly __types?: [A, R];
}

/** A function without closures, or a task. Where it declares one parameter more than it gets, that is the {@link TaskContext}. */
export type Work<A extends unknown[], R> =
  | ((...args: A) => R | PromiseLike<R>)
  | ((...args: [...A, TaskContext]) => R | PromiseLike<R>)
  | Task<A, R>;

/** Names an export of a module, e.g. `task<typeof import('./math.js')>(new URL('./math.js', import.meta.url), 'add')`. */
export function task<M, N extends keyof M & string = keyof M & string>(
  url: URL | string, name: N
): M[N] extends (...args: infer A) => infer R ? Task<A, Awaited<R>> : never;
/** Names a function that the script of the pool exposes. */
export function task<A extends unknown[], R>(exposed: string): Task<A, R>;
export function task(first: URL | string, name?: string): Task<unknown[], unknown> {
  return name === undefined ? {export: String(first)} : {url: absolute(first), export: name};
}

/** A thread from a blob resolves nothing against the page. */
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
