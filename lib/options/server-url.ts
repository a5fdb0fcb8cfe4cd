import type {ServerUrl} from '../host/server/server-connection.js';
import {TabsError} from '../protocol/errors.js';

/**
 * Makes a URL absolute, with `ws:` or `wss:`. The page does this, because a worker resolves URLs against its script's.
 * @throws ERR_TABS_BAD_OPTION if that is impossible
 */
export function absoluteUrl(url: string): string {
  const base = baseUrl();
  if (base === undefined) return url;
  const absolute = parse(url, base);
  if (absolute) absolute.protocol = absolute.protocol.replace(/^http/, 'ws');
  if (absolute && /^wss?:$/.test(absolute.protocol)) return absolute.href;
  throw new TabsError(
    'ERR_TABS_BAD_OPTION',
    `createConnection: option url (${url.replace(/\?.*/s, '')}) does not lead to a WebSocket from a page at ${base}: give an absolute ws: or wss: URL`
  );
}

export function absoluteServerUrl(url: ServerUrl): ServerUrl {
  return typeof url === 'function' ? async () => absoluteUrl(await url()) : absoluteUrl(url);
}

/**
 * The location of a srcdoc frame is `about:srcdoc`, which can't be a base URL; `baseURI` falls back to the parent's (HTML,
 * "document base URL").
 */
function baseUrl(): string | undefined {
  if (typeof document !== 'undefined') return document.baseURI;
  return typeof location === 'undefined' ? undefined : location.href;
}

function parse(url: string, base: string): URL | undefined {
  try {
    return new URL(url, base);
  } catch {
    return undefined;
  }
}
