import {isObject, isText} from './checks.js';

/** The last time that a namespace was cleared. Data and pages from before that time no longer belong to any user. */
export interface Clearing {
  /** Created for each time. */
  id: string;
  /** In ms since the epoch. */
  time: number;
}

/** When a tab began, as a host or a later tab compares it with the last clearing. */
export interface Beginning {
  /** The last clearing before the tab began, as far as the tab knew. */
  cleared?: Clearing | undefined;
  /** The time of that clearing, or if the tab knew none, when the tab began, in ms since the epoch. Earlier builds do not send it. */
  began?: number | undefined;
}

export function isClearing(value: unknown): value is Clearing {
  return isObject(value) && isText(value['id']) && typeof value['time'] === 'number';
}

export const isMaybeClearing = (value: unknown): value is Clearing | undefined => value === undefined || isClearing(value);

/** Whether a clearing is later than something else. Either may be missing. */
export function isLater(clearing: Clearing | undefined, other: {time: number} | undefined): boolean {
  return !!clearing && (!other || clearing.time > other.time);
}

/** Whether a tab began before the last clearing, so that it belongs to a user who has signed out. */
export function isFormer({began = Infinity}: Beginning, last: Clearing | undefined): boolean {
  return !!last && last.time > began;
}
