/** What the checks of all messages are made of. */
export type Fields = Record<string, unknown>;

export const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

export const isText = (value: unknown): value is string => typeof value === 'string';

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Names that would reach Object.prototype; the same that ShareDB's agent refuses. */
export function isInvalidName(name: unknown): boolean {
  return typeof name !== 'string' || name in Object.prototype;
}

export const isNamed = (c: unknown, d: unknown): boolean => !isInvalidName(c) && !isInvalidName(d);

/** An error as it travels. */
export const isError = (value: unknown): boolean => isObject(value) && isText(value['message']);
