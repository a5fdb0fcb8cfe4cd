/** The parts of the library that can tell what they do. */
export const DEBUG_SCOPES = ['mode', 'link', 'message', 'host', 'doc', 'store', 'server'] as const;
export type DebugScope = (typeof DEBUG_SCOPES)[number];

/** What a host has to say in the tabs' consoles. */
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
 * @param debug the option: true for all, or names such as 'host,doc'
 * @returns the scopes; undefined where a name is not one of them
 */
export function parseScopes(debug: boolean | string): DebugScope[] | undefined {
  if (typeof debug === 'boolean') return debug ? [...DEBUG_SCOPES] : [];
  const names = debug.split(/[\s,]+/).filter(Boolean);
  return names.every(isScope) ? (names as DebugScope[]) : undefined;
}

/** A value in one line, cut where it is long. */
export function brief(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'string' ? value : value instanceof Error ? value.stack ?? String(value) : JSON.stringify(value) ?? String(value);
  } catch {
    text = String(value);
  }
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}
