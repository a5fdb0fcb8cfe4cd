import {parseScopes, type DebugScope, type HostLogMessage} from '../protocol/debug.js';

/** What tab and host have to say, in this tab's console. */
export class TabLog {
  readonly scopes: readonly DebugScope[];

  /** @param debug as the option of that name */
  constructor(debug: boolean | string | undefined) {
    this.scopes = parseScopes(debug ?? false) ?? [];
  }

  /** @param text made only where the scope is wanted */
  debug(scope: DebugScope, text: () => string): void {
    if (this.scopes.includes(scope)) this.write('debug', `sharedb-tabs:${scope}`, text());
  }

  /** What the host says. Warnings and errors come without being asked for. */
  hear({level, scope, text}: HostLogMessage): void {
    this.write(level, level === 'debug' ? `sharedb-tabs:${scope} (host)` : 'sharedb-tabs (host)', text.replace(/^sharedb-tabs: /, ''));
  }

  private write(level: HostLogMessage['level'], scope: string, text: string): void {
    // eslint-disable-next-line no-console
    console[level](`${scope}: ${text}`);
  }
}
