import type {Host} from '../host/host.js';
import type {ServerUrl} from '../host/server-connection.js';
import type {OpenChannel} from '../platform/platform.js';
import {browserPlatform, supportsSharedWorker} from '../platform/browser.js';
import {memoryChannels} from '../platform/memory.js';
import {nextTick} from '../platform/next-tick.js';
import {TabsError} from '../protocol/errors.js';
import {ProxyConnection} from '../tab/proxy-connection.js';
import type {BackendOrSocket, ConnectOptions, Mode} from './options.js';
import {LastWords} from './last-words.js';
import {SharedWorkerHost} from './shared-worker-host.js';

const HOST_TIMEOUT_MS = 5000;

/** What `createConnection` gives: a ProxyConnection that finds its host by itself. */
export class TabConnection extends ProxyConnection {
  /** How this tab reaches the server; undefined until that is known. Event `mode` (mode, reason). */
  mode: Mode | undefined;
  private readonly connectOptions: ConnectOptions;
  private readonly backendOrSocket: BackendOrSocket | undefined;
  /** Channels that do not leave the page: to the host of a direct connection. */
  private readonly ownChannel: OpenChannel;
  private sharedWorker: SharedWorkerHost | undefined;
  private pageHost: Host | undefined;
  private cancelTimeout: () => void = () => {};
  private isClosed = false;
  private stopListening: () => void = () => {};

  constructor(options: ConnectOptions, backendOrSocket: BackendOrSocket | undefined) {
    const obstacle = obstacleToSharedWorker(options);
    const ownChannel = memoryChannels(nextTick);
    super(obstacle === undefined ? options : {...options, channel: ownChannel});
    this.connectOptions = options;
    this.backendOrSocket = backendOrSocket;
    this.ownChannel = ownChannel;
    this.leaveLastWords();
    if (obstacle === undefined) this.shareWorker();
    else void this.connectDirectly(obstacle);
  }

  override close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.cancelTimeout();
    this.stopListening();
    super.close();
    this.sharedWorker?.close();
    // The last messages of this tab are still on their way to it.
    const {pageHost} = this;
    if (pageHost) nextTick(() => nextTick(() => pageHost.close()));
  }

  /** A page that goes away says what it has not handed over yet, and looks for what others have left. */
  private leaveLastWords(): void {
    if (typeof window === 'undefined' || this.connectOptions.store === false) return;
    const storage = localStorageOf(window);
    if (!storage) return;
    const {namespace = 'default'} = this.connectOptions;
    const words = new LastWords(namespace, this.id!, browserPlatform(this.connectOptions).locks, storage);
    const leave = (): void => words.leave(this.isClosed ? undefined : this.lastWord());
    const hidden = (): void => { if (document.visibilityState === 'hidden') leave(); };
    // What is posted now still arrives (measured in Chromium); what is written is there if it does not.
    const goAway = ({persisted}: PageTransitionEvent): void => {
      leave();
      this.sendLastWord(this.lastWord(), !persisted);
    };
    window.addEventListener('pagehide', goAway);
    document.addEventListener('freeze', leave);
    document.addEventListener('visibilitychange', hidden);
    this.stopListening = () => {
      window.removeEventListener('pagehide', goAway);
      document.removeEventListener('freeze', leave);
      document.removeEventListener('visibilitychange', hidden);
    };
    this.on('hostState', state => {
      if (state !== 'connected') return;
      // What this tab has left itself, it hands over now.
      words.leave(undefined);
      words.offer(word => this.offerLastWord(word)).catch(() => {});
    });
  }

  private shareWorker(): void {
    const {namespace = 'default', sharedWorker, url} = this.connectOptions;
    this.sharedWorker = new SharedWorkerHost({
      namespace,
      store: this.connectOptions.store,
      create: sharedWorker!,
      url: async () => (url === undefined ? undefined : absoluteUrl(await (typeof url === 'function' ? url() : url))),
      locks: browserPlatform(this.connectOptions).locks,
      onFailure: reason => this.giveUpSharing(reason),
      onDeath: () => this.replaceHost()
    });
    this.on('hostState', state => {
      if (this.sharedWorker && state === 'connected') this.handleSharedHost();
    });
    this.startWorker();
  }

  private startWorker(): void {
    const {hostTimeout = HOST_TIMEOUT_MS} = this.connectOptions;
    this.cancelTimeout();
    this.cancelTimeout = this.clock.after(hostTimeout, () =>
      this.giveUpSharing(`The shared worker did not answer within ${hostTimeout} ms`));
    this.sharedWorker!.start();
  }

  private handleSharedHost(): void {
    this.cancelTimeout();
    this.sharedWorker!.watchHost();
    this.setMode('shared-worker', 'The shared worker answered');
  }

  /** The host in office died: the same call that found the worker alive starts a new one. */
  private replaceHost(): void {
    this.reconnect('The host died');
    this.startWorker();
  }

  private giveUpSharing(reason: string): void {
    if (this.isClosed || this.pageHost || this.mode === 'direct') return;
    this.cancelTimeout();
    if (this.connectOptions.mode === 'shared-worker') {
      nextTick(() => this.emit('error', new TabsError('ERR_TABS_NO_HOST', reason)));
      return;
    }
    this.sharedWorker?.close();
    this.sharedWorker = undefined;
    this.moveTo(this.ownChannel);
    void this.connectDirectly(reason);
  }

  private async connectDirectly(reason: string): Promise<void> {
    const {url, namespace = 'default', warn} = this.connectOptions;
    const {backendOrSocket} = this;
    const server = backendOrSocket ? {backendOrSocket} : url !== undefined ? {url: absoluteServerUrl(url)} : undefined;
    // Known now, so that a second reason does not start a second host; told when nobody is in the constructor.
    this.mode = 'direct';
    try {
      if (!server) throw new TabsError('ERR_TABS_NO_HOST', `${reason}, and there is no url, backend or socket for a direct connection`);
      const {startPageHost} = await import('./page-host.js');
      if (this.isClosed) return;
      this.pageHost = await startPageHost(server, {
        namespace, channel: this.ownChannel, warn, store: this.connectOptions.store, locks: browserPlatform(this.connectOptions).locks
      });
      this.emit('mode', 'direct', reason);
    } catch (error) {
      this.mode = undefined;
      this.emit('error', error);
    }
  }

  private setMode(mode: Mode, reason: string): void {
    if (this.mode === mode) return;
    this.mode = mode;
    this.emit('mode', mode, reason);
  }
}

/** Undefined where the browser forbids it, e.g. with cookies switched off. */
function localStorageOf(page: Window): Storage | undefined {
  try {
    return page.localStorage;
  } catch {
    return undefined;
  }
}

/** Why a shared worker is out of the question; undefined where it is not. */
function obstacleToSharedWorker({mode, useSharedWorker, sharedWorker}: ConnectOptions): string | undefined {
  if (mode === 'direct') return 'The option mode asks for it';
  if (useSharedWorker === false) return 'The option useSharedWorker is false';
  if (!sharedWorker) return 'The option sharedWorker is missing';
  return supportsSharedWorker() ? undefined : 'This browser has no SharedWorker or no BroadcastChannel';
}

/** A worker's base URL is its script's: relative URLs are made absolute in the page. */
function absoluteUrl(url: string): string {
  if (typeof location === 'undefined') return url;
  const absolute = new URL(url, location.href);
  absolute.protocol = absolute.protocol.replace(/^http/, 'ws');
  return absolute.href;
}

function absoluteServerUrl(url: ServerUrl): ServerUrl {
  return typeof url === 'function' ? async () => absoluteUrl(await url()) : absoluteUrl(url);
}
