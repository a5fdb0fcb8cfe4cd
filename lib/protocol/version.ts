/** Raised when a tab and a host of different builds could misunderstand each other. */
export const PROTOCOL_VERSION = 1;

/** Names of the channels and locks of one namespace. */
export const lobbyName = (namespace: string): string => `sharedb-tabs:${namespace}`;
export const tabChannelName = (namespace: string, tabId: string): string => `${lobbyName(namespace)}:${tabId}`;
export const hostLockName = (namespace: string): string => `${lobbyName(namespace)}/host`;
export const tabLockName = (namespace: string, tabId: string): string => `${lobbyName(namespace)}/tab/${tabId}`;
