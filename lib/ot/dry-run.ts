import type {Type} from 'sharedb/lib/sharedb.js';
import type {Json0Component} from './json0-values.js';

/**
 * Tries a json0 op of several components without a change to the data. json0 applies in place, and may throw half way. A document
 * with a server is then loaded again, but a local document has no other copy. Only the objects and lists that the op changes are
 * copied, and not their contents, because a queue or an array may be long.
 * @returns the error that the op would throw
 */
export function dryRun(type: Type, op: readonly Json0Component[], data: unknown): Error | undefined {
  const copies = new Set<object>();
  try {
    let at = copied(data, copies);
    for (const component of op) {
      copyPath(at, component, copies);
      at = type.apply(at, [component]) as unknown;
    }
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Puts copies in place of the containers on a component's path. */
function copyPath(data: unknown, {p, t}: Json0Component, copies: Set<object>): void {
  let at = data;
  for (const [i, key] of p.entries()) {
    if (!isContainer(at) || !Object.hasOwn(at, key)) return;
    // A subtype may change its value in place.
    if (i === p.length - 1) return void (t !== undefined && (at[key] = deepCopy(at[key])));
    at = at[key] = copied(at[key], copies);
  }
}

function copied(value: unknown, copies: Set<object>): unknown {
  if (!isContainer(value) || copies.has(value)) return value;
  const copy = Array.isArray(value) ? [...value] as unknown[] : {...value};
  copies.add(copy);
  return copy;
}

const isContainer = (value: unknown): value is Record<string | number, unknown> => !!value && typeof value === 'object';

const deepCopy = (value: unknown): unknown => (value === undefined ? value : JSON.parse(JSON.stringify(value)) as unknown);
