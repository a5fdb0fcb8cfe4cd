export const define = (target: object, key: PropertyKey, value: unknown, enumerable = false): unknown =>
  Object.defineProperty(target, key, {value, writable: true, configurable: true, enumerable});

/** Sets an own member. To assign to `__proto__` would replace the prototype. */
export function setOwn(target: object, key: PropertyKey, value: unknown): void {
  if (key === '__proto__') define(target, key, value, true);
  else (target as Record<PropertyKey, unknown>)[key] = value;
}
