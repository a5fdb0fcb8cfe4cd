/** The valid values of an option, in words and as a check of a value that is not undefined. */
export type OptionCheck = readonly [words: string, fits: (value: any) => unknown];

export const isFunction = (value: unknown): boolean => typeof value === 'function';
export const isFlag = (value: unknown): boolean => typeof value === 'boolean';

/** @returns a message about the first option with an unknown name, which would have no effect; undefined if all names are known */
export function unknownOption(what: string, options: object, known: readonly string[]): string | undefined {
  const name = Object.keys(options).find(name => !known.includes(name));
  if (name === undefined) return undefined;
  // Most misspelt names have a correct beginning.
  let meant: string | undefined;
  for (let end = name.length; !meant && end > 1; end--) {
    const start = name.slice(0, end).toLowerCase();
    meant = known.find(other => other.toLowerCase().startsWith(start));
  }
  return `${what}: there is no option ${name}${meant ? `. Did you mean ${meant}?` : ''}`;
}

/**
 * @param checks the valid values of the options; others are not checked
 * @returns a message about the first option with a wrong value; undefined if there is none
 */
export function wrongValue(what: string, options: object, checks: Readonly<Record<string, OptionCheck>>): string | undefined {
  for (const [name, value] of Object.entries(options)) {
    const [words, fits] = checks[name] ?? [];
    if (fits && value !== undefined && !fits(value)) return `${what}: option ${name} takes ${words}`;
  }
  return undefined;
}
