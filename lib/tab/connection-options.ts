import type {Clock, Locks, OpenChannel} from '../platform/platform.js';

/** The options of a `ProxyConnection`, which finds its host itself over channels. */
export interface ProxyConnectionOptions {
  /** Users and environments apart: tabs and host of one namespace find each other. Default 'default'. */
  namespace?: string | undefined;
  /** Opens a channel by name. Default: `name => new BroadcastChannel(name)`. */
  channel?: OpenChannel | undefined;
  /** `navigator.locks` or its like; tells the host of this tab's death. Default: the browser's, none with an own `channel`. */
  locks?: Locks | undefined;
  /** Default: the system's time and timers. */
  clock?: Clock | undefined;
  /** How long the host may be silent, in ms, before it is asked, and then how long it may take to answer. Default 5000. */
  hostTimeout?: number | undefined;
  /** Shows the stored state at once, also while the server is there, and brings it up to date then. Default false. */
  storedFirst?: boolean | undefined;
  /** The app's own version of a document's data, for `ensureDocHasRecentData` and `isDocInInventory`. Default: ShareDB's. */
  versionDecoder?: ((data: any) => number | string | null | undefined) | undefined;
  /** Gives the host a token for the server; asked for each (re)connect, of the visible or newest tab first. */
  getToken?: (() => string | Promise<string>) | undefined;
  /**
   * Tells in this tab's console what tab and host do: true, or some of 'mode', 'link', 'message', 'host', 'doc',
   * 'store', 'server', as in 'host,server'. The host's warnings and errors come in any case. Default false.
   */
  debug?: boolean | string | undefined;
  /** What is dropped and why. Default: `console.warn`. */
  warn?: ((message: string, detail: unknown) => void) | undefined;
}
