import type {Hello} from '../protocol/frames.js';
import type {ProxyConnectionOptions} from '../tab/connection-options.js';
import {ProxyConnection} from '../tab/proxy-connection.js';

/** How a page joins a namespace to look at it. */
export type JoinOptions = Pick<ProxyConnectionOptions, 'namespace' | 'channel' | 'locks' | 'clock'>;

/**
 * A read-only connection: it finds the host of its namespace, and starts none. The host counts it as no tab, refuses it documents,
 * and lets it change nothing.
 */
export class ObserverConnection extends ProxyConnection {
  constructor(options: JoinOptions) {
    super(options);
    this.hostClient.finder = {greet: markAsObserver};
    this.hostClient.open();
  }

  /** The greeting is marked before. @internal */
  protected override get opensAtOnce(): boolean {
    return false;
  }
}

/** The greeting is posted after this. */
function markAsObserver(hello: Hello): undefined {
  hello.isObserver = true;
}
