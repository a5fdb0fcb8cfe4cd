import {TabsError} from '../protocol/errors.js';
import type {Codec, Json, Limits} from './types.js';

const LIMITS: Limits = {maxEntries: 100_000, maxChars: 8 * 1024 * 1024, maxValueChars: 1024 * 1024, maxKeyLength: 512};

export function limitsOf(limits: Partial<Limits> | undefined): Limits {
  return {...LIMITS, ...limits};
}

/** @throws ERR_TABS_LIMIT */
export function checkLimit(where: string, limit: keyof Limits, limits: Limits, value: number): void {
  if (value <= limits[limit]) return;
  throw Object.assign(
    new TabsError('ERR_TABS_LIMIT', `${where}: ${value} exceeds the limit ${limit} of ${limits[limit]}`),
    {limit, value}
  );
}

/**
 * Checks a value and returns a copy of it in stored form.
 * @throws ERR_TABS_BAD_VALUE, ERR_TABS_LIMIT
 */
export function storable<V>(where: string, value: V, codec: Codec<V> | undefined, limits: Limits): unknown {
  const encoded = codec ? codec.encode(value) : value;
  // Most values are primitive, and need no copy.
  if (encoded === null || typeof encoded === 'boolean' || (typeof encoded === 'number' && Number.isFinite(encoded))) {
    // JSON has no -0.
    return encoded === 0 ? 0 : encoded;
  }
  check(where, encoded, [], []);
  if (typeof encoded === 'string') {
    checkLimit(where, 'maxValueChars', limits, encoded.length + 2);
    return encoded;
  }
  const json = JSON.stringify(encoded);
  checkLimit(where, 'maxValueChars', limits, json.length);
  return JSON.parse(json) as Json;
}

function check(where: string, value: unknown, path: (string | number)[], above: object[]): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (Number.isFinite(value)) return;
      break;
    case 'object':
      if (value === null) return;
      if (above.includes(value)) return refuse(where, 'a cycle', path);
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) check(where, value[i], [...path, i], [...above, value]);
        return;
      }
      if (isPlain(value)) {
        for (const key of Object.keys(value)) {
          if (key === '__proto__') return refuse(where, 'the key __proto__', path);
          check(where, (value as Record<string, unknown>)[key], [...path, key], [...above, value]);
        }
        return;
      }
  }
  refuse(where, nameOf(value), path);
}

function refuse(where: string, what: string, path: (string | number)[]): never {
  const at = path.length ? ` at ${path.join('.')}` : '';
  throw Object.assign(
    new TabsError('ERR_TABS_BAD_VALUE', `${where}: ${what}${at} can't be stored. Values are JSON, or need the option codec`),
    {path}
  );
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: unknown): string {
  if (value === undefined) return 'undefined';
  if (typeof value === 'object') return `a ${(value as {constructor?: {name: string}}).constructor?.name ?? typeof value}`;
  return typeof value === 'number' ? String(value) : `a ${typeof value}`;
}

/** The number of characters of a stored value's JSON. In a value that is a string, escapes are not counted. */
export function charsOf(value: unknown): number {
  switch (typeof value) {
    case 'undefined':
      return 0;
    case 'string':
      return value.length + 2;
    case 'number':
      return String(value).length;
    default:
      return JSON.stringify(value).length;
  }
}

export const copyOf = <T>(value: T): T => (typeof value === 'object' && value !== null ? JSON.parse(JSON.stringify(value)) as T : value);
