/** A message whose form is not known yet. All guards of messages are built from the checks in this file. */
export type Fields = Record<string, unknown>;

export const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

export const isText = (value: unknown): value is string => typeof value === 'string';

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Whether a name is unusable as a key. Names that exist on Object.prototype are refused, as ShareDB's agent does. */
export function isInvalidName(name: unknown): boolean {
  return typeof name !== 'string' || name in Object.prototype;
}

export const isNamed = (c: unknown, d: unknown): boolean => !isInvalidName(c) && !isInvalidName(d);

/** Whether a value is an error as {@link encodeError} makes it: an object with a `message`. */
export const isError = (value: unknown): boolean => isObject(value) && isText(value['message']);
