import type {Type} from 'sharedb/lib/sharedb.js';
import {copied, isSameData} from '../ot/invert.js';
import {composed} from './ops.js';

/** Longer lists and texts are compared at their ends only. */
const MAX_COMPARED = 1000;

type Path = readonly (string | number)[];

/** Creates simple ops of a JSON type. */
interface Maker {
  insert(path: Path, value: unknown): unknown;
  remove(path: Path, value: unknown): unknown;
  replace(path: Path, value: unknown, by: unknown): unknown;
  move(list: Path, from: number, to: number): unknown;
  add(path: Path, amount: number): unknown;
}

const isIndex = (path: Path): boolean => typeof path.at(-1) === 'number';

const makers: Record<string, Maker> = {
  json0: {
    insert: (p, value) => [isIndex(p) ? {p, li: value} : {p, oi: value}],
    remove: (p, value) => [isIndex(p) ? {p, ld: value} : {p, od: value}],
    replace: (p, value, by) => [isIndex(p) ? {p, ld: value, li: by} : {p, od: value, oi: by}],
    move: (list, from, to) => [{p: [...list, from], lm: to}],
    add: (p, amount) => [{p, na: amount}]
  },
  json1: {
    insert: (p, value) => [...p, {i: value}],
    remove: p => [...p, {r: true}],
    replace: (p, _value, by) => [...p, {r: true, i: by}],
    move: (list, from, to) => {
      const [pick, drop] = [[from, {p: 0}], [to, {d: 0}]];
      return [...list, ...(from < to ? [pick, drop] : [drop, pick])];
    },
    add: (p, amount) => [...p, {ena: amount}]
  }
};

/**
 * An op that leads from one state to another and changes only the parts that differ.
 * @param from the data before the op; not changed
 * @returns undefined if no such op is known
 */
export function differenceBetween(type: Type, from: unknown, to: unknown): unknown {
  try {
    const op = opBetween(type, from, to);
    return op !== undefined && isSameData(type, type.apply(copied(from), copied(op)), to) ? op : undefined;
  } catch {
    return undefined;
  }
}

/** The op that leads from one text to another, for rich-text and text-unicode. @returns undefined for data of other types */
export function textDifference(type: Type, from: unknown, to: unknown): unknown {
  if (type.name !== 'text-unicode') return deltaBetween(from, to);
  return typeof from === 'string' && typeof to === 'string' ? textBetween([...from], [...to]) : undefined;
}

/** The number of characters and embeds that an op of {@link textDifference} inserts, deletes and formats; Infinity if there is no op. */
export function lengthOf(op: unknown): number {
  const parts = (Array.isArray(op) ? op : (op as {ops?: unknown} | undefined)?.ops) as Part[] | undefined;
  return parts ? parts.reduce<number>((sum, part) => sum + lengthOfPart(part), 0) : Infinity;
}

/** A part of an op: of a Delta, or of text-unicode. */
type Part = number | string | {insert?: unknown; delete?: number; retain?: number; attributes?: unknown; d?: string};

function lengthOfPart(part: Part): number {
  if (typeof part === 'number') return 0;
  const text = typeof part === 'string' ? part : part.d ?? part.insert;
  if (typeof text === 'string') return text.length;
  if (text) return 1;
  const {delete: deleted, retain = 0, attributes} = part as Exclude<Part, string | number>;
  return deleted ?? (attributes ? retain : 0);
}

function deltaBetween(from: unknown, to: unknown): unknown {
  return (from as {diff?(to: unknown): unknown} | null | undefined)?.diff?.(to);
}

function opBetween(type: Type, from: unknown, to: unknown): unknown {
  if (typeof from === 'string' && typeof to === 'string') return textBetween([...from], [...to]);
  const maker = makers[type.name ?? ''];
  if (maker) return jsonBetween(maker, [], from, to).reduce((one, next) => composed(type, one, next), undefined);
  return deltaBetween(from, to);
}

function jsonBetween(make: Maker, path: Path, from: unknown, to: unknown): unknown[] {
  if (Array.isArray(from) && Array.isArray(to)) return listBetween(make, path, from, to);
  if (isPlain(from) && isPlain(to)) {
    return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap(key => {
      if (!(key in to)) return [make.remove([...path, key], from[key])];
      return key in from ? jsonBetween(make, [...path, key], from[key], to[key]) : [make.insert([...path, key], to[key])];
    });
  }
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  return [typeof from === 'number' && typeof to === 'number' ? make.add(path, to - from) : make.replace(path, from, to)];
}

function listBetween(make: Maker, path: Path, from: readonly unknown[], to: readonly unknown[]): unknown[] {
  const found = hunks(from.map(item => JSON.stringify(item)), to.map(item => JSON.stringify(item)));
  const moved = movedItem(found);
  if (moved) {
    const [start, end] = moved;
    const next = from.filter((_item, i) => i !== start);
    next.splice(end, 0, from[start]);
    return [make.move(path, start, end), ...listBetween(make, path, next, to)];
  }
  let at = 0;
  return found.flatMap(([removed, inserted, kept]) => {
    const ops = [
      ...removed.map(item => make.remove([...path, at], JSON.parse(item))),
      ...inserted.map((item, i) => make.insert([...path, at + i], JSON.parse(item)))
    ];
    at += inserted.length + kept;
    return ops;
  });
}

/**
 * Finds an item that is removed at one index and inserted at another. It counts as moved, so that an undo still applies to this item.
 * @returns its indexes before and after the move; undefined if there is no such item, or if several items are equal
 */
function movedItem(found: ReturnType<typeof hunks>): [from: number, to: number] | undefined {
  const removed = found.flatMap(([items]) => items);
  const inserted = found.flatMap(([, items]) => items);
  const isOnce = (items: readonly string[], item: string): boolean => items.indexOf(item) >= 0 && items.indexOf(item) === items.lastIndexOf(item);
  const item = removed.find(item => isOnce(removed, item) && isOnce(inserted, item));
  if (item === undefined) return undefined;
  let [at, from, to] = [0, 0, 0];
  for (const [out, into, kept] of found) {
    if (out.includes(item)) from = at + out.indexOf(item);
    if (into.includes(item)) to = at;
    at += out.length + kept;
  }
  return [from, from < to ? to - 1 : to];
}

/** An op of text-unicode. */
function textBetween(from: readonly string[], to: readonly string[]): unknown[] {
  return hunks(from, to).flatMap(([removed, inserted, kept]): unknown[] => [
    ...(inserted.length ? [inserted.join('')] : []), ...(removed.length ? [{d: removed.join('')}] : []), ...(kept ? [kept] : [])
  ]).filter((part, i, all) => i < all.length - 1 || typeof part !== 'number');
}

/** The differences in order: the removed items, the items inserted there, and how many items after that are the same. */
function hunks(from: readonly string[], to: readonly string[]): [removed: string[], inserted: string[], kept: number][] {
  const found: [string[], string[], number][] = [[[], [], 0]];
  const keep = (): void => { found.at(-1)![2]++; };
  const change = (): [string[], string[], number] => {
    if (found.at(-1)![2]) found.push([[], [], 0]);
    return found.at(-1)!;
  };
  let [start, fromEnd, toEnd] = [0, from.length, to.length];
  while (start < fromEnd && start < toEnd && from[start] === to[start]) start++;
  while (fromEnd > start && toEnd > start && from[fromEnd - 1] === to[toEnd - 1]) [fromEnd, toEnd] = [fromEnd - 1, toEnd - 1];
  for (let i = 0; i < start; i++) keep();
  const common = fromEnd - start > MAX_COMPARED || toEnd - start > MAX_COMPARED ? undefined : commonLengths(from.slice(start, fromEnd), to.slice(start, toEnd));
  let [i, j] = [start, start];
  while (i < fromEnd || j < toEnd) {
    const without = (a: number, b: number): number => common?.[a - start]?.[b - start] ?? 0;
    if (common && i < fromEnd && j < toEnd && from[i] === to[j]) {
      keep();
      [i, j] = [i + 1, j + 1];
    } else if (i < fromEnd && (j === toEnd || without(i + 1, j) >= without(i, j + 1))) change()[0].push(from[i++]!);
    else change()[1].push(to[j++]!);
  }
  for (let i = fromEnd; i < from.length; i++) keep();
  return found;
}

/** For each pair of positions, the length of the longest common subsequence of the items from there on (by dynamic programming). */
function commonLengths(from: readonly string[], to: readonly string[]): number[][] {
  const lengths = Array.from({length: from.length + 1}, () => new Array<number>(to.length + 1).fill(0));
  for (let i = from.length - 1; i >= 0; i--) {
    for (let j = to.length - 1; j >= 0; j--) {
      lengths[i]![j] = from[i] === to[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  return lengths;
}

const isPlain = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
