import type {TextOp} from '../history.js';

/** A part of the history: a version, and the ops that lead to the next ones. */
export interface Part {
  first: number;
  text: string;
  ops: TextOp[];
}

export interface Found {
  version: number;
  /** The line before and after the edit. */
  before: string;
  after: string;
}

export function apply(text: string, {p: [, at], si, sd}: TextOp): string {
  if (si !== undefined) return text.slice(0, at) + si + text.slice(at);
  return text.slice(0, at) + text.slice(at + (sd ?? '').length);
}

/** Splits a history into parts that can be read separately. */
export function split(text: string, ops: TextOp[], size: number): Part[] {
  const parts: Part[] = [];
  for (let first = 0; first < ops.length; first += size) {
    const own = ops.slice(first, first + size);
    parts.push({first, text, ops: own});
    for (const op of own) text = apply(text, op);
  }
  return parts;
}

/** The versions of a part in which a word occurs more or less often than in the version before, with the changed lines. */
export function search({first, text, ops}: Part, word: string): Found[] {
  const found: Found[] = [];
  let count = occurrences(text, word);
  ops.forEach((op, index) => {
    const next = apply(text, op);
    const now = occurrences(next, word);
    if (now !== count) found.push({version: first + index + 1, ...difference(text, next)});
    text = next;
    count = now;
  });
  return found;
}

function occurrences(text: string, word: string): number {
  let count = 0;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) count++;
  return count;
}

/** The lines in which two texts differ, without their common beginning and end. */
function difference(before: string, after: string): {before: string; after: string} {
  const [a, b] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return {before: a.slice(start, a.length - end).join('\n'), after: b.slice(start, b.length - end).join('\n')};
}
