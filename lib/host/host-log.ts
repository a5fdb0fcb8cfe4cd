import {brief, isScope, type DebugScope, type HostLogMessage} from '../protocol/debug.js';
import type {Tab} from './tab.js';

const MAX_ERRORS = 20;

/** The log of a host: in its own console, and in those of its tabs, because nobody opens a worker's console. */
export class HostLog {
  /** The last warnings and errors, for reports. */
  readonly lastErrors: {time: number; text: string}[] = [];
  private readonly wanted = new Map<Tab, ReadonlySet<DebugScope>>();

  /**
   * @param tabs those that hear of warnings and errors: none where they share this console
   */
  constructor(
    private readonly tabs: () => Iterable<Tab>,
    private readonly own: (message: string, detail: unknown) => void,
    private readonly now: () => number
  ) {}

  /** A tab wants to hear of what these scopes do. */
  want(tab: Tab, scopes: unknown[]): void {
    this.wanted.set(tab, new Set(scopes.filter(isScope)));
  }

  forget(tab: Tab): void {
    this.wanted.delete(tab);
  }

  /** @param text made only where somebody wants it */
  debug(scope: DebugScope, text: () => string): void {
    if (!this.wanted.size) return;
    for (const [tab, scopes] of this.wanted) if (scopes.has(scope)) this.tell(tab, 'debug', scope, text());
  }

  warn(message: string, detail: unknown): void {
    this.own(message, detail);
    this.keep('warn', `${message}: ${brief(detail)}`);
  }

  /** An error that no code has caught. The worker's console shows it by itself. */
  uncaught(error: unknown): void {
    this.keep('error', `Uncaught in the host: ${brief(error)}`);
  }

  private keep(level: 'warn' | 'error', text: string): void {
    this.lastErrors.push({time: this.now(), text});
    if (this.lastErrors.length > MAX_ERRORS) this.lastErrors.shift();
    for (const tab of this.tabs()) this.tell(tab, level, 'host', text);
  }

  private tell(tab: Tab, level: HostLogMessage['level'], scope: DebugScope, text: string): void {
    tab.send({a: 'host.log', level, scope, text});
  }
}
