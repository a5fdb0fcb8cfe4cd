/** The scopes of debug output. The `debug` option selects them by name. */
export const DEBUG_SCOPES = ['mode', 'link', 'message', 'host', 'doc', 'store', 'server'] as const;
export type DebugScope = (typeof DEBUG_SCOPES)[number];

/** A line that a host asks its tabs to print in their consoles. */
export interface HostLogMessage {
  a: 'host.log';
  level: 'debug' | 'warn' | 'error';
  scope: DebugScope;
  text: string;
}

export function isScope(value: unknown): value is DebugScope {
  return DEBUG_SCOPES.includes(value as DebugScope);
}

/**
 * Parses the `debug` option.
 * @param debug true for all scopes, false for none, or names such as 'host,doc'
 * @returns the scopes; undefined if a name is not a scope
 */
export function parseScopes(debug: boolean | string): DebugScope[] | undefined {
  if (typeof debug === 'boolean') return debug ? [...DEBUG_SCOPES] : [];
  const names = debug.split(/[\s,]+/).filter(Boolean);
  return names.every(isScope) ? (names as DebugScope[]) : undefined;
}

/** A value as one line of text, cut at 500 characters. */
export function brief(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'string' ? value : value instanceof Error ? value.stack ?? String(value) : JSON.stringify(value) ?? String(value);
  } catch {
    text = String(value);
  }
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}
