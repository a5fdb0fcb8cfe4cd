import type {CloseInfo} from './fatal-ops.js';

/** Why a connection was closed, as it is sent to tabs: ShareDB's own text, or the code and the reason of the WebSocket's event. */
export function closeReason(reason: unknown): string | CloseInfo | undefined {
  if (typeof reason === 'string') return reason;
  const {code, reason: text} = (reason ?? {}) as {code?: unknown; reason?: unknown};
  return typeof code === 'number' ? {code, reason: typeof text === 'string' ? text : ''} : undefined;
}
