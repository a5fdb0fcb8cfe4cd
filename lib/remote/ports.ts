import {RemoteError} from './errors.js';
import {transfer} from './markers.js';

let exposeAt: ((value: unknown, port: MessagePort) => void) | undefined;

/** Connections are made by what is above this file. */
export const setPortExposer = (expose: (value: unknown, port: MessagePort) => void): void => void (exposeAt = expose);

/** A port, to be handed to a third context, behind which a value is exposed. */
export function portTo(value: unknown): unknown {
  if (!exposeAt || typeof MessageChannel !== 'function') throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'There are no message channels here');
  const {port1, port2} = new MessageChannel();
  exposeAt(value, port1);
  return transfer(port2);
}
