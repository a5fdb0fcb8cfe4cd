import {TabsError} from '../protocol/errors.js';
import type {Key} from './types.js';

/**
 * How a key is stored. Strings are stored as they are, but for those that objects would put into another place (array indexes), or
 * that ShareDB refuses as a part of a path (members of Object.prototype), or that begin as the stored form of others does.
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
  throw new TabsError('ERR_TABS_BAD_KEY', `${where}: a key is a string, a finite number or a boolean. ${String(key)} is none of these`);
}

export function shownKey(stored: string): Key {
  if (stored[0] !== '\0') return stored;
  const rest = stored.slice(2);
  if (stored[1] === 'n') return Number(rest);
  return stored[1] === 'b' ? rest === 'true' : rest;
}

/** Entries of the library's own are not shown. */
export const SHARDS_KEY = '\0shards';
export const isShown = (stored: string): boolean => stored !== SHARDS_KEY;

function needsPrefix(key: string): boolean {
  return key in Object.prototype || key[0] === '\0' || (key.length < 11 && String(Number(key) >>> 0) === key);
}

/** Which of so many documents a key is stored in: FNV-1a. */
export function shardOf(stored: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < stored.length; i++) hash = Math.imul(hash ^ stored.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % count;
}
