/** Documents of collections with this prefix live in the host and its store. The server is never told of them. */
const LOCAL_PREFIX = 'local:';

/** Whether a collection is local, or a presence channel, which begins with the name of its document's collection. */
export const isLocal = (name: unknown): boolean => typeof name === 'string' && name.startsWith(LOCAL_PREFIX);
