import {TabsError} from '../protocol/errors.js';

/** @throws ERR_TABS_BAD_OPTION for an unknown option: it would have no effect */
export function checkNames(what: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    // Most misspelt names have a correct beginning.
    const [meant] = known.map(other => [common(name, other), other] as const).filter(([length]) => length > 1).sort(([a], [b]) => b - a);
    throw new TabsError('ERR_TABS_BAD_OPTION', `${what}: there is no option ${name}${meant ? `. Did you mean ${meant[1]}?` : ''}`);
  }
}

/** How many letters two names share at their beginning. */
function common(one: string, other: string): number {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
