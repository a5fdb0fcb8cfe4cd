/** The most characters of a query's conditions in a report. */
const MAX_LENGTH = 300;

/**
 * Returns a query's JSON in one line. Its values may be users' data, for example a name that is searched for.
 * @param showsValues whether to include the values. Otherwise each value is `…`.
 */
export function conditionsOf(query: unknown, showsValues: boolean): string {
  const shown = (_key: string, value: unknown): unknown => (showsValues || isComposite(value) ? value : '…');
  const text = JSON.stringify(query, shown) ?? '…';
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

const isComposite = (value: unknown): boolean => typeof value === 'object' && value !== null;
