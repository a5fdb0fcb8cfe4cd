/** The actions of ShareDB's own messages (sharedb's lib/message-actions.js). */
const SHAREDB = /^(init|hs|fixup|q[fsu]?|b?[fsu]|n[ft]|op|p[prsu]?)$/;

/**
 * Whether a message belongs to the app and not to ShareDB. Apps send such messages with `connection.send`, read them in the event
 * `receive`, and handle them in the server's middleware.
 */
export function isOfApp(message: unknown): boolean {
  const {a} = (message ?? {}) as {a?: unknown};
  return typeof a !== 'string' || !SHAREDB.test(a);
}
