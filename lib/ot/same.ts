import deepEqual from 'fast-deep-equal';

/** Whether two values have the same JSON content. Types may put the same into another order, and may have classes of their own. */
export const isSame = (one: unknown, other: unknown): boolean => deepEqual(plain(one), plain(other));

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;
