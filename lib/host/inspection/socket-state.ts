import type {SocketState} from '../../protocol/report.js';
import type {RealConnection} from '../upstream.js';

/** By `WebSocket.readyState`. */
const STATES: readonly SocketState[] = ['connecting', 'open', 'closing', 'closed'];

/** The state of the WebSocket of a connection, for a report. The socket of an app may be anything. */
export function socketOf(connection: RealConnection): {socket?: SocketState} {
  const {readyState} = (connection as {socket?: {readyState?: unknown} | null}).socket ?? {};
  const socket = typeof readyState === 'number' ? STATES[readyState] : undefined;
  return socket ? {socket} : {};
}
