import {parseScopes, type DebugScope, type HostLogMessage} from '../protocol/debug.js';
import type {ProxyConnectionOptions} from './connection-options.js';

/** Writes debug output and warnings of the tab and the host to this tab's console. */
export class TabLog {
  readonly scopes: readonly DebugScope[];

  constructor(private readonly options: Pick<ProxyConnectionOptions, 'debug' | 'warn'>) {
    this.scopes = parseScopes(options.debug ?? false) ?? [];
  }

  /** Warns that something was dropped or can't be kept. */
  warn(message: string, detail?: unknown): void {
    const {warn} = this.options;
    if (warn) warn(message, detail);
    // eslint-disable-next-line no-console
    else console.warn(...(detail === undefined ? [message] : [message, detail]));
  }

  /** @param text called only if the scope is switched on */
  debug(scope: DebugScope, text: () => string): void {
    if (this.scopes.includes(scope)) this.write('debug', `sharedb-tabs:${scope}`, text());
  }

  /** Writes a line of the host. Warnings and errors of the host are always written. */
  receive({level, scope, text}: HostLogMessage): void {
    this.write(level, level === 'debug' ? `sharedb-tabs:${scope} (host)` : 'sharedb-tabs (host)', text.replace(/^sharedb-tabs: /, ''));
  }

  private write(level: HostLogMessage['level'], scope: string, text: string): void {
    // eslint-disable-next-line no-console
    console[level](`${scope}: ${text}`);
  }
}
