import {parseScopes, type DebugScope, type HostLogMessage} from '../protocol/debug.js';

/** Writes debug output and warnings of the tab and the host to this tab's console. */
export class TabLog {
  readonly scopes: readonly DebugScope[];

  /** @param debug the option of this name */
  constructor(debug: boolean | string | undefined) {
    this.scopes = parseScopes(debug ?? false) ?? [];
  }

  /** @param text called only if the scope is switched on */
  debug(scope: DebugScope, text: () => string): void {
    if (this.scopes.includes(scope)) this.write('debug', `sharedb-tabs:${scope}`, text());
  }

  /** Writes a line of the host. Warnings and errors of the host are always written. */
  hear({level, scope, text}: HostLogMessage): void {
    this.write(level, level === 'debug' ? `sharedb-tabs:${scope} (host)` : 'sharedb-tabs (host)', text.replace(/^sharedb-tabs: /, ''));
  }

  private write(level: HostLogMessage['level'], scope: string, text: string): void {
    // eslint-disable-next-line no-console
    console[level](`${scope}: ${text}`);
  }
}
