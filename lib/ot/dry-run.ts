import type {Type} from 'sharedb/lib/sharedb.js';
import type {Json0Component} from './json0-values.js';

/**
 * Tries a json0 op of several components without a change to the data. json0 applies in place, and may throw half way. A document
 * with a server is then loaded again, but a local document has no other copy. Only the parts that the op touches are copied.
 * @returns the error that the op would throw
 */
export function dryRun(type: Type, op: readonly Json0Component[], data: unknown): Error | undefined {
  try {
    type.apply(touchedCopy(op, data), copyOf(op));
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function touchedCopy(op: readonly Json0Component[], data: unknown): unknown {
  if (!isObject(data) || op.some(({p}) => !p.length)) return copyOf(data);
  const copy: Record<string, unknown> = {...data};
  for (const key of new Set(op.map(({p}) => p[0]!))) if (Object.hasOwn(copy, key)) copy[key] = copyOf(copy[key]);
  return copy;
}

const isObject = (data: unknown): data is Record<string, unknown> => !!data && typeof data === 'object' && !Array.isArray(data);

const copyOf = <T>(value: T): T => (value === undefined ? value : JSON.parse(JSON.stringify(value)) as T);
