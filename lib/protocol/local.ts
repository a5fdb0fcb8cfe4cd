/** Documents of collections with this prefix exist only in the host and its store. The server never receives them. */
const LOCAL_PREFIX = 'local:';

/** Whether a collection is local. Works for presence channels too, since a document's channel name begins with its collection. */
export const isLocal = (name: unknown): boolean => typeof name === 'string' && name.startsWith(LOCAL_PREFIX);
