import {TaskError} from './errors.js';
import type {Source} from './source.js';

const found = new Map<string, readonly string[]>();
const MAX_KNOWN = 2_000;

/** The analysis and its parser are loaded when they are needed first. */
const load = (): Promise<typeof import('./free-variables.js')> => import('./free-variables.js');

export async function loadCheck(): Promise<void> {
  await load().catch(() => {});
}

/** The names that a function uses from outside, if they are known already. */
export function knownNames({hash}: Source): readonly string[] | undefined {
  return found.get(hash);
}

/** @throws TaskError the text is none of a function */
export async function outerNames(source: Source, name: string): Promise<readonly string[]> {
  // Without the parser, e.g. offline, the function runs unchecked: what is missing is a ReferenceError in the thread.
  const check = await load().catch(() => undefined);
  if (!check) return [];
  try {
    const names = check.freeVariables(source.text);
    if (found.size >= MAX_KNOWN) found.clear();
    found.set(source.hash, names);
    return names;
  } catch (cause) {
    throw new TaskError('ERR_TASK_SYNTAX', `The text of "${name}" does not parse: ${(cause as Error).message}`, {cause});
  }
}

const madeByBuilds = /^(?:__awaiter|__generator|__spreadArray|__rest|__assign|_?_async|_asyncToGenerator|cov_|__vi_import_|__vite_|_objectSpread|_toConsumableArray|__cov)|__WEBPACK_IMPORTED_MODULE|^_\w+\d*(?:\.default)?$/;

/** @throws TaskError the function uses what no thread has */
export function checkNames(names: readonly string[], globals: ReadonlySet<string>, name: string): void {
  const missing = names.filter(item => !globals.has(item));
  if (!missing.length) return;
  const made = missing.filter(item => madeByBuilds.test(item));
  const hint = made.length ? ` ${made.join(', ')}: made by your build, which changes the text of functions; name the function with task() instead.` : '';
  throw new TaskError('ERR_TASK_CLOSURE',
    `"${name}" uses ${missing.join(', ')} from outside; a thread has only the function's text. It was not run. ` +
    `Pass values as arguments, or put the function into a module or the pool's script and name it with task().${hint}`, {names: missing});
}
