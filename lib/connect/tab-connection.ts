import {availableModes} from '../election/available-modes.js';
import {startEarly} from '../election/early-worker.js';
import type {BackendOrSocket, ConnectOptions, Mode} from '../options/connect-options.js';
import {browserPlatform} from '../platform/browser.js';
import {memoryChannels} from '../platform/memory.js';
import {nextTick} from '../platform/next-tick.js';
import {isRenderedOnServer} from '../platform/rendered-on-server.js';
import type {Clearing} from '../protocol/clearing.js';
import type {OrphanedOpsMessage} from '../protocol/messages.js';
import type {TabReport} from '../protocol/report.js';
import {ProxyConnection} from '../tab/proxy-connection.js';
import {ClearingMark} from './clearing-mark.js';
import {followPage} from './follow-page.js';
import {HostSearch} from './host-search.js';
import {OrphanedOpsStorage} from './orphaned-ops-storage.js';
import {StartableHosts} from './startable-hosts.js';

/** The connection that `createConnection` returns: a {@link ProxyConnection} that starts or finds its host. */
export class TabConnection extends ProxyConnection {
  /** The mode in which this tab reaches the server; undefined until it is known. The event `mode` (mode, reason) reports changes. */
  mode: Mode | undefined;
  private readonly connectOptions: ConnectOptions;
  private readonly search: HostSearch;
  private stopFollowingPage: () => void = () => {};
  private readonly mark: ClearingMark | undefined;
  private readonly orphanedOpsStorage: OrphanedOpsStorage | undefined;

  /** Use `createConnection` instead, which checks the options. */
  constructor(options: ConnectOptions, backendOrSocket: BackendOrSocket | undefined) {
    const {namespace = 'default'} = options;
    const {locks} = browserPlatform(options);
    const available = availableModes(options, backendOrSocket, locks);
    // An app that supplies a backend or socket also needs the connection when a server renders the page.
    const isRendered = !backendOrSocket && isRenderedOnServer();
    const {sharedWorker} = options;
    const createWorker = sharedWorker && available.modes[0] === 'shared-worker' && !isRendered ? startEarly(sharedWorker) : sharedWorker;
    const ownChannel = memoryChannels(nextTick);
    super(available.modes[0] === 'direct' ? {...options, channel: ownChannel} : options);
    this.connectOptions = options;
    if (options.store !== false && typeof document !== 'undefined') {
      this.mark = new ClearingMark(namespace, () => localStorage, this.clock.now());
      this.orphanedOpsStorage = new OrphanedOpsStorage(namespace, this.id!, locks, () => localStorage, this.mark);
    }
    const {clock, mark, hostClient} = this;
    const hosts = new StartableHosts({namespace, options, backendOrSocket, clock, locks, mark}, () => hostClient.sessionClient?.generation ?? 0);
    this.search = new HostSearch(this, hosts, available, createWorker, ownChannel);
    this.stopFollowingPage = followPage(this, this.search, this.orphanedOpsStorage, mark);
    if (isRendered) {
      this.endKeepingAlive();
      return;
    }
    hostClient.finder = this.search;
    this.search.startOver();
    hostClient.open();
  }

  /** False, because the provider determines which host to greet, so it must have started before the tab greets. @internal */
  protected override get opensImmediately(): boolean {
    return false;
  }

  override close(): void {
    if (this.isClosed) return;
    this.stopFollowingPage();
    const endHosts = this.search.end();
    super.close();
    endHosts();
  }

  /** @internal */
  protected override leave(ops: OrphanedOpsMessage | undefined): boolean {
    return !ops || !!this.orphanedOpsStorage?.leave(ops);
  }

  /** Deletes all stored data and ends the connections of all tabs: see {@link ProxyConnection.clear}. */
  override async clear(): Promise<void> {
    this.leaves = this.mark?.set(`${this.id!}/${this.clock.now()}`, this.clock.now());
    try {
      this.orphanedOpsStorage?.clear();
    } catch {
      // Storage is blocked, so no tab has saved ops there.
    }
    return super.clear().finally(() => {
      // Meanwhile the app may have deleted the mark, and a page that did not know it may have saved ops.
      this.mark?.merge(this.leaves);
      return this.orphanedOpsStorage?.offer().catch(() => {});
    });
  }

  /**
   * Closes the connection if another tab has cleared the namespace since this one started: the data here belong to the former user.
   * @param cleared a clearing of the namespace that this tab may not know yet
   * @returns whether the connection is closed @internal
   */
  closeIfCleared(cleared?: Clearing): boolean {
    if (this.mark?.merge(cleared) && !this.clearing) this.closeCleared();
    return this.isClosed;
  }

  /** @internal */
  override report(): TabReport {
    return {...super.report(), mode: this.mode, build: this.connectOptions.build};
  }
}
