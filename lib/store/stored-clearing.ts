import {isLater, type Clearing} from '../protocol/clearing.js';

type Values = Readonly<Record<string, string>>;

/** The time when the database was begun, in ms since the epoch. */
export const CREATED = 'created';
/** The id of the last clearing before that. */
const CLEARED = 'cleared';
/** The time of that clearing, in ms since the epoch. Databases of earlier builds do not have it. */
const CLEARED_AT = 'clearedAt';

/** Returns the small values by which a database keeps a clearing. */
export function clearingValues(clearing: Clearing | undefined): Values {
  return clearing ? {[CLEARED]: clearing.id, [CLEARED_AT]: String(clearing.time)} : {};
}

/** Returns the clearing that a database keeps; undefined if it has none, or does not know its time. */
export function storedClearing({[CLEARED]: id, [CLEARED_AT]: at}: Values): Clearing | undefined {
  const time = Number(at);
  return id !== undefined && time > 0 ? {id, time} : undefined;
}

/** Whether a database's data are from before a clearing. */
export function isFromBefore(values: Values, clearing: Clearing | undefined): boolean {
  if (!clearing || !Object.keys(values).length || isLater(storedClearing(values), clearing)) return false;
  return values[CLEARED] !== clearing.id && !(Number(values[CREATED]) > clearing.time);
}
