/** @returns what is wrong: an option that has none of the known names, and so would have no effect */
export function unknownOption(what: string, options: object, known: readonly string[]): string | undefined {
  const name = Object.keys(options).find(name => !known.includes(name));
  if (name === undefined) return undefined;
  // Most misspelt names have a correct beginning.
  const [meant] = known.map(other => [common(name, other), other] as const).filter(([length]) => length > 1).sort(([a], [b]) => b - a);
  return `${what}: there is no option ${name}${meant ? `. Did you mean ${meant[1]}?` : ''}`;
}

/** How many letters two names share at their beginning. */
function common(one: string, other: string): number {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
