/**
 * Whether this is a server that renders pages: neither a page nor a worker. A connection stays 'connecting' there and opens nothing, so
 * that what is rendered is what the browser renders first, and a server does not hold a socket for each request.
 */
export const isRenderedOnServer = (): boolean => typeof window === 'undefined' && !('WorkerGlobalScope' in globalThis);
