/** The actions of ShareDB's own messages (sharedb's lib/message-actions.js). */
const SHAREDB = /^(init|hs|fixup|q[fsu]?|b?[fsu]|n[ft]|op|p[prsu]?)$/;

/** Whether a message is an app's own, for which ShareDB has `connection.send`, the event `receive`, and the server's middleware. */
export function isOfApp(message: unknown): boolean {
  const {a} = (message ?? {}) as {a?: unknown};
  return typeof a !== 'string' || !SHAREDB.test(a);
}
