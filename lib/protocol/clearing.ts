import {isObject, isText} from './checks.js';

/** When a namespace was cleared last: what is older than that belongs to nobody any more. */
export interface Clearing {
  id: string;
  /** In ms since the epoch. */
  time: number;
}

export function isClearing(value: unknown): value is Clearing {
  return isObject(value) && isText(value['id']) && typeof value['time'] === 'number';
}
