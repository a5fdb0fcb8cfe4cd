import type {Host} from '../host/host.js';
import {browserPlatform} from '../platform/browser.js';
import {memoryChannels} from '../platform/memory.js';
import {nextTick} from '../platform/next-tick.js';
import type {Channel, Locks, OpenChannel} from '../platform/platform.js';
import type {Clearing} from '../protocol/clearing.js';
import type {OrphanedOpsMessage} from '../protocol/messages.js';
import {RetrySchedule} from '../platform/retry-schedule.js';
import {isRenderedOnServer} from '../platform/rendered-on-server.js';
import {TabsError} from '../protocol/errors.js';
import type {Hello} from '../protocol/frames.js';
import type {TabReport} from '../protocol/report.js';
import {replaceHostLockName} from '../protocol/version.js';
import {ProxyConnection} from '../tab/proxy-connection.js';
import {ClearingMark} from './clearing-mark.js';
import {ElectedOnDemand} from '../election/elected-on-demand.js';
import type {HostProvider} from '../election/host-provider.js';
import {hostCode} from '../election/host-code.js';
import {HostPrefetch} from '../election/host-prefetch.js';
import {startEarly} from '../election/early-worker.js';
import {HostMonitor} from '../election/host-monitor.js';
import {OrphanedOps} from './orphaned-ops.js';
import type {BackendOrSocket, ConnectOptions, Mode} from '../options/connect-options.js';
import {PageHosts} from './page-hosts.js';
import {watchPage} from './page-lifecycle.js';
import {SharedWorkerHost} from '../election/shared-worker-host.js';
import {availableModes, type AvailableModes} from '../election/available-modes.js';
import type {ReturnToSharedHost, ReturnOptions} from '../election/return-to-shared-host.js';
import {WorkerAdvice} from '../election/worker-advice.js';
import type {WorkerTrouble} from '../election/worker-trouble.js';

const HOST_TIMEOUT_MS = 5000;
/** Time limit for a tab that replaces a silent host, in ms. Then another tab tries. The new host opens the store first. */
const RESCUE_MS = 10_000;
/**
 * Delays after the start of a session, in ms, after which a tab looks for ops of tabs that ended: the first time when the documents are
 * there; the second time when the lock of a tab that ended together with its host is surely free, and its storage is visible.
 */
const OFFERS_MS = [250, 2000];
/** Time limit for the answer of a host that has deleted everything, after its end, in ms. */
const CLEARED_MS = 1000;
/** Delay after its start before a tab opens the storage for its orphaned ops, in ms. */
const PREPARE_MS = 100;

/** A direct connection has a host without the history that these edits were made on. It can't know which of the edits the server has. */
const EDITS_WAIT = 'This tab has edits that its last host may have handed on: they wait for a host that tabs share, which is tried again';

/** The connection that `createConnection` returns: a ProxyConnection that starts or finds its host. */
export class TabConnection extends ProxyConnection {
  /** How this tab reaches the server; undefined until that is decided. Event `mode` (mode, reason). */
  mode: Mode | undefined;
  private readonly connectOptions: ConnectOptions;
  private readonly createWorker: ConnectOptions['sharedWorker'];
  private readonly pageHosts: PageHosts;
  private readonly locks: Locks | undefined;
  /** Channels within the page, to the host of a direct connection. */
  private readonly ownChannel: OpenChannel;
  private readonly available: AvailableModes;
  /** How many of the modes this tab has tried since it last had a host. */
  private tried = 0;
  /** Tries all modes again after all of them have failed. */
  private readonly retry = new RetrySchedule(() => this.clock, () => this.startOver());
  private hasToldOfFailure = false;
  private readonly workerAdvice: WorkerAdvice | undefined;
  private readonly prefetch: HostPrefetch | undefined;
  private readonly hostMonitor: HostMonitor;
  /** How this tab helps to provide a host for all tabs. */
  private provider: HostProvider | undefined;
  private directHost: Host | undefined;
  private returnToSharedHost: ReturnToSharedHost | undefined;
  private reason = '';
  /** Whether the tab uses channels that other tabs hear as well. */
  private isAmongTabs: boolean;
  private cancelTimeout: () => void = () => {};
  private stopWatchingPage: () => void = () => {};
  private readonly mark: ClearingMark | undefined;
  private readonly orphanedOpsStore: OrphanedOps | undefined;
  private isRefused = false;
  /** The page is in the back/forward cache. */
  private isAway = false;
  /** The page was frozen while it hosted or could become the host, and stopped hosting. */
  private hasGivenUp = false;
  /** This tab's own request to delete everything, once it has begun. */
  private leaves: Clearing | undefined;

  /** Use `createConnection`, which checks the options. */
  constructor(options: ConnectOptions, backendOrSocket: BackendOrSocket | undefined) {
    const {locks} = browserPlatform(options);
    const ways = availableModes(options, backendOrSocket, locks);
    // An app that gives a backend or socket wants a connection on a server, too.
    const isRendered = !backendOrSocket && isRenderedOnServer();
    const {sharedWorker} = options;
    const createWorker = sharedWorker && ways.modes[0] === 'shared-worker' && !isRendered ? startEarly(sharedWorker) : sharedWorker;
    const ownChannel = memoryChannels(nextTick);
    super(ways.modes[0] === 'direct' ? {...options, channel: ownChannel} : options);
    this.connectOptions = options;
    this.createWorker = createWorker;
    this.locks = locks;
    this.available = ways;
    this.isAmongTabs = ways.modes[0] !== 'direct';
    this.ownChannel = ownChannel;
    this.workerAdvice = options.sharedWorker && new WorkerAdvice(
      options.sharedWorker, () => this.clock, text => { if (!this.isClosed) this.hostClient.log.warn(text); }
    );
    this.hostMonitor = new HostMonitor(this.namespace, locks, () => this.replaceHost());
    const isHostForced = ways.modes[0] !== 'elected-tab' && ways.modes.length === 1;
    this.prefetch = isHostForced ? undefined : new HostPrefetch(
      () => this.clock, () => Promise.all([hostCode.electedTab(), hostCode.page()])
    );
    this.on('hostState', state => { if (state === 'connected') this.handleConnectedHost(); });
    if (options.store !== false && typeof document !== 'undefined') {
      this.mark = new ClearingMark(this.namespace, () => localStorage);
      this.orphanedOpsStore = new OrphanedOps(this.namespace, this.id!, locks, () => localStorage, this.mark);
    }
    const {namespace, clock, mark} = this;
    this.pageHosts = new PageHosts({namespace, options, backendOrSocket, clock, locks, mark}, () => this.hostClient.sessionClient?.generation ?? 0);
    this.saveOrphanedOps();
    if (isRendered) {
      this.endKeepingAlive();
      return;
    }
    this.hostClient.finder = this;
    this.startOver();
    this.hostClient.open();
  }

  /** The provider must have started before the tab greets: it determines which host to greet. @internal */
  protected override get opensAtOnce(): boolean {
    return false;
  }

  override close(): void {
    if (this.isClosed) return;
    this.cancelTimeout();
    this.stopWatchingPage();
    this.retry.cancel();
    this.prefetch?.end();
    this.returnToSharedHost?.end();
    this.hostMonitor.stop();
    super.close();
    // The last messages of this tab are still on their way to its host.
    const {provider: source, directHost} = this;
    nextTick(() => nextTick(() => {
      source?.close();
      directHost?.close();
    }));
  }

  /** @internal */
  protected override leave(word: OrphanedOpsMessage | undefined): boolean {
    return !word || !!this.orphanedOpsStore?.leave(word);
  }

  /** Signs out: see {@link ProxyConnection.clear}. */
  override async clear(): Promise<void> {
    this.leaves = this.mark?.set(`${this.id!}/${this.clock.now()}`, this.clock.now());
    try {
      this.orphanedOpsStore?.clear();
    } catch {
      // Storage is blocked, so no tab has left anything there.
    }
    return super.clear();
  }

  /** @internal */
  protected override get leftBehind(): string {
    return this.leaves ? 'It is deleted at the next start, before anything is read' : super.leftBehind;
  }

  /**
   * Another tab has signed out since this one began, so the data here belong to that user.
   * @returns whether this tab is closed
   */
  private closeIfCleared(): boolean {
    if (!this.clearing && this.mark?.isOutdated) this.closeCleared();
    return this.isClosed;
  }

  private get namespace(): string {
    return this.connectOptions.namespace ?? 'default';
  }

  private get hostTimeout(): number {
    return this.connectOptions.hostTimeout ?? HOST_TIMEOUT_MS;
  }

  // ---- the modes, one after the other

  /** Tries the modes, the best one first: at the start, and again after all of them have failed. */
  private startOver(): void {
    if (this.isClosed || this.isAway || this.hostState === 'connected' || this.mode === 'direct') return;
    this.tried = 0;
    this.tryNextMode(this.available.reason);
  }

  private tryNextMode(reason: string): void {
    if (this.isClosed || this.mode === 'direct') return;
    this.cancelTimeout();
    this.provider?.close();
    this.provider = undefined;
    this.reason = reason;
    const mode = this.available.modes[this.tried++];
    this.hostClient.log.debug('mode', () => `${mode ?? 'no way to a host is left'}: ${reason}`);
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
   * All modes have failed, perhaps only for a short time: during a deployment, or offline. This tab still listens for hosts that announce
   * themselves, so it also finds the host of another tab.
   */
  private handleFailure(error: TabsError): void {
    if (this.isClosed) return;
    // Without a server's address, no retry helps. The open calls end with the error.
    if (!this.pageHosts.namesServer && error.code === 'ERR_TABS_NO_HOST') this.openCalls.endOpen(error);
    // In the constructor, nobody has added a listener yet.
    if (!this.hasToldOfFailure) nextTick(() => this.emit('error', error));
    this.hasToldOfFailure = true;
    this.retry.schedule();
  }

  private join(source: HostProvider | undefined): void {
    if (!source) return;
    this.provider = source;
    this.awaitAnswer(false);
    source.start();
  }

  private sharedWorkerHost(): HostProvider | undefined {
    const {createWorker} = this;
    if (createWorker && typeof SharedWorker === 'function') {
      const source: HostProvider = new SharedWorkerHost({
        namespace: this.namespace,
        create: createWorker,
        greeting: () => this.pageHosts.greeting(),
        // Firefox also reports errors here of a worker that serves its tabs.
        onFailure: trouble => { if (this.mayLeave(source)) void this.leaveWorker(source, trouble); }
      });
      this.workerAdvice?.look(() => this.mayLeave(source), trouble => void this.leaveWorker(source, trouble));
      return source;
    }
    this.tryNextMode(createWorker ? 'This browser has no SharedWorker' : 'The option sharedWorker is missing');
    return undefined;
  }

  private mayLeave(source: HostProvider): boolean {
    return this.provider === source && this.hostState !== 'connected' && !this.isClosed;
  }

  /** The shared worker can't serve this tab. */
  private async leaveWorker(source: HostProvider, trouble: WorkerTrouble): Promise<void> {
    // Another running host may be about to answer.
    if (trouble.kind === 'refusal' && await this.hostMonitor.isHostLockHeld()) return;
    if (!this.mayLeave(source)) return;
    this.workerAdvice?.warn(trouble);
    this.tryNextMode(trouble.reason);
  }

  private electedTabHost(): ElectedOnDemand | undefined {
    const {locks} = this;
    if (!locks) {
      this.tryNextMode(`${this.reason}; there are no Web Locks to elect a tab with`);
      return undefined;
    }
    const source: ElectedOnDemand = new ElectedOnDemand({
      namespace: this.namespace,
      build: this.connectOptions.build ?? '',
      locks,
      clock: this.clock,
      greeting: async () => this.pageHosts.greeting(),
      createWorker: this.connectOptions.worker,
      hostInPage: (greeting, signal) => this.pageHosts.startForAll(greeting, signal),
      onFailure: reason => { if (this.provider === source) this.tryNextMode(reason); }
    });
    return source;
  }

  /** @internal */
  override report(): TabReport {
    return {...super.report(), mode: this.mode, build: this.connectOptions.build};
  }

  private async connectDirectly(reason: string): Promise<void> {
    // The mode is set now, so that a second reason does not start a second host. The event comes later, because this may run in the
    // constructor.
    this.mode = 'direct';
    try {
      const {start, wayBack} = await this.pageHosts.loadDirect(reason, this.ownChannel);
      // Until its own host can start, a tab accepts any other host that announces itself.
      if (this.isClosed || !this.isDirect) return;
      if (this.isAmongTabs && this.hasOpsOfHost) throw new TabsError('ERR_TABS_NO_HOST', `${reason}. ${EDITS_WAIT}`);
      this.hostMonitor.stop();
      if (this.isAmongTabs) this.hostClient.moveTo({channel: this.ownChannel});
      this.isAmongTabs = false;
      this.directHost = await start();
      this.retry.reset();
      if (this.available.modes.length > 1) (this.returnToSharedHost ??= wayBack(this.returnOptions())).begin();
      this.emit('mode', 'direct', reason);
    } catch (error) {
      if (!this.isDirect) return;
      this.mode = undefined;
      this.handleFailure(error instanceof TabsError ? error : new TabsError(
        'ERR_TABS_NO_HOST', `${reason}; a direct connection can't be started either: ${(error as Error).message}. It is tried again`
      ));
    }
  }

  private returnOptions(): ReturnOptions {
    const {namespace, clock, connectOptions} = this;
    return {
      namespace, clock, channel: browserPlatform(connectOptions).channel,
      isHostThere: () => this.hostMonitor.isHostLockHeld(),
      source: () => (this.available.modes[0] === 'shared-worker' ? this.sharedWorkerHost() : undefined),
      canLeave: () => !this.hasPending() && !!this.directHost?.isDispensable,
      leave: () => this.leaveDirect()
    };
  }

  /** Returns to a host that tabs share. */
  private leaveDirect(): void {
    const {directHost} = this;
    this.mode = this.directHost = undefined;
    this.isAmongTabs = true;
    this.hostClient.moveTo(this.connectOptions);
    this.startOver();
    nextTick(() => directHost?.close());
  }

  private get isDirect(): boolean {
    return this.mode === 'direct';
  }

  // ---- replacing hosts

  private handleConnectedHost(): void {
    this.hasToldOfFailure = false;
    this.retry.reset();
    if (!this.isAmongTabs) return;
    this.returnToSharedHost?.reset();
    this.prefetch?.begin();
    this.cancelTimeout();
    this.isRefused = false;
    this.hostMonitor.start();
    // This tab may have found the host of another tab after its own modes have failed.
    const own = this.provider?.mode ?? 'elected-tab';
    this.tried = this.available.modes.indexOf(own) + 1;
    const place = this.hostClient.sessionClient?.place;
    const mode = place && place !== 'direct' ? place : own;
    if (this.mode === mode) return;
    this.mode = mode;
    this.emit('mode', mode, mode === own ? this.reason : 'Other tabs have a host of this kind');
  }

  /** The current host died. The provider that started it starts the next one. */
  private replaceHost(): void {
    if (this.isClosed || this.isDirect || this.closeIfCleared()) return;
    // The host that was asked to delete everything ends afterwards. Its lock may be free before its answer arrives.
    if (this.clearing) return void this.clock.after(CLEARED_MS, () => this.replaceHost());
    this.provider?.start();
    this.hostClient.sessionClient?.reconnect('The host died');
    if (this.provider) this.awaitAnswer(false);
    else this.startOver();
  }

  private awaitAnswer(isSecondTime: boolean): void {
    this.cancelTimeout();
    this.cancelTimeout = this.clock.after(this.hostTimeout, () => void this.handleNoAnswer(isSecondTime));
  }

  private async handleNoAnswer(isSecondTime: boolean): Promise<void> {
    const {provider: source} = this;
    const isHostLockHeld = await this.hostMonitor.isHostLockHeld();
    if (this.isClosed || this.provider !== source || this.hostState === 'connected' || this.isRefused) return;
    const reason = `No host has answered within ${this.hostTimeout} ms`;
    // A host may be about to start: the elected tab loads its worker, or the host opens its store first.
    if (!isSecondTime && (isHostLockHeld || source?.mode === 'elected-tab')) return this.awaitAnswer(true);
    // Firefox may have connected this tab to the worker that has just died.
    if (!isSecondTime && this.mode === 'shared-worker') {
      source?.start();
      return this.awaitAnswer(true);
    }
    if (!isHostLockHeld) {
      if (source?.mode === 'shared-worker') this.workerAdvice?.warn({kind: 'silence', reason});
      return this.tryNextMode(reason);
    }
    this.replaceSilentHost(`The host has not answered within ${2 * this.hostTimeout} ms`);
  }

  /** @internal */
  greet(hello: Hello): Channel | undefined {
    return this.provider?.greet?.(hello);
  }

  /** @internal */
  handleSilence(reason: string): void {
    if (!this.provider) return this.startOver();
    // Without locks, the tab can't find out whether the host is dead. If it is, the next host follows.
    if (this.locks) this.replaceSilentHost(reason);
    else this.replaceHost();
  }

  /** Replaces a host that holds the host lock and does not answer. One of the tabs does it. */
  private replaceSilentHost(reason: string): void {
    const {locks, provider: source} = this;
    this.hostClient.log.debug('mode', () => `rescue: ${reason}`);
    if (!locks || this.connectOptions.mode === 'shared-worker') return this.tryNextMode(reason);
    const name = replaceHostLockName(this.namespace);
    this.awaitAnswer(true);
    if (source instanceof ElectedOnDemand) source.abandon();
    locks.request(name, {ifAvailable: true}, async lock => {
      if (!lock || this.isClosed || this.provider !== source || this.hostState === 'connected') return;
      const rescuer = source instanceof ElectedOnDemand ? source : this.electedTabHost()!;
      if (rescuer !== source) source?.close();
      this.provider = rescuer;
      this.reason = reason;
      rescuer.seize();
      await this.whenConnected(RESCUE_MS);
    }).catch(() => {});
  }

  private whenConnected(ms: number): Promise<void> {
    return new Promise(resolve => {
      const finish = (): void => {
        cancel();
        this.off('hostState', look);
        resolve();
      };
      const look = (state: string): void => { if (state === 'connected') finish(); };
      const cancel = this.clock.after(ms, finish);
      this.on('hostState', look);
    });
  }

  /** The page has to be reloaded with the new build. Until then this tab has no host, and its edits become orphaned ops. @internal */
  handleRefused(): void {
    this.isRefused = true;
    this.cancelTimeout();
    this.retry.cancel();
  }

  // ---- the page's life

  /** Saves the ops that are not handed over when the page goes away, and looks for the ops that other pages left. */
  private saveOrphanedOps(): void {
    const {orphanedOpsStore: words} = this;
    const leave = (): void => void words?.leave(this.isClosed ? undefined : this.orphanedOps());
    const stopWatchingMark = this.mark?.watch(() => this.closeIfCleared());
    const stopWatchingPage = watchPage({
      onHidden: leave,
      onVisible: isVisible => {
        if (this.closeIfCleared()) return;
        this.hostClient.setVisible(isVisible);
        if (!isVisible) return;
        this.retry.runNow();
        this.returnToSharedHost?.look();
      },
      // Messages posted now still arrive (measured in Chromium). If they do not, the stored ops are there.
      onAway: mayReturn => {
        leave();
        this.hostClient.sendOrphanedOps(this.orphanedOps(), !mayReturn);
        if (mayReturn) this.suspendPage();
      },
      onBack: () => this.resumePage(),
      onFreeze: () => {
        leave();
        this.giveUpHosting();
      },
      onThaw: () => { if (!this.closeIfCleared() && !this.isAway) this.takeUpHosting(); }
    });
    this.stopWatchingPage = () => {
      stopWatchingMark?.();
      stopWatchingPage();
    };
    if (!words) return;
    // The first documents of the page do not wait for this.
    this.clock.after(PREPARE_MS, () => words.prepare());
    this.on('hostState', state => {
      if (state !== 'connected') return;
      // This tab hands over its own ops itself.
      words.leave(undefined);
      // This runs after the documents have loaded, because the user waits for them.
      for (const ms of OFFERS_MS) {
        this.clock.after(ms, () => {
          if (this.hostState === 'connected') words.offer(word => this.callHost('tab.lastWord', word)).catch(() => {});
        });
      }
    });
  }

  /** The page enters the back/forward cache. Nothing may keep it out of the cache, and no other tab may wait for it. */
  private suspendPage(): void {
    if (!this.isAmongTabs || this.isAway) return;
    this.isAway = true;
    this.cancelTimeout();
    this.retry.cancel();
    this.hostMonitor.stop();
    this.hostClient.suspend();
    this.provider?.close(true);
  }

  private resumePage(): void {
    if (!this.isAway || this.closeIfCleared()) return;
    this.isAway = this.hasGivenUp = false;
    if (this.provider) this.join(this.provider.mode === 'shared-worker' ? this.sharedWorkerHost() : this.electedTabHost());
    else this.startOver();
    this.hostClient.resume();
  }

  /** A frozen page can't host other tabs. */
  private giveUpHosting(): void {
    if (!(this.provider instanceof ElectedOnDemand) || this.isAway) return;
    this.hasGivenUp = true;
    this.provider.close(true);
  }

  private takeUpHosting(): void {
    if (!this.hasGivenUp || this.isClosed) return;
    this.hasGivenUp = false;
    this.join(this.electedTabHost());
  }
}
