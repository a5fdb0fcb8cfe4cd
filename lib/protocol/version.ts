/**
 * Raise this when a tab and a host of different builds could misunderstand each other. lib/README.md says what each number changed:
 * see "Protocol". Greetings, the mirror's messages and the messages between a page and a worker do not depend on it: builds of
 * different protocols exchange them, so their names stay.
 */
export const PROTOCOL_VERSION = 4;

/**
 * Whether one build is newer than another. Compares the protocol first, then the app's names of its builds, with digits compared
 * as numbers. If one of the two has no name, neither is newer.
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
 * The lock of the tab that provides the host if no shared worker does. Each build has an election of its own. If there are two,
 * the host of the older build closes for the newer one.
 */
export const electionLockName = (namespace: string, build: string): string =>
  `${greetingChannelName(namespace)}/election/${PROTOCOL_VERSION}/${build}`;
/** The lock of the tab that replaces a host which does not answer. */
export const replaceHostLockName = (namespace: string): string => `${greetingChannelName(namespace)}/replace-host`;
/** The channel on which a host without a store posts its changes. */
export const mirrorName = (namespace: string): string => `${greetingChannelName(namespace)}/mirror`;
/**
 * The locks of the tabs that mirror those changes. There are two mirrors, because the tab that started a shared worker can crash
 * together with it.
 */
export const mirrorLockNames = (namespace: string): string[] => [1, 2].map(place => `${mirrorName(namespace)}/${place}`);
