import type {Type} from 'sharedb/lib/sharedb.js';
import {isJson0} from './fast-json0.js';

/** A component of a json0 op. */
interface Json0Component {
  p: readonly (string | number)[];
  oi?: unknown;
  li?: unknown;
  si?: string;
  na?: number;
  lm?: number;
  /** The op of a subtype. */
  o?: unknown;
}

/** A component of a text op, of a `text0` op or of a Delta. */
type TextComponent = number | string | {i?: unknown; insert?: unknown; attributes?: object};

/**
 * Whether an op has lost content when it was transformed: an insertion, an edit of a number, or a move, in something that the other
 * ops have removed. It is no loss if a removal is left out, or some of the formats of a text.
 */
export function losesContent(type: Type | null, before: unknown, after: unknown): boolean {
  if (!type || before === undefined) return false;
  try {
    return amountOf(type, after) < amountOf(type, before);
  } catch {
    // If the ops can't be compared, a loss can't be excluded.
    return true;
  }
}

/** The amount of an op's content, without removals. A transformed op has the same amount, unless content was lost. */
function amountOf(type: Type, op: unknown): number {
  if (isJson0(type)) return json0Amount(normalized(type, op));
  const components = (Array.isArray(op) ? op : (op as {ops: unknown[]}).ops) as TextComponent[];
  return textAmount(components) + (components.some(isFormat) ? 1 : 0);
}

/** The transformed op's components are merged where that is possible. */
function normalized(type: Type, op: unknown): readonly Json0Component[] {
  const {normalize} = type as Type & {normalize?(op: unknown): unknown};
  return (normalize ? normalize.call(type, structuredClone(op)) : op) as Json0Component[];
}

function json0Amount(op: readonly Json0Component[]): number {
  const numbers = new Set<string>();
  let sum = 0;
  for (const {p, oi, li, si, na, lm, o} of op) {
    if (na !== undefined) numbers.add(JSON.stringify(p));
    if (lm !== undefined) sum++;
    sum += lengthOf(oi) + lengthOf(li) + (si?.length ?? 0) + (Array.isArray(o) ? textAmount(o as TextComponent[]) : lengthOf(o));
  }
  return sum + numbers.size;
}

const lengthOf = (value: unknown): number => (value === undefined ? 0 : JSON.stringify(value).length);

const textAmount = (op: readonly TextComponent[]): number => op.reduce((sum: number, component) => sum + insertedLength(component), 0);

function insertedLength(component: TextComponent): number {
  if (typeof component !== 'object') return typeof component === 'string' ? component.length : 0;
  const inserted = component.insert ?? component.i;
  return typeof inserted === 'string' ? inserted.length : inserted === undefined ? 0 : 1;
}

const isFormat = (component: TextComponent): boolean => typeof component === 'object' && component.insert === undefined && !!component.attributes;
