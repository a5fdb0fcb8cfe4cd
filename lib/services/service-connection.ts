import type {Host} from '../host/host.js';
import {memoryChannels} from '../platform/memory.js';
import type {Channel, Clock, Locks} from '../platform/platform.js';
import type {Hello} from '../protocol/frames.js';
import {ProxyConnection} from '../tab/proxy-connection.js';

/** Nobody else is to notice its death: it is never granted. */
const NO_LOCKS: Locks = {request: () => new Promise(() => {})};

/** A service's connection: a tab's, on a port within the host's thread. */
export class HostedConnection extends ProxyConnection {
  constructor(private readonly ownHost: Host, private readonly service: string, clock: Clock) {
    // The greeting channel is private: this host is the only one for it.
    super({namespace: ownHost.namespace, channel: memoryChannels(), locks: NO_LOCKS, clock});
    this.openLink();
  }

  protected override get opensAtOnce(): boolean {
    return false;
  }

  protected override greet(hello: Hello): Channel | undefined {
    const open = memoryChannels();
    const [own, other] = [open('port'), open('port')];
    return this.ownHost.admitService(this.service, hello, other) ? own : undefined;
  }

  /** Resolves when the results of the shared queries on these collections are what the server has, or after 2 s. */
  settleQueries(collections: readonly string[]): Promise<unknown> {
    return this.callHost('queries.settle', collections);
  }
}
