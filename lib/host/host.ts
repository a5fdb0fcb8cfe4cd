import {SessionServer} from '../broker/session-server.js';
import type {Watchdog} from '../broker/watchdog.js';
import {browserPlatform} from '../platform/browser.js';
import {nextTick} from '../platform/next-tick.js';
import type {Channel, Clock, Platform} from '../platform/platform.js';
import type {Hello, Place} from '../protocol/frames.js';
import type {Epoch} from '../protocol/ids.js';
import {isLocal} from '../protocol/local.js';
import type {HostReport, InspectOptions} from '../protocol/report.js';
import {PROTOCOL_VERSION, isNewer} from '../protocol/version.js';
import {warning} from '../protocol/warnings.js';
import {checkHostOptions} from './check-options.js';
import {clearOtherStore} from './clear-other-store.js';
import type {SharedDocs} from './doc/shared-docs.js';
import type {ServiceSource} from './frame-relay.js';
import {HostParts} from './host-parts.js';
import type {HostSettings} from './host-settings.js';
import {localConnection} from './server/local-connection.js';
import {watchSilentTab} from './silent-tab-watch.js';
import type {Tab} from './tab.js';
import type {RealConnection} from './upstream.js';

export type {StoreOptions} from './open-store.js';

/** After the answer about locks, an event that the host lock was stolen arrives within this time, in ms. */
const LOCK_EVENT_MS = 50;
/** The delay between the start of a host and the deletion of old documents, in ms. The tabs have opened theirs by then. */
const PRUNE_AFTER_MS = 60_000;

/** The options of a `Host`. */
export interface HostOptions extends HostSettings {
  /** Called once, when the host begins to accept tabs. */
  onOpen?: ((host: Host) => void) | undefined;
  /** Makes the services that tabs call. Default: there are none. @internal */
  services?: ((host: Host) => ServiceSource) | undefined;
}

const OWN_OPTIONS: Record<Exclude<keyof HostOptions, keyof HostSettings>, true> = {onOpen: true, services: true};

/**
 * Owns the one real connection of a namespace and serves its tabs. It is a ShareDB server for them, and a ShareDB client of the
 * server. This class begins and ends a host's life; `HostParts` makes what it consists of.
 */
export class Host {
  /** The namespace that the host serves. */
  readonly namespace: string;
  /** The host's id. Each host has another one. */
  readonly epoch: Epoch;
  private readonly generation: number;
  private readonly place: Place;
  private readonly build: string;
  private readonly platform: Platform;
  private readonly connection: RealConnection;
  /** The connection of the documents that the server is not told of. */
  private readonly local: RealConnection;
  private readonly services: ServiceSource | undefined;
  private readonly parts: HostParts;
  private readonly docs: SharedDocs;
  private sessionServer: SessionServer | undefined;
  private closed = false;
  private resolveClosed: () => void = () => {};
  /** Resolves when this host has stopped: closed, cleared, or replaced by another one. */
  readonly whenClosed = new Promise<void>(resolve => { this.resolveClosed = resolve; });

  /**
   * Starts the host. It serves tabs from now on; what they ask for waits until the store is open.
   * @throws ERR_TABS_BAD_OPTION if an option is unknown, or `connection` is no connection
   */
  constructor(private readonly options: HostOptions) {
    checkHostOptions(options, OWN_OPTIONS);
    this.platform = browserPlatform(options);
    this.namespace = options.namespace ?? 'default';
    this.epoch = this.platform.randomId() as Epoch;
    this.generation = Math.max(this.platform.clock.now(), (options.after ?? 0) + 1);
    this.connection = options.connection as RealConnection;
    this.local = localConnection(this.platform.randomId());
    this.place = options.place ?? 'direct';
    this.build = options.build ?? '';
    this.services = options.services?.(this);
    this.parts = this.makeParts();
    this.docs = this.parts.docs;
    const {store} = this.parts;
    if (store) void store.whenReady().then(() => this.begin());
    else this.begin();
  }

  private makeParts(): HostParts {
    const {options, platform, namespace, epoch, generation, place, build, connection, local, services} = this;
    return new HostParts({
      settings: options, platform, namespace, epoch, generation, place, build, connection, local, services,
      isClosed: () => this.closed,
      watchAbsent: tab => this.watchAbsent(tab),
      close: () => this.close(),
      abandon: () => this.abandon(),
      clear: () => this.clear()
    });
  }

  // ---- the beginning

  /** Accepts tabs, and sends what an earlier host has left to send. */
  private begin(): void {
    if (this.closed) return;
    const {docs, platform: {clock}, parts: {store, mirrored, tabs}} = this;
    this.parts.loadStored();
    this.sessionServer = this.startSessionServer();
    for (const tab of tabs.withLife()) this.watchAbsent(tab);
    mirrored?.awaitTabs();
    // A tab that has greeted on a port by now is welcomed there, and need not greet again.
    this.options.onOpen?.(this);
    this.sessionServer.announce();
    if (store && !mirrored) clock.after(PRUNE_AFTER_MS, () => void store.prune(key => isLocal(key[0]) || !!docs.find(key)));
  }

  private startSessionServer(): SessionServer {
    const {platform, namespace, epoch, generation, place, build, parts: {store, lineage, sessions, shutdown}} = this;
    return new SessionServer(platform, {
      namespace, epoch, generation, place, build, lineage,
      catchUp: platform.locks?.query && (() => this.checkHostLock()),
      cleared: this.options.cleared,
      durability: store
    }, {
      accept: (hello, session) => sessions.begin(hello, session),
      onTakeoverRequest: candidate => { if (isNewer(candidate, {protocol: PROTOCOL_VERSION, build})) void shutdown.makeRoom(); },
      onCleared: () => this.abandon(),
      onSuperseded: () => this.close()
    });
  }

  /** Resolves when an event that the host lock was stolen has arrived, if there is one. It comes before the answer to a later query. */
  private async checkHostLock(): Promise<void> {
    this.parts.log.debug('host', () => 'was suspended, and checks whether it has been replaced');
    await this.platform.locks!.query!();
    await new Promise<void>(resolve => this.platform.clock.after(LOCK_EVENT_MS, resolve));
  }

  private watchAbsent(tab: Tab): void {
    this.sessionServer?.watchAbsent(tab.id, () => { if (!tab.session) this.parts.sessions.end(tab, 'gone'); });
  }

  // ---- the end

  /** Closes the host. If no tab is left to bring the pending ops to the next host, it sends what it can within `ms` first. */
  retire(ms: number): Promise<void> {
    return this.parts.shutdown.retire(ms);
  }

  /**
   * Ends the sessions and closes the real connection. May be called twice. `whenClosed` resolves when all changes of this host
   * are durable: the next host continues from them.
   */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    const {board, inspection, queues, undoTurns, serverEvents, store} = this.parts;
    board.end();
    inspection.end();
    this.services?.close();
    this.sessionServer?.close();
    queues.close();
    undoTurns.close();
    serverEvents.stop();
    this.connection.close();
    this.local.close();
    if (!store) return this.resolveClosed();
    store.whenAllCommittedOrFailed(() => {
      store.close();
      this.resolveClosed();
    });
  }

  /**
   * Closes within this turn, because there is no other turn, or because nothing may be written any more. Changes that are not
   * durable by now are still in the tabs, or another host has fenced this one off.
   */
  abandon(): void {
    this.close();
    this.parts.store?.close();
    this.resolveClosed();
  }

  /**
   * Stops every tab of the namespace, then deletes what is stored. The host and its real connection close, whether that succeeds
   * or not. Rejects with the reason why something could not be deleted.
   */
  async clear(): Promise<void> {
    // A page that begins meanwhile must not see what this host has in memory. The app may have deleted the mark that tells of the clearing.
    this.sessionServer?.refuse();
    for (const tab of this.parts.tabs.allPages()) tab.send({a: 'host.cleared'});
    this.connection.close();
    this.local.close();
    try {
      const outcomes = await Promise.allSettled([this.parts.store?.clear(), this.clearOther()]);
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    } finally {
      // The session server closes after the answer to this call has been sent. A timer could fire before that (WebKit).
      nextTick(() => nextTick(() => this.close()));
    }
  }

  private async clearOther(): Promise<void> {
    const {store} = this.options;
    if (store === false || store?.storage) return;
    await clearOtherStore(store?.name ?? this.namespace, this.platform.clock);
  }

  // ---- what the code that runs a host may ask and do

  /**
   * Takes a tab's greeting on a port, which is faster than a channel.
   * @returns whether this host holds the host lock, and has welcomed the tab on the port
   */
  admit(hello: Hello, port: Channel): boolean {
    return this.sessionServer?.admit(hello, port) ?? false;
  }

  /**
   * Takes the greeting of a service of this host. A service is no tab: the host does not watch its lock, and does not count it.
   * @returns whether it is welcomed
   */
  admitService(name: string, hello: Hello, port: Channel): boolean {
    this.parts.tabs.noteService(hello.tabId, name);
    return this.sessionServer?.admit(hello, port, false) ?? false;
  }

  /** Watches a tab while a service waits for it. @internal */
  watchSilentTab(id: string, isWaiting: () => boolean): Watchdog {
    return watchSilentTab(() => this.parts.tabs.find(id), this.clock, isWaiting);
  }

  /** Reports what the host holds on behalf of its tabs. */
  inspect(options?: InspectOptions): HostReport {
    return this.parts.inspection.inspect(options);
  }

  /** Asks the tabs for a token for the server. Rejects with ERR_TABS_NO_TOKEN. */
  async token(): Promise<string> {
    this.parts.log.debug('server', () => 'asks the tabs for a token');
    const {tokens} = this.parts;
    const isKnown = !!tokens.failure;
    try {
      return await tokens.get();
    } catch (error) {
      // Each attempt to connect fails in the same way: one warning is enough.
      if (!isKnown) this.parts.log.warn(warning('WARN_TABS_NO_TOKEN', 'no token for the server, trying again'), error);
      throw error;
    }
  }

  /** Whether nothing would be lost, or left where no other host finds it, if this host ended now. */
  get isDispensable(): boolean {
    const {store, board, deadLetters, frames} = this.parts;
    const keys = [...store?.keys() ?? [], ...this.docs.all().map(({collection, id}) => [collection, id] as const)];
    return !board.pendingOps && !deadLetters.size && !store?.quarantine.size && !frames.isServing &&
      !keys.some(([collection]) => isLocal(collection));
  }

  /** Whether this host deletes everything and then ends. @internal */
  get isClearing(): boolean {
    return !!this.sessionServer?.isRefusing;
  }

  /** @internal */
  get clock(): Clock {
    return this.platform.clock;
  }

  /** Passes a warning to the `warn` option. @internal */
  warn(message: string, detail: unknown): void {
    this.parts.log.warn(message, detail);
  }

  /** Reports an error that no code has caught in this host's context. */
  reportUncaught(error: unknown): void {
    this.parts.log.uncaught(error);
  }
}
