import type {Type} from 'sharedb/lib/sharedb.js';

/**
 * The op that undoes `op`, for types that can't tell it from the op alone.
 * @param base the document's data just before the op, as the type's `apply` takes it
 * @returns undefined where the type offers no way
 */
export function invertOn(type: Type, op: unknown, base: unknown): unknown {
  if (typeof type['invertWithDoc'] === 'function') {
    return (type['invertWithDoc'] as (op: unknown, doc: unknown) => unknown)(op, base);
  }
  // A Delta (rich-text) inverts itself against the delta that is the document.
  const Delta = (base as object | null)?.constructor as (new (op: unknown) => {invert?(base: unknown): unknown}) | undefined;
  if (typeof Delta?.prototype?.invert === 'function') return new Delta(op).invert!(base);
  if (type.name === 'text' && typeof base === 'string' && Array.isArray(op)) return invertText(op as TextComponent[], base);
  return undefined;
}

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
