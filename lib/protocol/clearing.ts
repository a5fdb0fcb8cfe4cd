import {isObject, isText} from './checks.js';

/** The last time that a namespace was cleared. Data and pages from before that time no longer belong to any user. */
export interface Clearing {
  /** Created for each time. */
  id: string;
  /** In ms since the epoch. */
  time: number;
}

export function isClearing(value: unknown): value is Clearing {
  return isObject(value) && isText(value['id']) && typeof value['time'] === 'number';
}

/** Whether a clearing is later than another one. Either may be missing. */
export function isLater(clearing: Clearing | undefined, other: Clearing | undefined): boolean {
  return !!clearing && (!other || clearing.time > other.time);
}
