import type {Type} from 'sharedb/lib/sharedb.js';

type WithDoc = (op: unknown, data: unknown) => unknown;

/**
 * The op that undoes `op`.
 * @param data the document's data just before the op; not changed
 * @returns undefined where the type offers no way
 */
export function inverseOf(type: Type, op: unknown, data: unknown): unknown {
  if (type.name === 'json0') return type.invert!(withRemovedValues(type, copyOf(op) as Json0Component[], data));
  if (typeof type['invertWithDoc'] === 'function') return (type['invertWithDoc'] as WithDoc)(op, data);
  if (typeof type['makeInvertible'] === 'function') return type.invert!((type['makeInvertible'] as WithDoc)(op, data));
  if (type.invert) return type.invert(op);
  // A Delta (rich-text) inverts itself against the delta that is the document.
  const Delta = (data as object | null)?.constructor as (new (op: unknown) => {invert?(base: unknown): unknown}) | undefined;
  return typeof Delta?.prototype?.invert === 'function' ? new Delta(op).invert!(data) : undefined;
}

/** A component of a json0 op; see the ot-json0 specification. */
interface Json0Component {
  p: (string | number)[];
  oi?: unknown;
  od?: unknown;
  li?: unknown;
  ld?: unknown;
}

/** json0 believes what an op says of the values that it removes, and applies it without looking: here it says what is there. */
function withRemovedValues(type: Type, op: readonly Json0Component[], data: unknown): Json0Component[] {
  let current = data;
  return op.map((component, index) => {
    // The later components are made on what the earlier ones lead to.
    if (index) current = type.apply(index === 1 ? copyOf(current) : current, [copyOf(op[index - 1])]);
    const {p, oi, od, li, ld} = component;
    const there = valueAt(current, p);
    const removesKey = oi !== undefined || od !== undefined;
    const removesItem = ld !== undefined;
    if (removesKey) {
      const {od: _, ...rest} = component;
      return there === undefined ? rest : {...rest, od: copyOf(there)};
    }
    return removesItem && (li === undefined || there !== undefined) ? {...component, ld: copyOf(there)} : component;
  });
}

function valueAt(data: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce((value, key) => (value as Record<string | number, unknown> | undefined)?.[key], data);
}

function copyOf<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);
}
