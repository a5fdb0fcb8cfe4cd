import type {TransferredError} from './messages.js';

export const MAX_DEPTH = 8;
const MAX_FIELDS = 64, MAX_STACK = 16_384;
const nativeClasses = /^(Aggregate|Type|Range|Syntax|Reference|Eval|URI)?Error$/;

/** Converts an error to plain data. Structured clone drops `code`, own fields, names of custom classes, and in some engines `cause` and `errors`. */
export function encodeError(error: unknown, outer: readonly unknown[] = []): TransferredError {
  if (!(error instanceof Error)) return {thrown: isCloneable(error) ? error : String(error)};
  const source = error as Error & {code?: unknown; errors?: unknown};
  const nested = (value: unknown): TransferredError | undefined =>
    outer.length < MAX_DEPTH && !outer.includes(value) ? encodeError(value, [...outer, error]) : undefined;
  return {
    class: nativeClass(error), name: String(error.name), message: String(error.message), stack: String(error.stack ?? '').slice(0, MAX_STACK),
    isDOMException: error instanceof DOMException,
    fields: Object.fromEntries(Object.entries(error).filter(([, value]) => isCloneable(value)).slice(0, MAX_FIELDS)),
    code: isCloneable(source.code) ? source.code : undefined,
    cause: error.cause === undefined ? undefined : nested(error.cause),
    errors: Array.isArray(source.errors) ? source.errors.slice(0, MAX_FIELDS).map(nested) : undefined
  };
}

function nativeClass(error: Error): string | undefined {
  for (let type: unknown = error; type; type = Object.getPrototypeOf(type)) {
    const name = (type as {constructor?: {name?: string}}).constructor?.name;
    if (nativeClasses.test(name!)) return name!;
  }
  return undefined;
}

export function isCloneable(value: unknown): boolean {
  if (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol') return true;
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

/** The path in a value to the part that can't be cloned, e.g. `.rows[2].format`. It is found by trying. */
export function uncloneablePath(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return '';
  for (const key of Object.keys(value)) {
    let child: unknown;
    try {
      // A getter may throw.
      structuredClone(child = (value as Record<string, unknown>)[key]);
    } catch {
      return (Array.isArray(value) ? `[${key}]` : `.${key}`) + uncloneablePath(child, depth + 1);
    }
  }
  return '';
}
