import type {Type} from 'sharedb/lib/sharedb.js';
import {saysWhatItRemoves, withRemovedValues, type Json0Component} from './json0-values.js';
import {isSame} from './same.js';

type OnData = (op: unknown, data: unknown) => unknown;

/**
 * Whether `type.invert(op)` is known to undo the op, without trying: it says of all that it removes what stands in the data.
 * `invert` believes what an op says, but `apply` does not look at it.
 * @param data just before the op
 */
export function isInvertible(type: Type, op: unknown, data: unknown): boolean {
  if (!type.invert) return false;
  try {
    if (type.name === 'json0') return saysWhatItRemoves(op as Json0Component[], data);
    const makeInvertible = type['makeInvertible'] as OnData | undefined;
    if (typeof makeInvertible !== 'function') return false;
    if (type.name === 'text-unicode') return saysRemovedText(op as UnicodeComponent[], data as string);
    if (type.name !== 'json1') return false;
    // Adding and subtracting fractions may not lead back. Of other subtypes than texts nothing is known.
    if (/"(ena|et?)":/.test(JSON.stringify(op))) return false;
    return isSame(makeInvertible(withoutRemovedTexts(op), data), op);
  } catch {
    return false;
  }
}

/** The data of a document, as JSON and as the type's `apply` takes it: it may change what it is given. */
export class DataCopies {
  private readonly json: string | undefined;

  /** @param data as the server gives it */
  constructor(private readonly type: Type, data: unknown) {
    this.json = JSON.stringify(data);
  }

  make(): unknown {
    const data = this.json === undefined ? undefined : JSON.parse(this.json) as unknown;
    return this.type.deserialize ? this.type.deserialize(data) : data;
  }
}

/** A document's data as its JSON has it, for comparing: the order of keys and the class of a value tell nothing. */
export const serialized = (type: Type, data: unknown): unknown => (type.serialize ? type.serialize(data) : data);

export const isSameData = (type: Type, one: unknown, other: unknown): boolean => isSame([serialized(type, one)], [serialized(type, other)]);

/**
 * The op that undoes `op` on this data, proved by trying it.
 * @param base the document's data just before the op
 * @returns undefined where the type offers no way
 */
export function invertOn(type: Type, op: unknown, base: DataCopies): unknown {
  for (const way of [() => inverseOf(type, op, base.make()), () => type.invert?.(op)]) {
    try {
      const inverse: unknown = way();
      if (inverse !== undefined && isSameData(type, type.apply(type.apply(base.make(), copied(op)), copied(inverse)), base.make())) return inverse;
    } catch {
      // The next way, if there is one.
    }
  }
  return undefined;
}

/**
 * The op that undoes `op`, from what is in the data, whatever the op says of what it removes. Not proved: see {@link invertOn}.
 * @param data the document's data just before the op; not changed
 * @returns undefined where the type offers no way
 */
export function inverseOf(type: Type, op: unknown, data: unknown): unknown {
  if (type.name === 'json0') return type.invert!(withRemovedValues(type, copied(op) as Json0Component[], data));
  // These complete what an op does not say, and believe the rest.
  if (type.name === 'text-unicode') op = (op as UnicodeComponent[]).map(withoutRemovedText);
  if (type.name === 'json1') op = withoutRemovedTexts(op);
  if (typeof type['invertWithDoc'] === 'function') return (type['invertWithDoc'] as OnData)(op, data);
  if (typeof type['makeInvertible'] === 'function') return type.invert!((type['makeInvertible'] as OnData)(op, data));
  // A Delta (rich-text) inverts itself against the delta that is the document.
  const Delta = (data as object | null)?.constructor as (new (op: unknown) => {invert?(base: unknown): unknown}) | undefined;
  if (typeof Delta?.prototype?.invert === 'function') return new Delta(op).invert!(data);
  if (type.name === 'text' && typeof data === 'string' && Array.isArray(op)) return invertText(op as TextComponent[], data);
  return type.invert?.(op);
}

/** Types may change their ops while they apply them. */
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

/** A component of ot-text-unicode: skip, insert, or delete, counted in characters. */
type UnicodeComponent = number | string | {d: number | string};

function saysRemovedText(op: readonly UnicodeComponent[], text: string): boolean {
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

/** The same in a json1 op: lists of keys, components and lists. */
function withoutRemovedTexts(op: unknown): unknown {
  if (Array.isArray(op)) return op.map(withoutRemovedTexts);
  const component = op as {es?: UnicodeComponent[]} | null;
  return Array.isArray(component?.es) ? {...component, es: component.es.map(withoutRemovedText)} : op;
}
