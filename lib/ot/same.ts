import deepEqual from 'fast-deep-equal';

/** Whether two values have the same JSON content, in any order of keys. Types may use classes of their own. */
export const isSame = (one: unknown, other: unknown): boolean => deepEqual(plain(one), plain(other));

const plain = (value: unknown): unknown => (value === undefined ? value : JSON.parse(JSON.stringify(value)) as unknown);
