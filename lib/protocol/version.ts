/** Raised when a tab and a host of different builds could misunderstand each other. */
export const PROTOCOL_VERSION = 3;

/**
 * Whether one build is newer than another: by the protocol, else by what the app calls its builds, digits
 * compared as numbers. Where one side does not say, neither is.
 */
export function isNewer(one: {protocol: number; build: string}, other: {protocol: number; build: string}): boolean {
  if (one.protocol !== other.protocol) return one.protocol > other.protocol;
  return !!one.build && !!other.build && one.build.localeCompare(other.build, 'en', {numeric: true}) > 0;
}

/** Names of the channels and locks of one namespace. */
export const greetingChannelName = (namespace: string): string => `sharedb-tabs:${namespace}`;
export const tabChannelName = (namespace: string, tabId: string): string => `${greetingChannelName(namespace)}:${tabId}`;
export const hostLockName = (namespace: string): string => `${greetingChannelName(namespace)}/host`;
export const tabLockName = (namespace: string, tabId: string): string => `${greetingChannelName(namespace)}/tab/${tabId}`;
/**
 * Held by the tab whose turn it is to provide the host, where no shared worker does. Each build elects its own:
 * where there are two, the current host makes room for the newer one.
 */
export const electionLockName = (namespace: string, build: string): string =>
  `${greetingChannelName(namespace)}/election/${PROTOCOL_VERSION}/${build}`;
/** Held by the tab that replaces a host which does not answer. */
export const replaceHostLockName = (namespace: string): string => `${greetingChannelName(namespace)}/rescue`;
/** Where a host without a store posts what it would have stored. */
export const mirrorName = (namespace: string): string => `${greetingChannelName(namespace)}/mirror`;
/** Each held by a tab that mirrors that. Two, since the tab that started a shared worker takes it along when it crashes. */
export const mirrorLockNames = (namespace: string): string[] => [1, 2].map(place => `${mirrorName(namespace)}/${place}`);
