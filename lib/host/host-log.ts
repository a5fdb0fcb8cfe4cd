import {brief, isScope, type DebugScope, type HostLogMessage} from '../protocol/debug.js';
import type {Tab} from './tab.js';

const MAX_ERRORS = 20;

/** A host's log. It writes to the host's console and to the consoles of its tabs, because few developers open a worker's console. */
export class HostLog {
  /** The last warnings and errors, for reports. `time` is in ms since the epoch. */
  readonly lastErrors: {time: number; text: string}[] = [];
  private readonly wanted = new Map<Tab, ReadonlySet<DebugScope>>();

  /**
   * @param tabs the tabs that receive warnings and errors; none if they share the host's console
   * @param own writes a warning to the host's own console
   */
  constructor(
    private readonly tabs: () => Iterable<Tab>,
    private readonly own: (message: string, detail: unknown) => void,
    private readonly now: () => number
  ) {}

  /** Sends a tab the debug output of these scopes from now on. */
  want(tab: Tab, scopes: unknown[]): void {
    this.wanted.set(tab, new Set(scopes.filter(isScope)));
  }

  forget(tab: Tab): void {
    this.wanted.delete(tab);
  }

  /** @param text called only if a tab has requested this scope */
  debug(scope: DebugScope, text: () => string): void {
    if (!this.wanted.size) return;
    for (const [tab, scopes] of this.wanted) if (scopes.has(scope)) this.send(tab, 'debug', scope, text());
  }

  warn(message: string, detail: unknown): void {
    this.own(message, detail);
    this.keep('warn', `${message}: ${brief(detail)}`);
  }

  /** Reports an uncaught error to the tabs. The browser itself logs it in the worker's console. */
  uncaught(error: unknown): void {
    this.keep('error', `Uncaught in the host: ${brief(error)}`);
  }

  private keep(level: 'warn' | 'error', text: string): void {
    this.lastErrors.push({time: this.now(), text});
    if (this.lastErrors.length > MAX_ERRORS) this.lastErrors.shift();
    for (const tab of this.tabs()) this.send(tab, level, 'host', text);
  }

  private send(tab: Tab, level: HostLogMessage['level'], scope: DebugScope, text: string): void {
    tab.send({a: 'host.log', level, scope, text});
  }
}
