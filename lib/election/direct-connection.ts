import type {Host} from '../host/host.js';
import type {Mode} from '../options/connect-options.js';
import {browserPlatform} from '../platform/browser.js';
import {nextTick} from '../platform/next-tick.js';
import type {Locks, OpenChannel} from '../platform/platform.js';
import type {RetrySchedule} from '../platform/retry-schedule.js';
import {TabsError} from '../protocol/errors.js';
import type {HostMonitor} from './host-monitor.js';
import type {HostProvider} from './host-provider.js';
import {serverOf, startDirectHost, type HostingTab} from './page-host.js';
import {ReturnToSharedHost, type ReturnOptions} from './return-to-shared-host.js';

/** A direct connection has a host without the history that these edits were made on. It can't know which of the edits the server has. */
const EDITS_WAIT = 'This tab has edits that its last host may have handed on: they wait for a host that tabs share, which is tried again';

/** The connection that may become a direct one. */
export interface DirectTab {
  /** How this tab reaches the server. */
  mode: Mode | undefined;
  readonly isClosed: boolean;
  /** Whether this tab has edits that only hosts of the last host's lineage can continue with. */
  readonly hasOpsOfHost: boolean;
  readonly hostClient: {moveTo(own: {channel?: OpenChannel | undefined; locks?: Locks | undefined}): void};
  hasPending(): boolean;
  emit(event: 'mode', mode: Mode, reason: string): unknown;
}

/** The search for a host that tabs share. A direct connection stands in for such a host. */
export interface SharedHostSearch {
  /** Whether the tab uses channels that it shares with other tabs. */
  isAmongTabs: boolean;
  readonly monitor: HostMonitor;
  readonly retry: RetrySchedule;
  startOver(): void;
  sharedWorkerHost(): HostProvider | undefined;
}

/** A host of one tab alone, for a tab that can share none, and the return to a host that tabs share. */
export class DirectConnection {
  private host: Host | undefined;
  private wayBack: ReturnToSharedHost | undefined;

  /** @param channel opens channels within the page */
  constructor(
    private readonly tab: DirectTab, private readonly search: SharedHostSearch, private readonly hosting: HostingTab,
    private readonly modes: readonly Mode[], private readonly channel: OpenChannel
  ) {}

  /** Starts the host. Rejects with ERR_TABS_NO_HOST if the options name no server, or if edits of the tab wait for another host. */
  async begin(reason: string): Promise<void> {
    const {tab, search, hosting, channel} = this;
    const server = serverOf(hosting, `${reason}. For a direct connection`);
    // Until its own host can start, a tab accepts any other host that announces itself.
    if (tab.isClosed || tab.mode !== 'direct') return;
    if (search.isAmongTabs && tab.hasOpsOfHost) throw new TabsError('ERR_TABS_NO_HOST', `${reason}. ${EDITS_WAIT}`);
    search.monitor.stop();
    if (search.isAmongTabs) tab.hostClient.moveTo({channel});
    search.isAmongTabs = false;
    this.host = await startDirectHost(server, hosting, channel);
    search.retry.reset();
    if (this.modes.length > 1) (this.wayBack ??= new ReturnToSharedHost(this.returnOptions())).begin();
    tab.emit('mode', 'direct', reason);
  }

  /** Looks for a host that tabs share. */
  look(): void {
    this.wayBack?.look();
  }

  /** The tab has a host that tabs share. */
  reset(): void {
    this.wayBack?.reset();
  }

  /** The tab's connection is closed. @returns closes the host, after the last messages to it */
  end(): () => void {
    const {host} = this;
    this.wayBack?.end();
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
