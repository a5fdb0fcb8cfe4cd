import type {Type} from 'sharedb/lib/sharedb.js';
import type {Json0Component} from './json0-values.js';

/**
 * Tries a json0 op of several components without a change of the data: json0 changes it in place, and may stop half way. With a
 * server, the document is loaded again then; a local document has no other copy. Only what the op touches is copied.
 * @returns what the op would throw
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
