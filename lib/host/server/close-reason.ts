import type {CloseInfo} from './fatal-ops.js';

/** Returns the reason for the end of a connection in the form for tabs: ShareDB's text, or the code and reason of the WebSocket's event. */
export function closeReason(reason: unknown): string | CloseInfo | undefined {
  if (typeof reason === 'string') return reason;
  const {code, reason: text} = (reason ?? {}) as {code?: unknown; reason?: unknown};
  return typeof code === 'number' ? {code, reason: typeof text === 'string' ? text : ''} : undefined;
}
