/** More of a query's conditions is not told, in characters. */
const MAX_LENGTH = 300;

/**
 * A query in one line. Its keys are the app's; values may be data, e.g. a name that is looked for.
 * @param showsValues else each value is `…`
 */
export function conditionsOf(query: unknown, showsValues: boolean): string {
  const shown = (_key: string, value: unknown): unknown => (showsValues || isComposite(value) ? value : '…');
  const text = JSON.stringify(query, shown) ?? '…';
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

const isComposite = (value: unknown): boolean => typeof value === 'object' && value !== null;
