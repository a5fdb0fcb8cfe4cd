import {SessionServer} from '../broker/session-server.js';
import type {Watchdog} from '../broker/watchdog.js';
import {browserPlatform} from '../platform/browser.js';
import {nextTick} from '../platform/next-tick.js';
import type {Channel, Clock, Platform} from '../platform/platform.js';
import {isFormer, type Clearing} from '../protocol/clearing.js';
import type {Hello, Place} from '../protocol/frames.js';
import type {Epoch} from '../protocol/ids.js';
import {isLocal} from '../protocol/local.js';
import type {HostReport, InspectOptions} from '../protocol/report.js';
import {PROTOCOL_VERSION, isNewer} from '../protocol/version.js';
import {warning} from '../protocol/warnings.js';
import {checkHostOptions} from './check-options.js';
import {dismissFormerTab} from './former-tab.js';
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

/** How long the event that the host lock was stolen may take to arrive after the answer to a later query of the locks, in ms. */
const LOCK_EVENT_MS = 50;
/** Delay between the start of a host and the deletion of old documents, in ms. Meanwhile the tabs open their documents. */
const PRUNE_AFTER_MS = 60_000;

/** The options of a `Host`. */
export interface HostOptions extends HostSettings {
  /** Called once, when the host starts to accept tabs. */
  onOpen?: ((host: Host) => void) | undefined;
  /** Creates the source of the services that tabs call. If missing, there are none. @internal */
  services?: ((host: Host) => ServiceSource) | undefined;
}

const OWN_OPTIONS: Record<Exclude<keyof HostOptions, keyof HostSettings>, true> = {onOpen: true, services: true};

/**
 * Owns the only real connection of a namespace and serves its tabs. It is a ShareDB server for its tabs, and a ShareDB client of the
 * server. This class starts and stops the host; `HostParts` creates its parts.
 */
export class Host {
  /** The namespace that the host serves. */
  readonly namespace: string;
  /** The host's id, which no other host has. */
  readonly epoch: Epoch;
  private readonly generation: number;
  private readonly place: Place;
  private readonly build: string;
  private readonly platform: Platform;
  private readonly connection: RealConnection;
  /** The connection for local documents. */
  private readonly local: RealConnection;
  private readonly services: ServiceSource | undefined;
  private readonly parts: HostParts;
  private readonly docs: SharedDocs;
  private sessionServer: SessionServer | undefined;
  private closed = false;
  private resolveClosed: () => void = () => {};
  /** Resolves when this host has stopped, because it was closed, cleared or replaced. */
  readonly whenClosed = new Promise<void>(resolve => { this.resolveClosed = resolve; });

  /**
   * Starts the host. It accepts tabs when the store is open, or has not opened in time.
   * @throws ERR_TABS_BAD_OPTION if an option is unknown, or `connection` is not a ShareDB connection
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
      whenUnlocked: (tabId, callback) => this.sessionServer?.whenUnlocked(tabId, callback),
      close: () => this.close(),
      abandon: () => this.abandon(),
      clear: clearing => this.clear(clearing)
    });
  }

  // ---- starting

  /** Starts to accept tabs, and opens the documents with ops that an earlier host has not sent. */
  private begin(): void {
    if (this.closed) return;
    const {docs, platform: {clock}, parts: {store, mirrored, tabs}} = this;
    // If the page of this host began before the last clearing, its connection to the server is that of a former user.
    if (this.options.isCleared?.(this.cleared)) return this.abandon();
    this.parts.loadStored();
    this.sessionServer = this.startSessionServer();
    for (const tab of tabs.withoutAuthors()) this.watchAbsent(tab);
    mirrored?.awaitTabs();
    // This welcomes the tabs that have greeted on a port already. So they do not greet again when the host announces itself.
    this.options.onOpen?.(this);
    this.sessionServer.announce();
    if (store && !mirrored) clock.after(PRUNE_AFTER_MS, () => void store.prune(key => isLocal(key[0]) || !!docs.find(key)));
  }

  private startSessionServer(): SessionServer {
    const {platform, namespace, epoch, generation, place, build, parts: {store, lineage, sessions, shutdown}} = this;
    return new SessionServer(platform, {
      namespace, epoch, generation, place, build, lineage,
      catchUp: platform.locks?.query && (() => this.checkHostLock()),
      cleared: () => this.cleared,
      durability: store
    }, {
      accept: (hello, session) => (isFormer(hello, this.cleared) ? dismissFormerTab(session) : sessions.begin(hello, session)),
      onTakeoverRequest: candidate => { if (isNewer(candidate, {protocol: PROTOCOL_VERSION, build})) void shutdown.makeRoom(); },
      onCleared: () => this.abandon(),
      onSuperseded: () => this.close()
    });
  }

  /** Resolves when the event that the host lock was stolen must have arrived. The browser sends it before the answer to a later query. */
  private async checkHostLock(): Promise<void> {
    this.parts.log.debug('host', () => 'was suspended, and checks whether it has been replaced');
    await this.platform.locks!.query!();
    await new Promise<void>(resolve => this.platform.clock.after(LOCK_EVENT_MS, resolve));
  }

  private watchAbsent(tab: Tab): void {
    this.sessionServer?.watchAbsent(tab.id, () => { if (!tab.session) this.parts.sessions.end(tab, 'gone'); });
  }

  // ---- stopping

  /** Closes the host. Without tabs, it first sends pending ops for up to `ms`, because no tab can start the next host. */
  retire(ms: number): Promise<void> {
    return this.parts.shutdown.retire(ms);
  }

  /**
   * Ends the sessions and closes the real connection. May be called twice. `whenClosed` resolves when all changes of this host are
   * durable or the storage has failed. The next host continues from them.
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
    this.parts.stop();
    this.connection.close();
    this.local.close();
    if (!store) return this.resolveClosed();
    store.whenAllCommittedOrFailed(() => {
      store.close();
      this.resolveClosed();
    });
  }

  /**
   * Closes the host synchronously, because no further task runs or nothing may be written any more. Changes that are not durable yet
   * are still in the tabs, or another host has claimed the store.
   */
  abandon(): void {
    this.close();
    this.parts.store?.close();
    this.resolveClosed();
  }

  /**
   * Closes the connections of all tabs of the namespace, then deletes the stored data. The host and its real connection close in any
   * case. Rejects with the reason if some data could not be deleted.
   * @param clearing is kept in the databases
   */
  async clear(clearing?: Clearing): Promise<void> {
    // A page that starts meanwhile must not see the data in this host's memory. The mark of the clearing is not enough, because the app may
    // have deleted it.
    this.sessionServer?.refuse();
    for (const tab of this.parts.tabs.allPages()) tab.send({a: 'host.cleared'});
    this.connection.close();
    this.local.close();
    try {
      const outcomes = await Promise.allSettled([this.parts.store?.clear(clearing), this.clearOther(clearing)]);
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    } finally {
      // The host closes after the answer to this call has been sent. A timer could fire before that (WebKit).
      nextTick(() => nextTick(() => this.close()));
    }
  }

  private async clearOther(clearing: Clearing | undefined): Promise<void> {
    const {store} = this.options;
    if (store === false || store?.storage) return;
    await clearOtherStore(store?.name ?? this.namespace, this.platform.clock, clearing);
  }

  // ---- for the code that runs a host

  /**
   * Handles a tab's greeting on a port, which is faster than a channel.
   * @returns whether the host has welcomed the tab on the port
   */
  admit(hello: Hello, port: Channel): boolean {
    return this.sessionServer?.admit(hello, port) ?? false;
  }

  /**
   * Handles the greeting of a service of this host. The host does not watch a service's lock, and does not count it as a tab.
   * @returns whether the service was welcomed
   */
  admitService(name: string, hello: Hello, port: Channel): boolean {
    this.parts.tabs.noteService(hello.tabId, name);
    return this.sessionServer?.admit(hello, port, false) ?? false;
  }

  /** Pings a tab while a service waits for it. @internal */
  watchSilentTab(id: string, isWaiting: () => boolean): Watchdog {
    return watchSilentTab(() => this.parts.tabs.find(id), this.clock, isWaiting);
  }

  /** Returns a report of the host's state, documents, queries and tabs. */
  inspect(options?: InspectOptions): HostReport {
    return this.parts.inspection.inspect(options);
  }

  /** Asks the tabs for a token for the server. Rejects with ERR_TABS_NO_TOKEN if no tab supplies one. */
  async token(): Promise<string> {
    this.parts.log.debug('server', () => 'asks the tabs for a token');
    const {tokens} = this.parts;
    const isKnown = !!tokens.failure;
    try {
      return await tokens.get();
    } catch (error) {
      // Each connection attempt fails for the same reason, so only the first one is reported.
      if (!isKnown) this.parts.log.warn(warning('WARN_TABS_NO_TOKEN', 'no token for the server, trying again'), error);
      throw error;
    }
  }

  /** Whether this host can end without losing data, and without leaving data that no other host reads. */
  get isDispensable(): boolean {
    const {store, board, deadLetters, frames} = this.parts;
    const keys = [...store?.keys() ?? [], ...this.docs.all().map(({collection, id}) => [collection, id] as const)];
    return !board.pendingOps && !deadLetters.size && !store?.quarantine.size && !frames.isServing &&
      !keys.some(([collection]) => isLocal(collection));
  }

  /** The last clearing of the namespace before this host started: the tab that started the host or the database knew it. @internal */
  get cleared(): Clearing | undefined {
    const {parts: {store}, options: {cleared}} = this;
    return store ? store.cleared : cleared;
  }

  /** Whether this host is deleting everything and will end. @internal */
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
