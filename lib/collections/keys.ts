import {TabsError} from '../protocol/errors.js';
import type {Key} from './types.js';

/**
 * The stored form of a key. Strings are stored as they are, except for three kinds, which get a prefix: array indexes, because
 * objects would reorder them; members of Object.prototype, because ShareDB refuses them in a path; and strings that begin like
 * the stored form of another key.
 * @throws ERR_TABS_BAD_KEY
 */
export function storedKey(where: string, key: unknown): string {
  switch (typeof key) {
    case 'string':
      return needsPrefix(key) ? `\0s${key}` : key;
    case 'number':
      if (Number.isFinite(key)) return `\0n${key}`;
      break;
    case 'boolean':
      return `\0b${key}`;
  }
  throw new TabsError('ERR_TABS_BAD_KEY', `${where}: a key must be a string, a finite number or a boolean, not ${typeof key === 'number' ? key : typeof key}`);
}

export function shownKey(stored: string): Key {
  if (stored[0] !== '\0') return stored;
  const rest = stored.slice(2);
  if (stored[1] === 'n') return Number(rest);
  return stored[1] === 'b' ? rest === 'true' : rest;
}

/** The library's own entries are not shown to the app. */
export const SHARDS_KEY = '\0shards';
export const isShown = (stored: string): boolean => stored !== SHARDS_KEY;

function needsPrefix(key: string): boolean {
  return key in Object.prototype || key[0] === '\0' || (key.length < 11 && String(Number(key) >>> 0) === key);
}

/** The index of the document that a key is stored in: a 32-bit FNV-1a hash of the key's UTF-16 code units, modulo `count`. */
export function shardOf(stored: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < stored.length; i++) hash = Math.imul(hash ^ stored.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % count;
}
