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
