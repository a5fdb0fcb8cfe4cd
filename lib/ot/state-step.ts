import type {Type} from 'sharedb/lib/sharedb.js';
import {DataCopies, copied, isSameData} from './invert.js';

interface Json0Change {
  p: (string | number)[];
  od?: unknown;
  oi?: unknown;
  ld?: unknown;
  li?: unknown;
  sd?: string;
  si?: string;
  na?: number;
}

/**
 * An op that turns one state of a document into another, in the form that editor bindings expect.
 * @param from in the document's form
 * @param to in the server's form
 * @returns undefined if the type is unknown here, or no op leads there
 */
export function stepBetween(type: Type, from: unknown, to: unknown): unknown {
  try {
    const before = new DataCopies(type, type.serialize ? type.serialize(from) : from);
    const after = new DataCopies(type, to);
    const op = opBetween(type, before.make(), after.make());
    if (op === undefined) return undefined;
    return isSameData(type, type.apply(before.make(), copied(op)), after.make()) ? op : undefined;
  } catch {
    return undefined;
  }
}

function opBetween(type: Type, from: unknown, to: unknown): unknown {
  switch (type.name) {
    case 'json0':
      return json0Between([], from, to);
    case 'json1':
      // The op would replace everything, and json1 throws when a tab's op is transformed into a removed part.
      return undefined;
    case 'text':
    case 'text-unicode':
      return textBetween(from as string, to as string, type.name === 'text-unicode');
    default: {
      // A Delta (rich-text) computes the difference itself.
      const delta = from as {diff?(other: unknown): unknown} | null;
      return typeof delta?.diff === 'function' ? delta.diff(to) : undefined;
    }
  }
}

const isPlain = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function json0Between(path: (string | number)[], from: unknown, to: unknown): Json0Change[] {
  if (isPlain(from) && isPlain(to)) {
    return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap(key => {
      const p = [...path, key];
      if (!(key in to)) return [{p, od: from[key]}];
      if (!(key in from)) return [{p, oi: to[key]}];
      return json0Between(p, from[key], to[key]);
    });
  }
  if (Array.isArray(from) && Array.isArray(to)) return listBetween(path, from, to);
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  // A tab's edit of the same text or number is kept. A new value would drop it.
  if (typeof from === 'string' && typeof to === 'string') return stringBetween(path, from, to);
  if (typeof from === 'number' && typeof to === 'number' && from + (to - from) === to) return [{p: path, na: to - from}];
  return [typeof path.at(-1) === 'number' ? {p: path, ld: from, li: to} : {p: path, od: from, oi: to}];
}

function listBetween(path: (string | number)[], from: readonly unknown[], to: readonly unknown[]): Json0Change[] {
  const {start, fromEnd, toEnd} = commonEnds(from.map(item => JSON.stringify(item)), to.map(item => JSON.stringify(item)));
  const p = [...path, start];
  return [
    ...from.slice(start, fromEnd).map(ld => ({p, ld})),
    ...to.slice(start, toEnd).map((li, i) => ({p: [...path, start + i], li}))
  ];
}

function stringBetween(path: (string | number)[], from: string, to: string): Json0Change[] {
  const {start, fromEnd, toEnd} = commonEnds(from.split(''), to.split(''));
  const p = [...path, start];
  return [
    ...(fromEnd > start ? [{p, sd: from.slice(start, fromEnd)}] : []),
    ...(toEnd > start ? [{p, si: to.slice(start, toEnd)}] : [])
  ];
}

function textBetween(from: string, to: string, byCharacter: boolean): unknown[] {
  const [one, other] = byCharacter ? [[...from], [...to]] : [from.split(''), to.split('')];
  const {start, fromEnd, toEnd} = commonEnds(one, other);
  const removed = one.slice(start, fromEnd);
  const added = other.slice(start, toEnd).join('');
  return [
    ...(start ? [start] : []),
    ...(added ? [added] : []),
    ...(removed.length ? [{d: byCharacter ? removed.join('') : removed.length}] : [])
  ];
}

function commonEnds(from: readonly unknown[], to: readonly unknown[]): {start: number; fromEnd: number; toEnd: number} {
  let start = 0;
  while (start < from.length && start < to.length && from[start] === to[start]) start++;
  let fromEnd = from.length;
  let toEnd = to.length;
  while (fromEnd > start && toEnd > start && from[fromEnd - 1] === to[toEnd - 1]) {
    fromEnd--;
    toEnd--;
  }
  return {start, fromEnd, toEnd};
}
