import {isObject} from '../protocol/checks.js';
import type {Hello} from '../protocol/frames.js';
import type {OptionCheck} from '../platform/option-checks.js';
import {checkOptions} from '../tab/check-options.js';
import type {ProxyConnectionOptions} from '../tab/connection-options.js';
import {ProxyConnection} from '../tab/proxy-connection.js';

/** The options of `joinNamespace`. `channel`, `locks` and `clock` replace those of the browser. */
export type JoinOptions = Pick<ProxyConnectionOptions, 'namespace' | 'channel' | 'locks' | 'clock'>;

const CHECKS: {[Name in keyof JoinOptions]-?: OptionCheck} = {
  namespace: ['a non-empty string', namespace => typeof namespace === 'string' && namespace],
  channel: ['a function that opens a channel by its name', channel => typeof channel === 'function'],
  locks: ['an object like navigator.locks', isObject],
  clock: ['an object with the time and timers', isObject]
};

/**
 * A read-only connection. It finds the host of its namespace, and starts none. The host does not count it as a tab, and refuses its
 * requests for documents and changes with ERR_TABS_READ_ONLY.
 */
export class ObserverConnection extends ProxyConnection {
  /** @throws ERR_TABS_BAD_OPTION if an option is unknown or has a wrong value */
  constructor(options: JoinOptions) {
    checkOptions('joinNamespace', options, CHECKS);
    super(options);
    this.hostClient.finder = {greet: markAsObserver};
    this.hostClient.open();
  }

  /** The constructor opens the host client after it has set `finder`, which marks the greeting. @internal */
  protected override get opensImmediately(): boolean {
    return false;
  }
}

/** Called before the greeting is posted. */
function markAsObserver(hello: Hello): undefined {
  hello.isObserver = true;
}
