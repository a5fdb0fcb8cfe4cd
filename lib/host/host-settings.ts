import type {Clock, Locks, OpenChannel} from '../platform/platform.js';
import type {Clearing} from '../protocol/clearing.js';
import type {Place} from '../protocol/frames.js';
import type {StoreOptions} from './open-store.js';
import type {OfflineQueries} from './queries/local-queries.js';
import type {FaultAccess} from './server/connect-gate.js';
import type {IsTransient} from './server/server-faults.js';

/** The options of a host, except those that receive the host itself. */
export interface HostSettings {
  /** The real ShareDB `Connection`. The host owns it: other code must not use its documents. */
  connection: unknown;
  /** Separates users and environments: tabs and hosts of one namespace find each other. Default 'default'. */
  namespace?: string | undefined;
  /** Opens a channel by name. Default: `name => new BroadcastChannel(name)`. */
  channel?: OpenChannel | undefined;
  /**
   * `navigator.locks` or an object with the same interface. With it, the host detects that tabs have ended. Default: the browser's locks;
   * none if `channel` is given.
   */
  locks?: Locks | undefined;
  /** Default: the system's time and timers. */
  clock?: Clock | undefined;
  /** Where the host runs, which its tabs report as `mode`. Default 'direct': in the thread of its tab. */
  place?: Place | undefined;
  /** The app's build. This host closes when a host of a newer build waits for the host lock. */
  build?: string | undefined;
  /** The generation of the host that this one replaces. Default 0, because the clock usually gives a higher generation. */
  after?: number | undefined;
  /**
   * The options of the store, which keeps documents and unsent edits across restarts, or `false` for none.
   * Default: IndexedDB, if the environment has it.
   */
  store?: StoreOptions | false | undefined;
  /**
   * Whether up to two tabs keep a copy in memory if there is no store, so that the next host can continue from it. Default: true, except if
   * `place` is 'direct', where the host ends with its tab.
   */
  mirror?: boolean | undefined;
  /** How long the host stays open without a tab, in ms. Default: for ever. */
  idleAfter?: number | undefined;
  /** The namespace's last clearing. Data that was stored before it is deleted without being read. */
  cleared?: Clearing | undefined;
  /** For a host in a page: returns whether the namespace was cleared after the page began. `last` is the last clearing that the host knows. */
  isCleared?: ((last: Clearing | undefined) => boolean) | undefined;
  /**
   * Returns whether an error of the server is a temporary fault, so that the op or the request is sent again later. If it returns
   * `undefined`, the library decides: errors with a code of a network or database are faults, and so are a driver's errors about lost
   * connections. All others are refusals.
   */
  isTransient?: IsTransient | undefined;
  /** Computes the results of queries while the server is unreachable. Default: the server's last results are used. */
  queries?: OfflineQueries | undefined;
  /** Lets the inspector cause faults in this host. If missing, faults are refused. @internal */
  faults?: FaultAccess | undefined;
  /** Called with each warning, for example when a message is dropped. Default: `console.warn`. */
  warn?: ((message: string, detail: unknown) => void) | undefined;
}
