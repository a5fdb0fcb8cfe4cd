import type {AvailableModes} from '../election/available-modes.js';
import type {DirectConnection, DirectTab, SharedHostSearch} from '../election/direct-connection.js';
import {ElectedOnDemand} from '../election/elected-on-demand.js';
import {hostCode} from '../election/host-code.js';
import {HostMonitor} from '../election/host-monitor.js';
import {HostPrefetch} from '../election/host-prefetch.js';
import type {HostProvider} from '../election/host-provider.js';
import type {HostingTab} from '../election/page-host.js';
import {SharedWorkerHost} from '../election/shared-worker-host.js';
import {WorkerAdvice} from '../election/worker-advice.js';
import type {WorkerTrouble} from '../election/worker-trouble.js';
import type {ConnectOptions} from '../options/connect-options.js';
import {nextTick} from '../platform/next-tick.js';
import type {Channel, OpenChannel} from '../platform/platform.js';
import {RetrySchedule} from '../platform/retry-schedule.js';
import type {Clearing} from '../protocol/clearing.js';
import {TabsError} from '../protocol/errors.js';
import type {Hello} from '../protocol/frames.js';
import {replaceHostLockName} from '../protocol/version.js';
import type {HostClient, HostFinder} from '../tab/host-client.js';
import type {OpenCalls} from '../tab/open-calls.js';
import type {StartableHosts} from './startable-hosts.js';

const HOST_TIMEOUT_MS = 5000;
/**
 * Time limit for a tab that replaces a silent host, in ms. After that, another tab may try. The new host has to load its script and open
 * the store, so the limit increases with each attempt of the tab.
 */
const REPLACE_MS = 10_000;
/** How long the answer of a host that has deleted everything may take to arrive after the host has ended, in ms. */
const CLEARED_MS = 1000;

/** The part of a connection that a {@link HostSearch} uses. */
export interface SearchingTab extends DirectTab {
  readonly hostClient: HostClient;
  readonly hostState: string;
  readonly openCalls: OpenCalls;
  /** Whether this tab has asked the host to delete everything and awaits the answer. */
  readonly clearing: boolean;
  emit(event: 'mode' | 'error', ...args: unknown[]): unknown;
  on(event: 'hostState', listener: (state: string) => void): unknown;
}

/**
 * Starts or finds a host for a tab. It tries the available modes in order of preference, replaces a host that has ended or does not answer,
 * and tries all modes again after all of them have failed.
 */
export class HostSearch implements HostFinder, SharedHostSearch {
  isAmongTabs: boolean;
  readonly monitor: HostMonitor;
  /** Tries all modes again after all of them have failed. */
  readonly retry: RetrySchedule;
  /** The direct connection; undefined if the tab has never needed one. */
  direct: DirectConnection | undefined;
  private readonly hosting: HostingTab;
  /** The number of modes that this tab has tried since it last had a host. */
  private tried = 0;
  private hasToldOfFailure = false;
  private readonly workerAdvice: WorkerAdvice | undefined;
  private readonly prefetch: HostPrefetch | undefined;
  /** The provider of a shared host in the mode that is tried or used. */
  private provider: HostProvider | undefined;
  private reason = '';
  private cancelTimeout: () => void = () => {};
  /** Set while this tab replaces a silent host, which may take longer than `hostTimeout`. */
  private endReplacing: (() => void) | undefined;
  /** How often this tab has replaced a silent host since a host last answered. */
  private replacements = 0;
  private isRefused = false;
  /** Whether the page is in the back/forward cache. */
  private isAway = false;
  /** Whether the tab has left the election because the page was frozen. */
  private hasGivenUp = false;

  /**
   * @param createWorker creates shared workers; undefined if the app's options have no `sharedWorker`
   * @param ownChannel opens channels within the page, to the host of a direct connection
   */
  constructor(
    private readonly tab: SearchingTab, private readonly hosts: StartableHosts, private readonly available: AvailableModes,
    private readonly createWorker: ConnectOptions['sharedWorker'], private readonly ownChannel: OpenChannel
  ) {
    const {namespace, locks, clock, options: {sharedWorker}} = this.hosting = hosts.hosting;
    const {modes} = available;
    this.isAmongTabs = modes[0] !== 'direct';
    this.retry = new RetrySchedule(() => clock, () => this.startOver());
    this.workerAdvice = sharedWorker && new WorkerAdvice(sharedWorker, () => clock, text => { if (!tab.isClosed) tab.hostClient.log.warn(text); });
    this.monitor = new HostMonitor(namespace, locks, () => this.replaceHost());
    const isHostForced = modes[0] !== 'elected-tab' && modes.length === 1;
    this.prefetch = isHostForced ? undefined : new HostPrefetch(() => clock, () => Promise.all([hostCode.electedTab(), hostCode.page()]));
    tab.on('hostState', state => { if (state === 'connected') this.handleConnected(); });
  }

  /**
   * Stops the search, because the connection is being closed.
   * @returns a function that ends the hosts of this tab after its last messages
   */
  end(): () => void {
    this.cancelTimeout();
    this.retry.cancel();
    this.prefetch?.end();
    this.monitor.stop();
    const {provider} = this;
    const endDirect = this.direct?.end();
    return () => nextTick(() => nextTick(() => {
      provider?.close();
      endDirect?.();
    }));
  }

  // ---- trying the modes in order

  /** Tries the modes from the first on: at the start, and again after all of them have failed. */
  startOver(): void {
    if (this.tab.isClosed || this.isAway || this.tab.hostState === 'connected' || this.tab.mode === 'direct') return;
    this.tried = 0;
    this.tryNextMode(this.available.reason);
  }

  private tryNextMode(reason: string): void {
    if (this.tab.isClosed || this.tab.mode === 'direct') return;
    this.cancelTimeout();
    this.provider?.close();
    this.provider = undefined;
    this.reason = reason;
    const mode = this.available.modes[this.tried++];
    this.tab.hostClient.log.debug('mode', () => `${mode ?? 'no way to a host is left'}: ${reason}`);
    switch (mode) {
      case 'shared-worker':
        return this.join(this.sharedWorkerHost());
      case 'elected-tab':
        return this.join(this.electedTabHost());
      case 'direct':
        return void this.connectDirectly(reason);
      case undefined:
        return this.handleFailure(new TabsError('ERR_TABS_NO_HOST', reason));
      default:
        mode satisfies never;
    }
  }

  /**
   * Reports that all modes have failed, and schedules another attempt. The cause may be temporary: a deployment, or a missing network.
   * Meanwhile the tab can join a host that another tab starts, because it listens on the greeting channel.
   */
  private handleFailure(error: TabsError): void {
    if (this.tab.isClosed) return;
    // Without a server's address, no retry helps. The open calls end with the error.
    if (!this.hosts.namesServer && error.code === 'ERR_TABS_NO_HOST') this.tab.openCalls.endOpen(error);
    // This may run in the constructor, before the app can add a listener.
    if (!this.hasToldOfFailure) nextTick(() => this.tab.emit('error', error));
    this.hasToldOfFailure = true;
    this.retry.schedule();
  }

  private join(provider: HostProvider | undefined): void {
    if (!provider) return;
    this.provider = provider;
    this.awaitAnswer(false);
    provider.start();
  }

  sharedWorkerHost(): HostProvider | undefined {
    const {hosts, createWorker, hosting: {namespace}} = this;
    if (createWorker && typeof SharedWorker === 'function') {
      const provider: HostProvider = new SharedWorkerHost({
        namespace,
        create: createWorker,
        greeting: () => hosts.greeting(),
        // Firefox also reports later errors of a worker that already serves its tabs.
        onFailure: trouble => { if (this.mayLeave(provider)) void this.leaveWorker(provider, trouble); }
      });
      this.workerAdvice?.look(() => this.mayLeave(provider), async trouble => {
        // A worker that runs already does not need its script, which a deployment may have removed.
        if (!await this.monitor.isHostLockHeld()) await this.leaveWorker(provider, trouble);
      });
      return provider;
    }
    this.tryNextMode(createWorker ? 'This browser has no SharedWorker' : 'The option sharedWorker is missing');
    return undefined;
  }

  private mayLeave(provider: HostProvider): boolean {
    return this.provider === provider && this.tab.hostState !== 'connected' && !this.tab.isClosed;
  }

  /** The shared worker can't serve this tab. */
  private async leaveWorker(provider: HostProvider, trouble: WorkerTrouble): Promise<void> {
    // Another host may be about to answer on the greeting channel.
    if (trouble.kind === 'refusal' && await this.monitor.isHostLockHeld()) return;
    if (!this.mayLeave(provider)) return;
    this.workerAdvice?.warn(trouble);
    this.tryNextMode(trouble.reason);
  }

  private electedTabHost(): ElectedOnDemand | undefined {
    const {hosts, hosting: {namespace, locks, clock, options: {build = '', worker, channel}}} = this;
    if (!locks) {
      this.tryNextMode(`${this.reason}; there are no Web Locks to elect a tab with`);
      return undefined;
    }
    const provider: ElectedOnDemand = new ElectedOnDemand({
      namespace, build, locks, clock, channel,
      greeting: async () => hosts.greeting(),
      createWorker: worker,
      hostInPage: (greeting, signal, trouble) => hosts.startForAll(greeting, signal, trouble),
      onFailure: reason => { if (this.provider === provider) this.tryNextMode(reason); }
    });
    return provider;
  }

  private async connectDirectly(reason: string): Promise<void> {
    const {tab} = this;
    // The mode is set now, so that a second reason does not start a second host. The event comes later, because this may run in the
    // constructor.
    tab.mode = 'direct';
    try {
      const {DirectConnection: Direct} = await hostCode.page();
      await (this.direct ??= new Direct(tab, this, this.hosting, this.available.modes, this.ownChannel)).begin(reason);
    } catch (error) {
      if (tab.mode !== 'direct') return;
      tab.mode = undefined;
      this.handleFailure(error instanceof TabsError ? error : new TabsError(
        'ERR_TABS_NO_HOST', `${reason}; a direct connection can't be started either: ${(error as Error).message}. It is tried again`
      ));
    }
  }

  // ---- replacing hosts

  private handleConnected(): void {
    this.hasToldOfFailure = false;
    this.replacements = 0;
    this.endReplacing?.();
    this.retry.reset();
    if (!this.isAmongTabs) return;
    this.direct?.reset();
    this.prefetch?.begin();
    this.cancelTimeout();
    this.isRefused = false;
    this.monitor.start();
    // The host may be another tab's, found after all modes of this tab have failed.
    const own = this.provider?.mode ?? 'elected-tab';
    this.tried = this.available.modes.indexOf(own) + 1;
    const place = this.tab.hostClient.sessionClient?.place;
    const mode = place && place !== 'direct' ? place : own;
    if (this.tab.mode === mode) return;
    this.tab.mode = mode;
    this.tab.emit('mode', mode, mode === own ? this.reason : 'Other tabs have a host of this kind');
  }

  /** Starts the next host with the present provider, because the current host has ended. */
  private replaceHost(): void {
    if (this.tab.isClosed || this.tab.mode === 'direct' || this.tab.closeIfCleared()) return;
    // The host that was asked to delete everything ends afterwards. Its lock may be free before its answer arrives.
    if (this.tab.clearing) return void this.hosting.clock.after(CLEARED_MS, () => this.replaceHost());
    this.provider?.start();
    this.tab.hostClient.sessionClient?.reconnect('The host died');
    if (this.provider) this.awaitAnswer(false);
    else this.startOver();
  }

  private get hostTimeout(): number {
    return this.hosting.options.hostTimeout ?? HOST_TIMEOUT_MS;
  }

  private awaitAnswer(isSecondTime: boolean): void {
    this.cancelTimeout();
    this.cancelTimeout = this.hosting.clock.after(this.hostTimeout, () => void this.handleNoAnswer(isSecondTime));
  }

  private async handleNoAnswer(isSecondTime: boolean): Promise<void> {
    const {provider} = this;
    const isHostLockHeld = await this.monitor.isHostLockHeld();
    if (this.tab.isClosed || this.provider !== provider || this.tab.hostState === 'connected' || this.isRefused) return;
    const reason = `No host has answered within ${this.hostTimeout} ms`;
    // A host may be about to start: the elected tab loads its worker, or the host opens its store.
    if (!isSecondTime && (isHostLockHeld || provider?.mode === 'elected-tab')) return this.awaitAnswer(true);
    // Firefox may have connected this tab to a worker that has just ended.
    if (!isSecondTime && this.tab.mode === 'shared-worker') {
      provider?.start();
      return this.awaitAnswer(true);
    }
    if (!isHostLockHeld) {
      if (provider?.mode === 'shared-worker') this.workerAdvice?.warn({kind: 'silence', reason});
      return this.tryNextMode(reason);
    }
    this.replaceSilentHost(`The host has not answered within ${2 * this.hostTimeout} ms`);
  }

  closeIfCleared(cleared: Clearing | undefined): boolean {
    return this.tab.closeIfCleared(cleared);
  }

  greet(hello: Hello): Channel | undefined {
    return this.provider?.greet?.(Object.assign(hello, this.hosting.mark?.own));
  }

  handleSilence(reason: string): void {
    if (!this.provider) return this.startOver();
    // Without locks, the tab can't detect whether the host has ended, so it assumes that it has.
    if (this.hosting.locks) this.replaceSilentHost(reason);
    else this.replaceHost();
  }

  /** Replaces a host that holds the host lock and does not answer. A lock ensures that only one tab does this at a time. */
  private replaceSilentHost(reason: string): void {
    const {provider, hosting: {namespace, locks, clock, options}} = this;
    this.tab.hostClient.log.debug('mode', () => `replacing the host: ${reason}`);
    if (!locks || options.mode === 'shared-worker') return this.tryNextMode(reason);
    this.awaitAnswer(true);
    if (this.endReplacing) return;
    if (provider instanceof ElectedOnDemand) provider.abandon();
    locks.request(replaceHostLockName(namespace), {ifAvailable: true}, async lock => {
      if (!lock || this.tab.isClosed || this.provider !== provider || this.tab.hostState === 'connected') return;
      const replacement = provider instanceof ElectedOnDemand ? provider : this.electedTabHost()!;
      if (replacement !== provider) provider?.close();
      this.provider = replacement;
      this.reason = reason;
      replacement.seize();
      await new Promise<void>(resolve => {
        const cancel = clock.after(REPLACE_MS * ++this.replacements, resolve);
        this.endReplacing = () => resolve(cancel());
      });
      this.endReplacing = undefined;
    }).catch(() => {});
  }

  /** Stops the search, because the host uses another protocol. The tab has no host until its page is reloaded with the other build. */
  handleRefused(): void {
    this.isRefused = true;
    this.cancelTimeout();
    this.retry.cancel();
  }

  // ---- a page that is suspended or frozen

  /** Closes everything that would keep the page out of the back/forward cache, and makes the tab stop hosting other tabs. */
  suspend(): void {
    if (!this.isAmongTabs || this.isAway) return;
    this.isAway = true;
    this.cancelTimeout();
    this.retry.cancel();
    this.monitor.stop();
    this.tab.hostClient.suspend();
    this.provider?.close(true);
  }

  resume(): void {
    if (!this.isAway || this.tab.closeIfCleared()) return;
    this.isAway = this.hasGivenUp = false;
    if (this.provider) this.join(this.provider.mode === 'shared-worker' ? this.sharedWorkerHost() : this.electedTabHost());
    else this.startOver();
    this.tab.hostClient.resume();
  }

  /** Leaves the election, because a frozen page can't host other tabs. */
  giveUpHosting(): void {
    if (!(this.provider instanceof ElectedOnDemand) || this.isAway) return;
    this.hasGivenUp = true;
    this.provider.close(true);
  }

  takeUpHosting(): void {
    if (!this.hasGivenUp || this.isAway || this.tab.isClosed) return;
    this.hasGivenUp = false;
    this.join(this.electedTabHost());
  }
}
