/**
 * Whether this is a server that renders pages: neither a page nor a worker. A connection without a backend or socket of the app stays
 * 'connecting' there and opens nothing. So the server renders the same as the browser's first render, and holds no socket for each request.
 */
export const isRenderedOnServer = (): boolean => typeof window === 'undefined' && !('WorkerGlobalScope' in globalThis);
