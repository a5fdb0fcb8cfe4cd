/** The one part in which two texts differ. */
export interface Replacement {
  at: number;
  removed: string;
  inserted: string;
}

export function findReplacement(before: string, after: string): Replacement {
  const shorter = Math.min(before.length, after.length);
  let at = 0;
  while (at < shorter && before[at] === after[at]) at++;
  let tail = 0;
  while (tail < shorter - at && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return {
    at,
    removed: before.slice(at, before.length - tail),
    inserted: after.slice(at, after.length - tail)
  };
}

/** The position of the caret after a replacement by another client. */
export function moveCaret(caret: number, {at, removed, inserted}: Replacement): number {
  if (caret <= at) return caret;
  return Math.max(at, caret - removed.length) + inserted.length;
}
