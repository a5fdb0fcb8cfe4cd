import {taskTypeError} from './errors.js';

const MAX_TEXT = 2 ** 20;

export interface Source {
  /** An expression, or the text of a method or an accessor. */
  readonly text: string;
  readonly hash: string;
}

const known = new WeakMap<object, Source>();

/**
 * Returns the text of a function.
 * @throws TypeError the function has no text that a thread can run
 * @throws RangeError the text has more than 2^20 characters
 */
export function sourceOf(fn: (...args: any[]) => unknown): Source {
  let source = known.get(fn);
  if (!source) {
    const text = textOf(fn);
    known.set(fn, source = {text, hash: hashOf(text)});
  }
  return source;
}

function textOf(fn: (...args: any[]) => unknown): string {
  let text: string;
  try {
    text = Function.prototype.toString.call(fn);
  } catch {
    throw taskTypeError('ERR_TASK_NOT_FUNCTION', 'This function has no source text');
  }
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) {
    throw taskTypeError('ERR_TASK_NATIVE',
      `"${fn.name}" is built in, bound, or a proxy: it has no source text. Write a function that calls it, e.g. (x) => Math.sqrt(x)`);
  }
  // Methods and arrow functions, whose text may begin so too, have no `prototype`.
  if (text.startsWith('class') && Object.hasOwn(fn, 'prototype')) throw taskTypeError('ERR_TASK_NOT_FUNCTION', `"${fn.name}" is a class. A task is a function that may make one`);
  if (text.length > MAX_TEXT) throw new RangeError(`The text of a task has at most ${MAX_TEXT} characters; this one has ${text.length}`);
  return text;
}

/** cyrb53, a 53-bit hash in the public domain, by bryc, with the length of the text. Threads identify the texts that they keep by it. */
function hashOf(text: string): string {
  let h1 = 0xdeadbeef, h2 = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    h1 = Math.imul(h1 ^ char, 2654435761);
    h2 = Math.imul(h2 ^ char, 1597334677);
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909);
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909);
  return `${text.length.toString(36)}-${(4294967296 * (2097151 & h2) + (h1 >>> 0)).toString(36)}`;
}
