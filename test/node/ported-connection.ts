import {ProxyConnection} from '../../lib/index.js';
import type {Channel} from '../../lib/platform/platform.js';
import type {SessionId} from '../../lib/protocol/ids.js';
import type {ProxyConnectionOptions} from '../../lib/tab/linked-connection.js';

/** A connection that can offer its host a port, as one has that is connected to a shared worker. */
export class PortedConnection extends ProxyConnection {
  /** @param offer offers the other end to the host. @returns this one's, or none */
  constructor(options: ProxyConnectionOptions, private readonly offer: (session: SessionId) => Channel | undefined) {
    super(options);
  }

  protected override openPort(session: SessionId): Channel | undefined {
    return this.offer(session);
  }
}
