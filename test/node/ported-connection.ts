import {ProxyConnection} from '../../lib/index.js';
import type {Channel} from '../../lib/platform/platform.js';
import type {Clearing} from '../../lib/protocol/clearing.js';
import type {Hello} from '../../lib/protocol/frames.js';
import type {ProxyConnectionOptions} from '../../lib/tab/connection-options.js';

/** A connection that can greet its host on a MessagePort, as a connection to a shared worker does. */
export class PortedConnection extends ProxyConnection {
  /**
   * @param greetOnPort gives the greeting and one end of a port to the host.
   * @returns the other end, or undefined if there is none
   * @param closeIfCleared closes the connection if its user has signed out. It returns whether the connection is closed.
   */
  constructor(options: ProxyConnectionOptions, greetOnPort: (hello: Hello) => Channel | undefined, closeIfCleared = (_cleared: Clearing | undefined): boolean => false) {
    super(options);
    this.hostClient.finder = {greet: greetOnPort, closeIfCleared};
    this.hostClient.open();
  }

  protected override get opensImmediately(): boolean {
    return false;
  }
}
