import type {Host} from '../host/host.js';
import type {Mode} from '../options/connect-options.js';
import {browserPlatform} from '../platform/browser.js';
import {nextTick} from '../platform/next-tick.js';
import type {Locks, OpenChannel} from '../platform/platform.js';
import type {RetrySchedule} from '../platform/retry-schedule.js';
import type {Clearing} from '../protocol/clearing.js';
import {TabsError} from '../protocol/errors.js';
import type {HostMonitor} from './host-monitor.js';
import type {HostProvider} from './host-provider.js';
import {serverOf, startDirectHost, type HostingTab} from './page-host.js';
import {ReturnToSharedHost, type ReturnOptions} from './return-to-shared-host.js';

/** The host of a direct connection lacks the history of these edits, so it can't find out which of them the server has. */
const EDITS_WAIT = 'This tab has edits that its last host may have handed on: they wait for a host that tabs share, which is tried again';

/** The part of a connection that a {@link DirectConnection} uses. */
export interface DirectTab {
  /** The hosting mode of this tab; undefined while none is chosen. */
  mode: Mode | undefined;
  readonly isClosed: boolean;
  /** Whether this tab has edits that only a host of the last host's lineage can accept. */
  readonly hasOpsOfHost: boolean;
  readonly hostClient: {moveTo(own: {channel?: OpenChannel | undefined; locks?: Locks | undefined}): void};
  hasPending(): boolean;
  /**
   * Closes the connection if another tab has signed out.
   * @param cleared a clearing of the namespace that this tab may not know yet
   * @returns whether the connection is closed
   */
  closeIfCleared(cleared?: Clearing): boolean;
  emit(event: 'mode', mode: Mode, reason: string): unknown;
}

/** The part of the search for a shared host that a {@link DirectConnection} uses. */
export interface SharedHostSearch {
  /** Whether the tab uses channels that reach other tabs. */
  isAmongTabs: boolean;
  readonly monitor: HostMonitor;
  readonly retry: RetrySchedule;
  startOver(): void;
  sharedWorkerHost(): HostProvider | undefined;
}

/** Runs a host for one tab alone, because no shared host is available, and returns to a shared host later. */
export class DirectConnection {
  private host: Host | undefined;
  private returning: ReturnToSharedHost | undefined;

  /**
   * @param modes the available modes, in order of preference
   * @param channel opens channels within the page
   */
  constructor(
    private readonly tab: DirectTab, private readonly search: SharedHostSearch, private readonly hosting: HostingTab,
    private readonly modes: readonly Mode[], private readonly channel: OpenChannel
  ) {}

  /**
   * Starts the host. Rejects with ERR_TABS_NO_HOST if the options name no server, or if the tab has edits that only a host of the last
   * host's lineage can accept.
   */
  async begin(reason: string): Promise<void> {
    const {tab, search, hosting, channel} = this;
    const server = serverOf(hosting, `${reason}. For a direct connection`);
    // Meanwhile the tab may have been welcomed by another host, which sets another mode.
    if (tab.isClosed || tab.mode !== 'direct') return;
    if (search.isAmongTabs && tab.hasOpsOfHost) throw new TabsError('ERR_TABS_NO_HOST', `${reason}. ${EDITS_WAIT}`);
    search.monitor.stop();
    if (search.isAmongTabs) tab.hostClient.moveTo({channel});
    search.isAmongTabs = false;
    this.host = await startDirectHost(server, hosting, channel);
    // It may have found in its database that this tab's user has signed out.
    void this.host.whenClosed.then(() => tab.closeIfCleared());
    search.retry.reset();
    if (this.modes.length > 1) (this.returning ??= new ReturnToSharedHost(this.returnOptions())).begin();
    tab.emit('mode', 'direct', reason);
  }

  /** Checks whether a shared host exists, and tries to start one if not. */
  look(): void {
    this.returning?.look();
  }

  /** The tab is connected to a shared host again. */
  reset(): void {
    this.returning?.reset();
  }

  /** Stops the search for a shared host. @returns a function that closes the own host. Call it after the tab's last messages. */
  end(): () => void {
    const {host} = this;
    this.returning?.end();
    return () => void host?.close();
  }

  private returnOptions(): ReturnOptions {
    const {tab, search, modes, hosting: {namespace, clock, options}} = this;
    return {
      namespace, clock, channel: browserPlatform(options).channel,
      isHostThere: () => search.monitor.isHostLockHeld(),
      source: () => (modes[0] === 'shared-worker' ? search.sharedWorkerHost() : undefined),
      canLeave: () => !tab.hasPending() && !!this.host?.isDispensable,
      leave: () => this.leave()
    };
  }

  private leave(): void {
    const {host, tab, search} = this;
    tab.mode = this.host = undefined;
    search.isAmongTabs = true;
    tab.hostClient.moveTo(this.hosting.options);
    search.startOver();
    nextTick(() => host?.close());
  }
}
