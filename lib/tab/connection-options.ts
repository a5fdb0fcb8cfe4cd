import type {Clock, Locks, OpenChannel} from '../platform/platform.js';

/** Options of a `ProxyConnection`, which finds its host over channels. */
export interface ProxyConnectionOptions {
  /** Separates users and environments: tabs and the host of one namespace find each other. Default 'default'. */
  namespace?: string | undefined;
  /** Opens a channel by name. Default: `name => new BroadcastChannel(name)`. */
  channel?: OpenChannel | undefined;
  /**
   * `navigator.locks` or an object with the same interface. With it, the host detects that this tab has ended. Default: the browser's
   * locks; none if `channel` is given.
   */
  locks?: Locks | undefined;
  /** Default: the system's time and timers. */
  clock?: Clock | undefined;
  /** How long the host may send nothing, in ms, before it is pinged, and how long it then has to answer. Default 5000. */
  hostTimeout?: number | undefined;
  /** Shows the stored state at once, even if the server can be reached, and updates it afterwards. Default false. */
  storedFirst?: boolean | undefined;
  /** Returns the app's own version of a document's data, for `ensureDocHasRecentData` and `isDocInInventory`. Default: ShareDB's. */
  versionDecoder?: ((data: any) => number | string | null | undefined) | undefined;
  /** Returns a token for the server. The host asks for one at each connection attempt, first in the visible or the newest tab. */
  getToken?: (() => string | Promise<string>) | undefined;
  /**
   * Logs in this tab's console what the tab and the host do: true, or some of 'mode', 'link', 'message', 'host', 'doc', 'store', 'server',
   * as in 'host,server'. The host's warnings and errors are always logged. Default false.
   */
  debug?: boolean | string | undefined;
  /** Receives warnings about dropped messages and data that can't be kept. Default: `console.warn`. */
  warn?: ((message: string, detail: unknown) => void) | undefined;
}

/** The names of all options. The type check fails if a name is missing here. */
export const CONNECTION_OPTIONS: readonly string[] = Object.keys({
  namespace: 1, channel: 1, locks: 1, clock: 1, hostTimeout: 1, storedFirst: 1, versionDecoder: 1, getToken: 1, debug: 1, warn: 1
} satisfies Record<keyof ProxyConnectionOptions, 1>);
