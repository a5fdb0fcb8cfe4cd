import {Host, type HostOptions} from '../host/host.js';
import {takeOffice} from './office.js';

export interface HostingOptions extends Omit<HostOptions, 'connection'> {
  namespace: string;
  build: string;
  /** Take the place of a host that does not answer. */
  steal: boolean;
  /** Called when it is this host's turn. */
  connect(): unknown;
  /** Stops the host, or the waiting for its turn. */
  signal: AbortSignal;
}

/**
 * Hosts a namespace when it is our turn, until the signal, or until another host takes over.
 * @param onStopped called once, when that is over
 */
export function host(options: HostingOptions, onStopped: () => void): void {
  const {namespace, build, steal, locks, connect, signal} = options;
  let running: Host | undefined;
  const stop = (): void => running?.close();
  const finish = (): void => {
    signal.removeEventListener('abort', finish);
    onStopped();
  };
  // While it waits, there is nothing to stop but the waiting.
  signal.addEventListener('abort', finish);
  takeOffice({namespace, build, steal, locks, signal, channel: options.channel ?? (name => new BroadcastChannel(name))}, async () => {
    signal.removeEventListener('abort', finish);
    if (signal.aborted) return;
    running = new Host({...options, connection: connect()});
    signal.addEventListener('abort', stop);
    await running.whenClosed;
    signal.removeEventListener('abort', stop);
    onStopped();
  }, stop);
}
