import type {SocketState} from '../../protocol/report.js';
import type {RealConnection} from '../upstream.js';

/** The states by `WebSocket.readyState`. */
const STATES: readonly SocketState[] = ['connecting', 'open', 'closing', 'closed'];

/** Returns the state of a connection's WebSocket, for a report. An app's own socket may have no `readyState`. */
export function socketOf(connection: RealConnection): {socket?: SocketState} {
  const {readyState} = (connection as {socket?: {readyState?: unknown} | null}).socket ?? {};
  const socket = typeof readyState === 'number' ? STATES[readyState] : undefined;
  return socket ? {socket} : {};
}
