import {RemoteError} from './errors.js';
import {transfer} from './markers.js';

let exposeAt: ((value: unknown, port: MessagePort) => void) | undefined;

/** Set by a file above this one, which creates connections. `service` alone does not load the code of endpoints. */
export const setPortExposer = (expose: (value: unknown, port: MessagePort) => void): void => void (exposeAt = expose);

/** A port for a third context, with the value exposed behind it. */
export function portTo(value: unknown): unknown {
  if (!exposeAt || typeof MessageChannel !== 'function') throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'There is no MessageChannel in this context');
  const {port1, port2} = new MessageChannel();
  exposeAt(value, port1);
  return transfer(port2);
}
