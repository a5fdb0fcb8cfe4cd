import {RemoteError} from './errors.js';

/** Whether the other side may reach a member; see `RemoteOptions.allow`. */
export type Allow = (target: object, key: string, kind: 'get' | 'set' | 'call' | 'new') => boolean;

const NEVER = new Set(['__proto__', 'constructor', 'prototype']);
/** Members that every function has, in addition to `name` and `length`. */
const OF_FUNCTIONS = new Set(['caller', 'callee', 'arguments']);
const {getPrototypeOf, getOwnPropertyDescriptor} = Object;

const isObject = (value: unknown): value is object => (typeof value === 'object' && value !== null) || typeof value === 'function';

/**
 * Whether an object is a prototype that every object or function of some realm inherits from. An iframe has its own. A class
 * whose prototype ends its chain is not one.
 */
function isBase(holder: object): boolean {
  if (holder === Object.prototype || holder === Function.prototype) return true;
  if (typeof holder === 'function') return Object.hasOwn(holder, 'bind') && Object.hasOwn(holder, 'call') && Object.hasOwn(holder, 'apply');
  return getPrototypeOf(holder) === null && Object.hasOwn(holder, 'hasOwnProperty') && Object.hasOwn(holder, 'isPrototypeOf');
}

/** The object that has an accessible member: the target itself, or a class that it inherits from. */
function holderOf(target: object, key: string): object | undefined {
  for (let holder: object | null = target; holder; holder = getPrototypeOf(holder) as object | null) {
    if (isBase(holder)) return undefined;
    if (getOwnPropertyDescriptor(holder, key)) return holder;
  }
  return undefined;
}

/** Whether a key is accessible at all. From outside, missing and forbidden members look the same. */
export function mayReach(target: unknown, key: unknown, kind: 'get' | 'call' | 'new', allow: Allow | undefined): key is string {
  if (typeof key !== 'string' || target == null || NEVER.has(key)) return false;
  if (!isObject(target)) return holderOf(Object(target) as object, key) !== undefined;
  if (typeof target === 'function' && OF_FUNCTIONS.has(key)) return false;
  return holderOf(target, key) !== undefined && (!allow || allow(target, key, kind));
}

export function readMember(target: unknown, key: string, kind: 'get' | 'call' | 'new', allow: Allow | undefined): unknown {
  if (target == null) throw new TypeError(`Cannot read properties of ${target} (reading '${key}')`);
  return mayReach(target, key, kind, allow) ? (target as Record<string, unknown>)[key] : undefined;
}

/** Sets or deletes a member. Throws if that is not allowed or fails. */
export function writeMember(target: unknown, key: string, allow: Allow | undefined, write: (target: object) => boolean): void {
  if (!isObject(target)) throw new TypeError(`Cannot set properties of ${typeof target === 'object' ? 'null' : typeof target} (setting '${key}')`);
  if (NEVER.has(key) || key in Object.prototype || typeof target === 'function' || isBase(target) || (allow && !allow(target, key, 'set')) || !write(target)) {
    throw noMember(key);
  }
}

export const noMember = (key: string): RemoteError => new RemoteError('ERR_REMOTE_NO_MEMBER', `The other side has no member '${key}' that can be used this way`);
