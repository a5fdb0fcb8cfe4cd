import {expose, wrap, connectionOf, type Connection, type Remote, type RemoteOptions} from '../../lib/remote.js';

export interface ConnectedPair<T> {
  remote: Remote<T>;
  /** The connection of this side, and the connection of the side that exposes the value. */
  here: Connection;
  there: Connection;
  ports: [MessagePort, MessagePort];
  errors: {error: Error; what: string}[];
}

const open: Connection[] = [];
const ports: MessagePort[] = [];

/** Two connections over a MessageChannel, in one thread. */
export function connect<T>(value: T, options: RemoteOptions = {}, theirs: RemoteOptions = options): ConnectedPair<T> {
  const {port1, port2} = new MessageChannel();
  const errors: ConnectedPair<T>['errors'] = [];
  const onError = (error: Error, what: string): void => void errors.push({error, what});
  const there = expose(value, port1, {onError, ...theirs});
  const remote = wrap<T>(port2, {onError, ...options});
  const here = connectionOf(remote as never);
  open.push(there, here);
  ports.push(port1, port2);
  return {remote, here, there, ports: [port1, port2], errors};
}

/** Closes all connections. Open ports keep Node alive. */
export function closeAll(): void {
  for (const connection of open.splice(0)) connection.close();
  for (const port of ports.splice(0)) port.close();
}

export async function rejection(promise: PromiseLike<unknown>): Promise<any> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('It was to be rejected');
}
