import type {Clock, Locks, OpenChannel} from '../platform/platform.js';
import type {Clearing} from '../protocol/clearing.js';
import type {Place} from '../protocol/frames.js';
import type {StoreOptions} from './open-store.js';
import type {OfflineQueries} from './queries/local-queries.js';
import type {FaultAccess} from './server/connect-gate.js';
import type {IsTransient} from './server/server-faults.js';

/** The options of a host, without those that are given the host itself. */
export interface HostSettings {
  /** The real ShareDB `Connection`. The host owns it: other code must not use its documents. */
  connection: unknown;
  /** Keeps users and environments apart: only tabs and hosts of the same namespace find each other. Default 'default'. */
  namespace?: string | undefined;
  /** Opens a channel by name. Default: `name => new BroadcastChannel(name)`. */
  channel?: OpenChannel | undefined;
  /** `navigator.locks`, or an object that works like it: tells the host which tabs have ended. Default: the browser's; none if `channel` is given. */
  locks?: Locks | undefined;
  /** Default: the system's time and timers. */
  clock?: Clock | undefined;
  /** Where the host runs, for the tabs' `mode`. Default 'direct': in the process of its tabs. */
  place?: Place | undefined;
  /** The app's build. This host closes when a host of a newer build waits for the host lock. */
  build?: string | undefined;
  /** The generation of the host that this one replaces. Default 0: the clock gives a later one anyway. */
  after?: number | undefined;
  /**
   * Stores documents, and edits that the server has not acknowledged, so that they survive a restart. `false` switches it off.
   * Default: IndexedDB, if the environment has it.
   */
  store?: StoreOptions | false | undefined;
  /**
   * Whether up to two tabs keep a copy in memory if there is no store, so that the next host can continue from it.
   * Default: true in every `place` but 'direct', where the host ends with its tab.
   */
  mirror?: boolean | undefined;
  /** The host closes when it has had no tab for this long, in ms. Default: never. */
  idleAfter?: number | undefined;
  /** The namespace's last clearing. Data that was stored before it is deleted, and never read. */
  cleared?: Clearing | undefined;
  /** Whether the namespace was cleared after this host began. A host in a page can find out by itself. */
  isCleared?: (() => boolean) | undefined;
  /**
   * Whether an error of the server is a temporary fault. The op is then sent again later, and a read is requested again. `undefined` leaves
   * the decision to the library: errors with a code of a network or database are faults, and so are a driver's errors about lost connections.
   */
  isTransient?: IsTransient | undefined;
  /** Computes the results of queries without a server. Default: the server's last results are used. */
  queries?: OfflineQueries | undefined;
  /** Lets the inspector cause faults in this host. Default: it may not. @internal */
  faults?: FaultAccess | undefined;
  /** Called with each warning, e.g. when a message is dropped. Default: `console.warn`. */
  warn?: ((message: string, detail: unknown) => void) | undefined;
}
