/** The token goes beside the subprotocol, not into the URL, which proxies and servers log. */
export const authorize = (url: string, token: string): {url: string; protocols: string[]} => ({url, protocols: ['sharedb', token]});
