import type {Host} from '../host/host.js';
import {memoryChannels} from '../platform/memory.js';
import type {Channel, Clock, Locks} from '../platform/platform.js';
import type {Hello} from '../protocol/frames.js';
import {ProxyConnection} from '../tab/proxy-connection.js';

/** Nobody watches for the death of a service's connection, so its lock is never granted. */
const NO_LOCKS: Locks = {request: () => new Promise(() => {})};

/** A service's connection: like a tab's, but on a port inside the host's thread. */
export class HostedConnection extends ProxyConnection {
  constructor(host: Host, service: string, clock: Clock) {
    // The greeting channel is private: only this host can be reached.
    super({namespace: host.namespace, channel: memoryChannels(), locks: NO_LOCKS, clock});
    this.hostClient.finder = {greet: hello => greet(host, service, hello)};
    this.hostClient.open();
  }

  protected override get opensImmediately(): boolean {
    return false;
  }

  /** Resolves when the results of the shared queries on these collections match the server, or after 2 s. */
  settleQueries(collections: readonly string[]): Promise<unknown> {
    return this.callHost('queries.settle', collections);
  }
}

function greet(host: Host, service: string, hello: Hello): Channel | undefined {
  const open = memoryChannels();
  const [own, other] = [open('port'), open('port')];
  return host.admitService(service, hello, other) ? own : undefined;
}
