import type {Type} from 'sharedb/lib/sharedb.js';
import {statesRemoved, withRemovedValues, type Json0Component} from './json0-values.js';
import {isSame} from './same.js';

type OnData = (op: unknown, data: unknown) => unknown;

/**
 * Whether `type.invert(op)` is known to undo the op, without trying it: the op states correctly what it removes from the data.
 * `invert` relies on these statements, but `apply` does not check them.
 * @param data the data just before the op
 */
export function isInvertible(type: Type, op: unknown, data: unknown): boolean {
  if (!type.invert) return false;
  try {
    if (type.name === 'json0') return statesRemoved(op as Json0Component[], data);
    const makeInvertible = type['makeInvertible'] as OnData | undefined;
    if (typeof makeInvertible !== 'function') return false;
    if (type.name === 'text-unicode') return statesRemovedText(op as UnicodeComponent[], data as string);
    if (type.name !== 'json1') return false;
    // Adding and subtracting fractions may not give the old value. Subtypes other than text are unknown.
    if (/"(ena|et?)":/.test(JSON.stringify(op))) return false;
    return isSame(makeInvertible(withoutStatements(op), data), op);
  } catch {
    return false;
  }
}

/** Makes copies of a document's data in the form that the type's `apply` takes. `apply` may change what it gets. */
export class DataCopies {
  private readonly json: string | undefined;

  /** @param data in the server's form */
  constructor(private readonly type: Type, data: unknown) {
    this.json = JSON.stringify(data);
  }

  make(): unknown {
    const data = this.json === undefined ? undefined : JSON.parse(this.json) as unknown;
    return this.type.deserialize ? this.type.deserialize(data) : data;
  }
}

/** A document's data in its JSON form, for comparisons. The order of keys and the class of a value have no meaning. */
export const serialized = (type: Type, data: unknown): unknown => (type.serialize ? type.serialize(data) : data);

export const isSameData = (type: Type, one: unknown, other: unknown): boolean => isSame([serialized(type, one)], [serialized(type, other)]);

/**
 * The op that undoes `op` on this data. It has been tried.
 * @param base the document's data just before the op
 * @returns undefined if the type has no such op
 */
export function invertOn(type: Type, op: unknown, base: DataCopies): unknown {
  for (const candidate of [() => inverseOf(type, op, base.make()), () => type.invert?.(op)]) {
    try {
      const inverse: unknown = candidate();
      if (inverse !== undefined && isSameData(type, type.apply(type.apply(base.make(), copied(op)), copied(inverse)), base.make())) return inverse;
    } catch {
      // Try the next candidate, if there is one.
    }
  }
  return undefined;
}

/**
 * The op that undoes `op`, built from the data and not from what the op says it removes. It has not been tried: see {@link
 * invertOn}.
 * @param data the document's data just before the op; not changed
 * @returns undefined if the type has no such op
 */
export function inverseOf(type: Type, op: unknown, data: unknown): unknown {
  if (type.name === 'json0' || typeof type['makeInvertible'] === 'function') return type.invert!(withRemoved(type, op, data));
  if (typeof type['invertWithDoc'] === 'function') return (type['invertWithDoc'] as OnData)(op, data);
  // A Delta (rich-text) is inverted against the document's Delta.
  const Delta = (data as object | null)?.constructor as (new (op: unknown) => {invert?(base: unknown): unknown}) | undefined;
  if (typeof Delta?.prototype?.invert === 'function') return new Delta(op).invert!(data);
  if (type.name === 'text' && typeof data === 'string' && Array.isArray(op)) return invertText(op as TextComponent[], data);
  return type.invert?.(op);
}

/**
 * The op with a correct statement of what it removes from the data, so that `type.invert` can undo it. If the server refuses an op,
 * ShareDB's client takes the op back by `type.invert`.
 * @param data the document's data just before the op; not changed
 * @returns an op with parts of the data in it; the op itself if ops of its type do not state what they remove
 */
export function withRemoved(type: Type, op: unknown, data: unknown): unknown {
  if (type.name === 'json0') return withRemovedValues(type, copied(op) as Json0Component[], data);
  if (typeof type['makeInvertible'] !== 'function') return op;
  // These types fill in missing statements, and trust those that are there. So the statements are removed first.
  return (type['makeInvertible'] as OnData)(withoutRemoved(type, op), data);
}

/** The op without statements of what it removes, for types whose `transform` may drop them. */
export function withoutRemoved(type: Type, op: unknown): unknown {
  if (type.name === 'text-unicode') return (op as UnicodeComponent[]).map(withoutRemovedText);
  return type.name === 'json1' ? withoutStatements(op) : op;
}

/** A copy of an op. Types may change their ops while they apply them. */
export const copied = (op: unknown): unknown => JSON.parse(JSON.stringify(op)) as unknown;

/** A component of ot-text: skip, insert, or delete, counted in UTF-16 units. */
type TextComponent = number | string | {d: number};

function invertText(op: TextComponent[], base: string): TextComponent[] {
  let position = 0;
  return op.map(component => {
    if (typeof component === 'number') {
      position += component;
      return component;
    }
    if (typeof component === 'string') return {d: component.length};
    const removed = base.slice(position, position + component.d);
    position += component.d;
    return removed;
  });
}

/** A component of ot-text-unicode: skip, insert, or delete, counted in Unicode code points. */
type UnicodeComponent = number | string | {d: number | string};

function statesRemovedText(op: readonly UnicodeComponent[], text: string): boolean {
  if (op.some(component => typeof component === 'object' && typeof component.d === 'number')) return false;
  let at = 0;
  return op.every(component => {
    if (typeof component === 'string') return true;
    if (typeof component === 'number') {
      for (let left = component; left > 0; left--) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
      return true;
    }
    const start = at;
    at += (component.d as string).length;
    return text.startsWith(component.d as string, start);
  });
}

const withoutRemovedText = (component: UnicodeComponent): UnicodeComponent => (
  typeof component === 'object' && typeof component.d === 'string' ? {d: [...component.d].length} : component
);

/** A json1 op without the values and texts that it states as removed. An op consists of nested lists of keys and components. */
function withoutStatements(op: unknown): unknown {
  if (Array.isArray(op)) return op.map(withoutStatements);
  const component = op as {r?: unknown; es?: UnicodeComponent[]} | null;
  if (component?.r !== undefined) return {...component, r: true};
  return Array.isArray(component?.es) ? {...component, es: component.es.map(withoutRemovedText)} : op;
}
