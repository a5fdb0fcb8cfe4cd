import {TaskError} from './errors.js';
import {withPlainName} from './plain-name.js';
import type {Source} from './source.js';

const found = new Map<string, readonly string[]>();
const MAX_KNOWN = 2_000;

type Analysis = typeof import('./free-variables.js');
let loading: Promise<Analysis | undefined> | undefined;

/**
 * Loads the analysis and its parser, once. Without them, e.g. offline, functions run unchecked: a name that is missing is a ReferenceError in
 * the thread. The next function tries again.
 */
export function loadCheck(): Promise<Analysis | undefined> {
  return loading ??= import('./free-variables.js').catch(() => {
    loading = undefined;
    return undefined;
  });
}

/** The names that a function uses from outside, if they are known already. */
export function knownNames({hash}: Source): readonly string[] | undefined {
  return found.get(hash);
}

/** @throws SyntaxError the text is not that of a function */
export async function outerNames(source: Source): Promise<readonly string[]> {
  const known = knownNames(source);
  if (known) return known;
  const analysis = await loadCheck();
  if (!analysis) return [];
  const names = analysis.freeVariables(withPlainName(source.text));
  if (found.size >= MAX_KNOWN) found.clear();
  found.set(source.hash, names);
  return names;
}

/** `math_1`: an import of TypeScript in CommonJS. */
const madeByBuilds = /^(?:__awaiter|__generator|__spreadArray|__rest|__assign|_?_async|_asyncToGenerator|cov_|__vi_import_|__vite_|_objectSpread|_toConsumableArray|__cov)|__WEBPACK_IMPORTED_MODULE|^_\w+\d*(?:\.default)?$|^\w+_\d+$/;

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
