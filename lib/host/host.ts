import {SessionServer, type Ending, type SessionHandlers} from '../broker/session-server.js';
import type {DeliveryRule, HostSession} from '../broker/host-session.js';
import type {Message} from '../broker/session.js';
import {browserPlatform} from '../platform/browser.js';
import {nextTick} from '../platform/next-tick.js';
import type {Channel, Clock, Locks, OpenChannel, Platform} from '../platform/platform.js';
import {isOfApp} from '../protocol/app-messages.js';
import type {FaultState} from '../protocol/faults.js';
import type {Clearing} from '../protocol/clearing.js';
import {brief} from '../protocol/debug.js';
import {TabsError, decodeError, encodeError} from '../protocol/errors.js';
import {DurableStore} from '../store/durable-store.js';
import type {Cipher} from '../store/encryption.js';
import {IndexedDbStorage} from '../store/indexed-db-storage.js';
import {MirrorStorage} from '../store/mirror-storage.js';
import type {PruningLimits} from '../store/pruning.js';
import type {DocKey, Storage} from '../store/storage.js';
import type {FeedEntry} from '../protocol/feed.js';
import type {Hello, Place} from '../protocol/frames.js';
import type {Epoch, TabId} from '../protocol/ids.js';
import type {HostReport, InspectOptions} from '../protocol/report.js';
import type {StoreDurability} from '../protocol/store-durability.js';
import {PROTOCOL_VERSION, isNewer} from '../protocol/version.js';
import {isLocal} from '../protocol/local.js';
import {isOrphanedOpsMessage, isLostOps} from '../protocol/requests.js';
import {isTransactionAuthor, tabOfAuthor, transactionAuthor} from '../protocol/transactions.js';
import {warning} from '../protocol/warnings.js';
import {Bulk} from './doc/bulk.js';
import {DeadLetters} from './letters/dead-letters.js';
import type {FaultAccess} from './server/connect-gate.js';
import {FatalOps, type CloseInfo} from './server/fatal-ops.js';
import type {FaultInjection} from './server/fault-injection.js';
import {FrameRelay, type ServiceSource} from './frame-relay.js';
import {HostLog} from './host-log.js';
import {LateDocuments} from './doc/late-documents.js';
import {Queues} from './collections/queues.js';
import {LetterRetries} from './letters/letter-retries.js';
import {localConnection} from './server/local-connection.js';
import type {MessageFeed} from './inspection/message-feed.js';
import {checkObserverCall} from './inspection/observers.js';
import {ServerFaults, type IsTransient} from './server/server-faults.js';
import {RETURN_MS, type SharedDoc} from './doc/shared-doc.js';
import {SharedDocs} from './doc/shared-docs.js';
import {LocalQueries, checkOfflineQueries, type OfflineQueries} from './queries/local-queries.js';
import {SharedQueries} from './queries/shared-queries.js';
import {SharedPresences} from './presence/shared-presences.js';
import {socketOf} from './inspection/socket-state.js';
import {StatusBoard} from './status-board.js';
import {TabRequests} from './tab-requests.js';
import {unsavedDocs} from './doc/unsaved-docs.js';
import {Tab} from './tab.js';
import {TabReports} from './inspection/tab-reports.js';
import {Tokens} from './server/tokens.js';
import {Transactions} from './collections/transactions.js';
import {UndoTurns} from './undo-turns.js';
import type {RealConnection, RealDoc} from './upstream.js';

/** How a host stores documents and edits. */
export interface StoreOptions {
  /** What the database is called after. Default: the namespace. */
  name?: string | undefined;
  /** Where it is kept. Default: a new {@link IndexedDbStorage}. */
  storage?: Storage | undefined;
  /** Of a given storage, 'strict' is its own matter. Default 'relaxed'. */
  durability?: StoreDurability | undefined;
  /**
   * How a document goes on that was stored. 'snapshot', the default: the first request asks the server for the state, as a page
   * does that is loaded. 'ops': it asks only for the ops since, which is less to send, and shows what was stored where reads were
   * revoked, or the database was replaced.
   */
  resume?: 'snapshot' | 'ops' | undefined;
  /**
   * Stored documents that nobody has opened for so long, in ms, are deleted some time after the start of a host; never those
   * with ops that the server has not got, nor local ones. `Infinity` keeps all. Default: 90 days.
   */
  maxAge?: number | undefined;
  /**
   * Above so many bytes, the stored documents that were opened longest ago are deleted some time after the start of a host, with the
   * same exceptions. Sizes are those of what is written, without the browser's own overhead. Default: no limit.
   */
  maxSize?: number | undefined;
  /** Encrypts documents and ops before they are stored; their names are not. */
  cipher?: Cipher | undefined;
}

/** What a direct connection's store is called after its namespace. */
const DIRECT = '/direct';
/** How long deleting what another host keeps may take, in ms. */
const CLEAR_MS = 3000;
const MAX_UNHEARD = 16;
/** So long after the answer, in ms, the other news must be here. */
const NEWS_MS = 50;
/** So many documents, queries and channels are told of in a report. */
const MAX_REPORTED = 100;
/** How long a host without tabs may take to send what is pending, in ms; and how often it looks. */
const FINISH_MS = 30_000;
const LOOK_MS = 100;
/** What nobody has opened for so long is not kept. */
const MAX_AGE = 90 * 24 * 60 * 60 * 1000;
/** So long after its start, in ms, a host deletes it: the tabs of the last host have opened theirs by then. */
const PRUNE_AFTER_MS = 60_000;
const QUERY_PREFIX = 'query: ';
/** How long calls that are under way may take when a newer build takes over, or the host is to stop, in ms. */
const CALLS_MS = 1500;
/** Of so many queries the results are kept where memory is all there is. */
const MAX_MIRRORED_QUERIES = 256;

/** The options of a `Host`. */
export interface HostOptions {
  /** The real ShareDB `Connection`. The host owns it: nobody else is to use its documents. */
  connection: unknown;
  /** Users and environments apart: tabs and host of one namespace find each other. Default 'default'. */
  namespace?: string | undefined;
  /** Opens a channel by name. Default: `name => new BroadcastChannel(name)`. */
  channel?: OpenChannel | undefined;
  /** `navigator.locks` or its like: tells of tabs that died. Default: the browser's, none with an own `channel`. */
  locks?: Locks | undefined;
  /** Default: the system's time and timers. */
  clock?: Clock | undefined;
  /** Where it lives, for the tabs' `mode`. Default 'direct': in the process of its tabs. */
  place?: Place | undefined;
  /** The app's build: a host of a newer one that waits on the greeting channel gets this one's place. */
  build?: string | undefined;
  /** The generation of the host that this one replaces. Default 0: what the clock says is later anyway. */
  after?: number | undefined;
  /**
   * Keeps documents, and edits that the server has not got, over restarts. `false` switches it off. Default:
   * IndexedDB where there is one.
   */
  store?: StoreOptions | false | undefined;
  /**
   * Where there is no store: whether up to two of the tabs keep in memory what would have been stored, so that
   * the next host can go on from it. Default: where the host is to outlive a tab, which is in no `place` but 'direct'.
   */
  mirror?: boolean | undefined;
  /** Called once, when tabs are let in. */
  onOpen?: ((host: Host) => void) | undefined;
  /** Closes itself when there has been no tab for so long, in ms. Default: never. */
  idleAfter?: number | undefined;
  /** The namespace's last clearing: what is stored from before it is deleted, and never read. */
  cleared?: Clearing | undefined;
  /** Whether the namespace was cleared after this host began. A host in a page can find out by itself. */
  isCleared?: (() => boolean) | undefined;
  /**
   * Whether the server could not take an op for a reason that passes, so that the op is sent again later. `undefined` leaves it to
   * the library, which takes codes that begin with `ERR_` for refusals, and other errors for faults.
   */
  isTransient?: IsTransient | undefined;
  /** Works out the results of queries without a server. Default: the server's last results are given. */
  queries?: OfflineQueries | undefined;
  /** Makes the services that tabs call. Default: there are none. @internal */
  services?: ((host: Host) => ServiceSource) | undefined;
  /** The inspector may cause faults in this host. Default: it may not. @internal */
  faults?: FaultAccess | undefined;
  /** What is dropped and why. Default: `console.warn`. */
  warn?: ((message: string, detail: unknown) => void) | undefined;
}

/**
 * Owns the one real connection of a namespace and serves its tabs: a ShareDB server for them, a ShareDB
 * client of the server.
 */
export class Host {
  readonly namespace: string;
  readonly epoch: Epoch;
  private readonly generation: number;
  private readonly startedAt: number;
  private readonly tabReports: TabReports;
  private faultInjection: FaultInjection | undefined;
  /** While somebody looks. */
  private feed: MessageFeed | undefined;
  private readonly place: Place;
  private readonly build: string;
  private readonly platform: Platform;
  private readonly connection: RealConnection;
  /** Of the documents that the server is not told of. */
  private readonly local: RealConnection;
  private sessionServer: SessionServer | undefined;
  private readonly store: DurableStore | undefined;
  /** Living tabs are all the store that there is. */
  private isMirrored = false;
  /** Tabs of an earlier host may still come back for what it had. */
  private isAwaitingTabs = false;
  private readonly tabs = new Map<TabId, Tab>();
  private readonly docs: SharedDocs;
  private readonly deadLetters: DeadLetters;
  private readonly letterRetries: LetterRetries;
  private readonly late: LateDocuments | undefined;
  private readonly queries: SharedQueries;
  private readonly presences: SharedPresences;
  private readonly requests: TabRequests;
  private readonly transactions: Transactions;
  private readonly queues: Queues;
  private readonly undoTurns: UndoTurns;
  private readonly log: HostLog;
  private readonly tokens: Tokens;
  private readonly faults: ServerFaults;
  private readonly fatalOps: FatalOps;
  /** The console has been told that the server can't be reached. */
  private isUnreachable = false;
  /** From the end of the last tab's session on. */
  private cancelIdle: (() => void) | undefined;
  private readonly stopListening: () => void;
  private readonly board: StatusBoard;
  private readonly services: ServiceSource | undefined;
  private readonly frames: FrameRelay;
  /** The names of services, by the ids of their connections. */
  private readonly serviceNames = new Map<string, string>();
  private readonly rollingBack = new Set<SharedDoc>();
  /** What the connection had to say before there was a tab to hear it. */
  private readonly unsentMessages: Message[] = [];
  private closed = false;
  private isMakingRoom = false;
  private tellClosed: () => void = () => {};
  /** Resolves when this host has stopped: closed, cleared, or replaced by another one. */
  readonly whenClosed = new Promise<void>(resolve => { this.tellClosed = resolve; });

  constructor(private readonly options: HostOptions) {
    this.platform = browserPlatform(options);
    this.namespace = options.namespace ?? 'default';
    this.epoch = this.platform.randomId() as Epoch;
    this.startedAt = this.platform.clock.now();
    this.tabReports = new TabReports(this.platform.clock);
    this.generation = Math.max(this.startedAt, (options.after ?? 0) + 1);
    this.connection = options.connection as RealConnection;
    this.local = localConnection(this.platform.randomId());
    this.place = options.place ?? 'direct';
    this.build = options.build ?? '';
    const sharesConsole = this.place === 'direct';
    this.log = new HostLog(
      () => (sharesConsole ? [] : this.pages()),
      // eslint-disable-next-line no-console
      options.warn ?? ((message, detail) => console.warn(message, detail)),
      this.platform.clock.now
    );
    this.tokens = new Tokens(() => this.pages(), this.platform.clock);
    this.services = options.services?.(this);
    this.frames = new FrameRelay({
      source: this.services,
      tab: id => this.tabs.get(id as TabId),
      tabs: () => this.pages(true),
      beforeFrame: tab => {
        const status = this.board.untold;
        if (status) tab.send({a: 'host.status', status}, 'own');
      },
      rollbacks: tab => this.rollbacksOf(tab)
    });
    this.faults = new ServerFaults({
      clock: this.platform.clock, isTransient: options.isTransient, onChange: () => this.board.update()
    });
    const owner = {
      connection: this.connection,
      faults: this.faults,
      after: this.platform.clock.after,
      isConnected: () => this.connection.state === 'connected',
      share: (doc: RealDoc) => this.docs.get(doc.collection, doc.id),
      keptResults: (query: string) => this.store?.kept[QUERY_PREFIX + query],
      keepResults: (query: string, results: string) => {
        if (this.store?.kept[QUERY_PREFIX + query] === results) return;
        this.store?.keep(QUERY_PREFIX + query, results);
        if (this.isMirrored) this.forgetOldQueries();
      }
    };
    this.queries = new SharedQueries({...owner, local: this.localQueries()});
    this.presences = new SharedPresences(owner);
    this.fatalOps = new FatalOps(this.connection, {
      clock: this.platform.clock,
      release: (c, d) => this.docs.find([c, d])?.doc._sendOp(),
      refuse: (c, d, src, seq, error) => this.docs.find([c, d])?.journaled.refuse(src, seq, error)
    });
    this.stopListening = this.listen();
    const store = (this.store = this.openStore(options.store));
    this.board = new StatusBoard(this.platform, {
      store,
      counts: () => ({
        tabs: this.attachedTabs, deadLetters: this.deadLetters.size, ...(this.faults.current && {serverFault: this.faults.current}),
        ...unsavedDocs(this.board.pendingOps ? this.docs.all() : [], this.deadLetters.list())
      }),
      tell: status => this.sendToAll({a: 'host.status', status}, 'own')
    });
    const bulk = new Bulk(this.connection, () => this.tabs.values());
    this.docs = new SharedDocs({
      connection: this.connection, local: this.local, store, log: this.log, epoch: this.epoch,
      faults: this.faults, fatalOps: this.fatalOps,
      after: this.platform.clock.after,
      now: this.platform.clock.now,
      together: act => bulk.runTogether(act),
      tab: id => this.tabOf(id as TabId),
      onLost: lost => this.deadLetters.add(lost),
      onSaved: ({src, seq}) => this.deadLetters.noteSaved(src, seq),
      resumesFromStore: (options.store || undefined)?.resume === 'ops',
      onPending: (change, ops) => this.board.countPending(change, ops),
      onEntry: (shared, entry) => {
        this.presences.onEntry(shared, entry);
        this.queries.onChange(shared);
        this.queues.onEntry(shared, entry);
      },
      onRollback: shared => this.rollingBack.add(shared),
      onServerOp: (shared, step) => this.transactions.onServerOp(shared, step),
      // Memory is kept for what somebody has open.
      onReleased: key => {
        this.queues.forget(key);
        if (this.isMirrored && !this.isAwaitingTabs && !this.closed) store!.remove(key);
      }
    });
    this.deadLetters = new DeadLetters({
      store: this.store,
      randomId: () => this.platform.randomId(),
      now: () => this.platform.clock.now(),
      onLetter: letter => this.sendToAll({a: 'host.deadletter', letter}),
      onChange: () => this.board.update()
    });
    this.letterRetries = new LetterRetries({
      letters: this.deadLetters, docs: this.docs, isConnected: () => this.connection.state === 'connected'
    });
    this.late = this.store && new LateDocuments(this.store, this.docs, this.deadLetters);
    this.transactions = new Transactions({docs: this.docs, tab: id => this.tabOf(id as TabId), tabs: () => this.tabs.values()});
    this.queues = new Queues({
      epoch: this.epoch, docs: this.docs, tab: id => this.tabOf(id as TabId), isThere: id => !!this.tabs.get(id as TabId)?.session,
      after: this.platform.clock.after, now: this.platform.clock.now
    });
    this.undoTurns = new UndoTurns(this.platform.clock.after);
    const {epoch, connection, docs, queries, presences, log} = this;
    this.requests = new TabRequests({
      epoch, connection, docs, queries, presences, bulk, log,
      onVisible: (tab, isVisible) => {
        tab.token = {isVisible, since: tab.token?.since ?? this.platform.clock.now()};
        this.tokens.noteTab();
      },
      onAppMessage: (tab, message) => this.sendOfApp(tab, message),
      onLastWord: word => void this.takeOrphanedOps(word)
    });
    if (this.store) void this.store.whenReady().then(() => this.begin());
    else this.begin();
  }

  private localQueries(): LocalQueries | undefined {
    const {queries} = this.options;
    if (!queries) return undefined;
    checkOfflineQueries(queries);
    return new LocalQueries(queries, {
      log: this.log,
      storedIds: collection => this.store?.keys().filter(([c]) => c === collection).map(([, id]) => id) ?? [],
      open: (collection, id) => this.docs.get(collection, id),
      openDocs: collection => this.docs.all().filter(doc => doc.collection === collection)
    });
  }

  private openStore(options: StoreOptions | false | undefined): DurableStore | undefined {
    const wanted = (options || undefined)?.durability;
    const durability = wanted === 'strict' ? wanted : 'relaxed';
    const storage = options === false ? undefined
      : options?.storage ?? (IndexedDbStorage.isAvailable() ? new IndexedDbStorage({durability}) : undefined);
    const {mirror = this.place !== 'direct'} = this.options;
    this.isMirrored = !storage && mirror;
    if (!storage && !mirror) return undefined;
    return new DurableStore({
      storage: storage ?? new MirrorStorage(this.platform),
      namespace: (options || undefined)?.name ?? this.namespace,
      epoch: this.epoch,
      cleared: this.options.cleared,
      cipher: options ? options.cipher : undefined,
      sendsBeforeWrite: wanted === 'delayed',
      limits: this.isMirrored ? undefined : {maxAge: MAX_AGE, ...definedLimits(options || {})},
      now: () => this.platform.clock.now(),
      onStatus: () => {
        this.log.debug('store', () => `durable: ${this.store?.isDurable}, ${this.store?.lastError?.message ?? 'no error'}`);
        this.board.update();
      },
      onFenced: () => this.abandon(),
      onErased: () => {
        // What is in use belongs to the user who has signed out.
        if (this.options.isCleared?.()) return this.abandon();
        for (const doc of this.docs.all()) doc.checkpoint();
      },
      onFound: () => this.loadDeadLetters(),
      onSuperseded: () => this.late?.merge(),
      onQuarantined: ([c, d], error) => this.log.warn(
        warning('WARN_TABS_QUARANTINED', `what was stored of ${c}/${d} was set aside, in connection.quarantine`), error.message
      )
    }, this.platform.clock.after);
  }

  /** The tabs are let in, and what an earlier host has left to send is taken up. */
  private begin(): void {
    if (this.closed) return;
    const {store} = this;
    this.loadDeadLetters();
    const {place, build} = this;
    this.sessionServer = new SessionServer(this.platform, {
      namespace: this.namespace,
      epoch: this.epoch,
      generation: this.generation,
      place,
      build,
      lineage: this.lineage,
      catchUp: this.platform.locks?.query && (() => this.checkHostLock()),
      durability: store
    }, {
      accept: (hello, session) => this.accept(hello, session),
      onTakeoverRequest: candidate => { if (isNewer(candidate, {protocol: PROTOCOL_VERSION, build})) void this.makeRoom(); },
      onSuperseded: () => this.close()
    });
    for (const tab of this.tabs.values()) if (!isTransactionAuthor(tab.id)) this.watchAbsent(tab);
    if (this.isMirrored && store!.keys().length) this.awaitTabs();
    // Who has greeted on a port by now is welcomed there, and need not greet again.
    this.options.onOpen?.(this);
    this.sessionServer.announce();
    if (store && !this.isMirrored) this.platform.clock.after(PRUNE_AFTER_MS, () => void store.prune(key => isLocal(key[0]) || !!this.docs.find(key)));
  }

  /** What nobody came back for is not kept any longer. */
  private awaitTabs(): void {
    this.isAwaitingTabs = true;
    this.platform.clock.after(RETURN_MS, () => {
      this.isAwaitingTabs = false;
      for (const key of this.store!.keys()) if (!this.docs.find(key)) this.store!.remove(key);
    });
  }

  private forgetOldQueries(): void {
    const names = Object.keys(this.store!.kept).filter(name => name.startsWith(QUERY_PREFIX));
    if (names.length > MAX_MIRRORED_QUERIES) this.store!.keep(names[0]!, undefined);
  }

  /** The news that the host lock was stolen comes before the answer to a later question about locks. */
  private async checkHostLock(): Promise<void> {
    this.log.debug('host', () => 'has stood still, and looks whether it has been replaced');
    await this.platform.locks!.query!();
    await new Promise<void>(resolve => this.platform.clock.after(NEWS_MS, resolve));
  }

  private loadDeadLetters(): void {
    this.deadLetters.load(this.store?.kept ?? {});
    this.late?.takeUp();
    this.late?.merge();
  }

  private watchAbsent(tab: Tab): void {
    this.sessionServer?.watchAbsent(tab.id, () => { if (!tab.session) this.detach(tab, 'gone'); });
  }

  /**
   * Leaves the tabs to another host and closes the real connection. May be called twice. `whenClosed` resolves
   * when all that this host has taken is durable: the next one goes on from there.
   */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.board.end();
    this.faultInjection?.end();
    this.services?.close();
    this.sessionServer?.close();
    this.queues.close();
    this.undoTurns.close();
    this.stopListening();
    this.connection.close();
    this.local.close();
    if (!this.store) return this.tellClosed();
    this.store.whenDurable(() => {
      this.store!.close();
      this.tellClosed();
    });
  }

  /**
   * Closes within this turn: there is no other, or nothing may be written any more. What is not durable by now the
   * tabs still have, or is fenced off.
   */
  abandon(): void {
    this.close();
    this.store?.close();
    this.tellClosed();
  }

  /**
   * A tab greets on a port, which is faster than a channel.
   * @returns whether this host holds the host lock, and has welcomed it there
   */
  admit(hello: Hello, port: Channel): boolean {
    return this.sessionServer?.admit(hello, port) ?? false;
  }

  /**
   * A service of this host connects, which is no tab: nobody waits for its lock, and nothing counts it.
   * @returns whether it is welcomed
   */
  admitService(name: string, hello: Hello, port: Channel): boolean {
    this.serviceNames.set(hello.tabId, name);
    return this.sessionServer?.admit(hello, port, false) ?? false;
  }

  /** What the host holds on behalf of its tabs: for tests, and for bug tickets. */
  inspect({data = false}: InspectOptions = {}): HostReport {
    const {place, build} = this;
    const docs = this.docs.all();
    return {
      namespace: this.namespace, epoch: this.epoch, generation: this.generation, lineage: this.lineage, place, build,
      protocol: PROTOCOL_VERSION, state: this.connection.state, ...this.board.status(),
      uptime: this.platform.clock.now() - this.startedAt, ...socketOf(this.connection),
      docs: docs.length, queries: this.queries.size, presences: this.presences.size,
      tabList: this.allPages().map(tab => tab.inspect()),
      docList: docs.map(doc => doc.inspect()).sort((a, b) => b.pendingOps - a.pendingOps).slice(0, MAX_REPORTED),
      queryList: this.queries.inspect(data).slice(0, MAX_REPORTED), presenceList: this.presences.inspect().slice(0, MAX_REPORTED),
      lastErrors: [...this.log.lastErrors],
      faults: this.options.faults ? this.faultInjection?.state ?? {network: 'untouched', delay: 0} : false
    };
  }

  private async observe(request: unknown): Promise<FeedEntry[]> {
    const {MessageFeed} = await import('./inspection/message-feed.js');
    this.feed ??= new MessageFeed(this.platform.clock, () => { this.feed = undefined; });
    return this.feed.read(request);
  }

  /** Does on purpose what may happen. A host of an app that is in use has no access to that. */
  private async injectFault(request: unknown): Promise<FaultState> {
    const {platform: {clock}, connection, place, options: {faults: access}} = this;
    if (!access) {
      throw new TabsError('ERR_TABS_FAULT_REFUSED', 'Nothing was done: this host takes no faults. In a development build, call startHost({allowFaults: true}) ' +
        'in the worker, or createConnection({allowFaults: true}) where a page is the host');
    }
    const {FaultInjection} = await import('./server/fault-injection.js');
    this.faultInjection ??= new FaultInjection({connection, access, place, clock, abandon: () => this.abandon()});
    return this.faultInjection.inject(request);
  }

  /** With what the tabs themselves have to say, where that is asked for. */
  private async report(options: InspectOptions): Promise<HostReport> {
    const told = options.tabs ? await this.tabReports.ask(this.allPages()) : undefined;
    const report = this.inspect(options);
    return told ? {...report, tabList: report.tabList.map(entry => ({...entry, ...told.get(entry.id)}))} : report;
  }

  /** A token for the server, of one of the tabs. Rejects with ERR_TABS_NO_TOKEN. */
  async token(): Promise<string> {
    this.log.debug('server', () => 'asks the tabs for a token');
    const isKnown = !!this.tokens.failure;
    try {
      return await this.tokens.get();
    } catch (error) {
      // Each attempt to connect fails in the same way: once is enough.
      if (!isKnown) this.log.warn(warning('WARN_TABS_NO_TOKEN', 'no token for the server, trying again'), error);
      throw error;
    }
  }

  /** @internal */
  get clock(): Clock {
    return this.platform.clock;
  }

  /** Tells whoever runs this host. @internal */
  warn(message: string, detail: unknown): void {
    this.log.warn(message, detail);
  }

  /** An error that nobody has caught, where this host lives. */
  reportUncaught(error: unknown): void {
    this.log.uncaught(error);
  }

  // ---- tabs

  private accept({tabId, isObserver}: Hello, session: HostSession): SessionHandlers {
    return isObserver === true ? this.acceptObserver(tabId, session) : this.acceptTab(tabId, session);
  }

  /** A page that only looks is told what the tabs are told of the host, and is answered. */
  private acceptObserver(tabId: TabId, session: HostSession): SessionHandlers {
    const observer = this.tabs.get(tabId) ?? new Tab(tabId);
    this.tabs.set(tabId, observer);
    observer.isObserver = true;
    observer.begin(session);
    observer.send(this.stateMessage());
    this.board.tellAnew();
    return {
      onMessage: message => this.requests.receive(observer, message),
      onCall: (name, args) => {
        checkObserverCall(name);
        return this.answerCall(name, args);
      },
      onMalformed: what => this.log.warn(warning('WARN_TABS_MALFORMED', `dropped a malformed message of observer ${tabId}`), what),
      onEnd: how => {
        observer.session = undefined;
        if (how === 'gone') this.tabs.delete(tabId);
      }
    };
  }

  private acceptTab(tabId: TabId, session: HostSession): SessionHandlers {
    const tab = this.tabs.get(tabId) ?? new Tab(tabId);
    this.tabs.set(tabId, tab);
    tab.begin(session);
    tab.service = this.serviceNames.get(tabId);
    tab.send(this.stateMessage());
    if (this.store) tab.send({a: 'store.inventory', known: inventoryOf(this.store.keys())});
    if (tab.service === undefined) this.welcome(tab);
    this.frames.attach(tab);
    this.board.tellAnew();
    return {
      onMessage: message => {
        if (message.a === 'service') return this.frames.receive(tab, message['frame']);
        this.feed?.note('from tab', message, tabId);
        return this.requests.receive(tab, message);
      },
      onCall: (name, args) => this.answerOf(tab, name, args),
      onMalformed: what => this.log.warn(warning('WARN_TABS_MALFORMED', `dropped a malformed message of tab ${tabId}`), what),
      onEnd: how => this.detach(tab, how)
    };
  }

  /** What a page is told beside what services hear, too. */
  private welcome(tab: Tab): void {
    if (this.isMirrored) tab.send({a: 'mirror.wanted'});
    for (const event of this.unsentMessages.splice(0)) tab.send(event);
    this.cancelIdle?.();
    this.cancelIdle = undefined;
    this.log.debug('host', () => `tab ${tab.id} is here`);
  }

  /** The tabs that are no services of this host, and do not only look. @param attached only those with a session */
  private pages(attached = false): Tab[] {
    return this.allPages().filter(({session, isObserver}) => !isObserver && (!attached || session));
  }

  private allPages(): Tab[] {
    return [...this.tabs.values()].filter(({service}) => service === undefined);
  }

  /** How many tabs have a session. */
  private get attachedTabs(): number {
    return this.pages(true).length;
  }

  private rollbacksOf(tab: Tab): ((done: () => void) => void)[] {
    const found = [];
    for (const doc of this.rollingBack) {
      if (!doc.isRollingBack) this.rollingBack.delete(doc);
      else if (doc.isFollowedBy(tab)) found.push((done: () => void) => doc.whenSettled(done));
    }
    return found;
  }

  private detach(tab: Tab, how: Ending): void {
    const gone = how === 'gone';
    tab.session = undefined;
    this.frames.detach(tab, how);
    this.queries.detach(tab);
    this.presences.detach(tab, how !== 'broken');
    this.undoTurns.forget(tab.id);
    if (how !== 'broken') this.queues.onAway(tab.id);
    for (const doc of this.docs.all()) doc.detach(tab, gone);
    tab.token = undefined;
    this.log.forget(tab);
    this.log.debug('host', () => `tab ${tab.id} is ${how === 'broken' ? 'without a session' : how}`);
    if (gone) {
      this.tabs.delete(tab.id);
      this.serviceNames.delete(tab.id);
      this.transactions.forget(tab);
      const author = this.tabs.get(transactionAuthor(tab.id) as TabId);
      if (author) this.detach(author, how);
    }
    this.board.update();
    this.checkIdle();
  }

  /** Without tabs, what can be finished is finished; then the place is free for whoever comes next. */
  private checkIdle(): void {
    const {idleAfter} = this.options;
    if (idleAfter === undefined || this.closed || this.cancelIdle) return;
    if (this.attachedTabs) return;
    this.cancelIdle = this.platform.clock.after(idleAfter, () => void this.finish(FINISH_MS).then(() => {
      if (this.cancelIdle) this.close();
    }));
  }

  /** Closes; where there is no other tab to go on with the next host, after sending what can be sent within `ms`. */
  async retire(ms: number): Promise<void> {
    // The goodbye of the tab that asks for this may be under way.
    await new Promise<void>(resolve => this.platform.clock.after(LOOK_MS, resolve));
    await Promise.all([this.services?.finish(CALLS_MS), this.attachedTabs ? undefined : this.finish(ms)]);
    this.close();
  }

  /** Resolves when nothing is left to send, or can be sent, or after `ms`. */
  private finish(ms: number): Promise<void> {
    return new Promise(resolve => {
      const end = this.platform.clock.now() + ms;
      const look = (): void => {
        const isDone = !this.board.pendingOps || this.connection.state !== 'connected';
        if (isDone || this.closed || this.platform.clock.now() >= end) resolve();
        else this.platform.clock.after(LOOK_MS, look);
      };
      look();
    });
  }

  /**
   * Leaves the place to a host of a newer build: once all that the server has not got is on the disk, too. Where the disk
   * takes nothing, edits that only this host has are sent first.
   */
  private async makeRoom(): Promise<void> {
    if (this.isMakingRoom) return;
    this.isMakingRoom = true;
    while (this.store?.isDown && this.board.pendingOps && !this.closed) {
      await new Promise<void>(resolve => this.platform.clock.after(LOOK_MS, resolve));
    }
    if (this.services) await this.services.finish(CALLS_MS);
    this.close();
  }

  private answerOf(tab: Tab, name: string, args: unknown): unknown {
    if (name === 'undo.turn') return this.undoTurns.take(tab.id, String(args));
    if (name === 'undo.end') return this.undoTurns.end(tab.id, String(args));
    return name.startsWith('shared.') ? this.answerShared(tab, name, args) : this.answerCall(name, args);
  }

  private answerShared(tab: Tab, name: string, args: unknown): unknown {
    const isOfQueue = name === 'shared.take' || name === 'shared.cancel' || name === 'shared.give';
    return isOfQueue ? this.queues.answer(tab, name, args) : this.transactions.answer(tab, name, args);
  }

  private answerCall(name: string, args: unknown): unknown {
    switch (name) {
      case 'host.ping':
        return null;
      case 'host.inspect':
        return this.report((args ?? {}) as InspectOptions);
      case 'host.observe':
        return this.observe(args);
      case 'host.fault':
        return this.injectFault(args);
      case 'host.clear':
        return this.clear();
      case 'queries.settle':
        return this.queries.settle(Array.isArray(args) ? args : [], this.platform.clock);
      case 'store.flush':
        return this.allWritten();
      case 'store.pendingDocs':
        return this.pendingDocKeys();
      case 'tab.lastWord':
        return this.takeOrphanedOps(args);
      case 'ops.lost':
        return this.keepLost(args);
      case 'quarantine.list':
        return this.store?.quarantined().map(({id, key: [collection, doc], error, size}) => ({id, collection, doc, error, size})) ?? [];
      case 'quarantine.export':
        return this.store?.exportQuarantined() ?? [];
      case 'quarantine.restore':
        return this.restoreQuarantined(String(args));
      case 'quarantine.discard':
        this.store?.discardQuarantined(String(args));
        return this.allWritten();
      case 'deadLetters.list':
        return this.deadLetters.list();
      case 'deadLetters.discard':
        return this.deadLetters.discard(String(args));
      case 'deadLetters.retry':
        return this.letterRetries.retry(String(args));
      default:
        throw Object.assign(new Error(`Unknown call ${name}`), {code: 'ERR_MESSAGE_BADLY_FORMED'});
    }
  }

  /** Opens the document with it: what it has to send is sent. */
  private async restoreQuarantined(id: string): Promise<void> {
    const {store} = this;
    const found = store?.quarantined().find(each => each.id === id);
    if (!store || !found) return;
    if (this.docs.find(found.key)) {
      throw new TabsError('ERR_TABS_QUARANTINE_IN_USE', `${found.key.join('/')} is open. Export what is quarantined, discard it, or restore it when no tab has it open`);
    }
    const key = await store.restoreQuarantined(id);
    if (key) this.docs.get(...key);
    return this.allWritten();
  }

  /** Whether nothing would be lost, or left where nobody looks, if this host ended now. */
  get isDispensable(): boolean {
    const {store} = this;
    const names = [...store?.keys() ?? [], ...this.docs.all().map(({collection, id}) => [collection, id] as const)];
    return !this.board.pendingOps && !this.deadLetters.size && !store?.quarantineSize && !names.some(([collection]) => isLocal(collection));
  }

  /** Takes over what a dead tab had not handed over. Done when it is durable. */
  private takeOrphanedOps(word: unknown): Promise<void> {
    if (!isOrphanedOpsMessage(word)) throw Object.assign(new Error('Invalid orphaned ops'), {code: 'ERR_MESSAGE_BADLY_FORMED'});
    const tab = this.tabOf(word.tabId as TabId);
    for (const {c, d, rev, ops, ahead, onlyHost, v} of word.docs) {
      const isOurs = word.lineage === this.lineage && (onlyHost ?? this.epoch) === this.epoch;
      this.docs.get(c, d).adopt(tab, {madeAt: rev, ops, isOurs, ahead, v});
    }
    const docs = word.docs.map(({c, d}) => this.docs.get(c, d));
    return Promise.all(docs.map(doc => new Promise<void>(resolve => doc.whenSettled(resolve)))).then(() => this.whenKept(docs));
  }

  /** A tab could not keep them. Done when they are as durable as anything is. */
  private keepLost(letters: unknown): Promise<void> {
    if (!isLostOps(letters)) throw Object.assign(new Error('Invalid lost ops'), {code: 'ERR_MESSAGE_BADLY_FORMED'});
    for (const letter of letters) this.deadLetters.addOfTab(letter);
    return this.allWritten();
  }

  /** Resolves when what was written so far is as durable as anything is. */
  private allDurable(): Promise<void> {
    const {store} = this;
    return store ? new Promise(resolve => store.whenDurable(resolve)) : Promise.resolve();
  }

  /** The same, but rejects where the storage fails. */
  private async allWritten(): Promise<void> {
    await this.allDurable();
    if (this.store?.isDown) throw decodeError(this.store.lastError ?? {message: 'The storage does not answer'});
  }

  /** Resolves when what these documents have got is on the disk, or the server has it. */
  private whenKept(docs: readonly SharedDoc[]): Promise<void> {
    const {store} = this;
    if (!store) return Promise.resolve();
    return new Promise(resolve => {
      store.whenCommitted(store.place, resolve);
      void Promise.all(docs.map(doc => new Promise<void>(saved => doc.whenSaved(saved)))).then(() => resolve());
    });
  }

  private get lineage(): string {
    return this.store?.lineage ?? this.epoch;
  }

  private pendingDocKeys(): [string, string][] {
    return this.docs.all().filter(doc => doc.pendingOps && !isLocal(doc.collection)).map(doc => [doc.collection, doc.id]);
  }

  /**
   * Stops every tab of the namespace, then deletes what is stored. The real connection is closed, and the host with it,
   * whether that succeeds or not. Rejects with the reason why something could not be deleted.
   */
  async clear(): Promise<void> {
    for (const tab of this.allPages()) tab.send({a: 'host.cleared'});
    this.connection.close();
    this.local.close();
    try {
      const outcomes = await Promise.allSettled([this.store?.clear(), this.clearOther()]);
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    } finally {
      // The answer to who asked is on its way when the session server closes. A timer can come before it (WebKit).
      nextTick(() => nextTick(() => this.close()));
    }
  }

  /** What tabs with a direct connection of their own keep apart from the shared host, or the other way round. */
  private async clearOther(): Promise<void> {
    const {store} = this.options;
    if (store === false || store?.storage || !IndexedDbStorage.isAvailable()) return;
    const name = store?.name ?? this.namespace;
    const other = new IndexedDbStorage();
    await bounded(this.platform.clock, CLEAR_MS, other.open(name.endsWith(DIRECT) ? name.slice(0, -DIRECT.length) : name + DIRECT));
    await bounded(this.platform.clock, CLEAR_MS, other.clear());
  }

  private tabOf(id: TabId): Tab {
    let tab = this.tabs.get(id);
    if (!tab) {
      this.tabs.set(id, (tab = new Tab(id)));
      // It lives as long as its tab.
      if (isTransactionAuthor(id)) this.tabOf(tabOfAuthor(id) as TabId);
      else this.watchAbsent(tab);
    }
    return tab;
  }

  // ---- the real connection

  private listen(): () => void {
    const {connection} = this;
    const listeners: Record<string, (...args: never[]) => void> = {
      state: (state: string, reason: unknown) => {
        if (state === 'disconnected' || state === 'closed' || state === 'stopped') this.queries.onDisconnected();
        this.log.debug('server', () => `${state}${reason === undefined ? '' : `: ${brief(reasonOf(reason))}`}`);
        this.watchOps(state, reason);
        this.presences.onState(state);
        this.sendToAll(this.stateMessage(reason));
        if (state !== 'connected') return;
        this.queries.onConnected();
        for (const doc of this.docs.all()) doc.onConnected();
      },
      send: (message: Message) => {
        this.feed?.note('to server', message);
        this.fatalOps.noteSent(message);
      },
      receive: (request: {data: Message | null}) => this.handleReceived(request),
      error: (error: Error) => this.relay('error', error),
      'connection error': (error: Error) => this.handleConnectionError(error),
      pong: () => this.requests.handlePong()
    };
    for (const [event, listener] of Object.entries(listeners)) connection.on(event, listener);
    return () => {
      for (const [event, listener] of Object.entries(listeners)) connection.off(event, listener);
      // An emitter without a listener for errors throws them.
      connection.on('error', () => {});
    };
  }

  /** What ShareDB does not know, it would complain of. */
  private handleReceived(request: {data: Message | null}): void {
    const {data} = request;
    if (!data) return;
    this.feed?.note('from server', data);
    if (!isOfApp(data)) return this.fatalOps.noteReceived(data);
    request.data = null;
    this.sendToAll({a: 'app.message', message: data}, 'own');
  }

  private sendOfApp(tab: Tab, message: unknown): void {
    if (this.connection.state === 'connected') return this.connection.send(message as object);
    const error = new TabsError('ERR_TABS_OFFLINE', 'A message of the app was not sent: the connection to the server was lost');
    tab.send({a: 'connection.event', event: 'error', error: encodeError(error)});
  }

  private watchOps(state: string, reason: unknown): void {
    if (state === 'connected') {
      this.isUnreachable = false;
      return this.fatalOps.onConnected();
    }
    if (state === 'connecting') return undefined;
    this.faults.onDisconnected();
    this.letterRetries.onDisconnected();
    const close = reasonOf(reason);
    return this.fatalOps.onDisconnected(typeof close === 'object' ? close : undefined);
  }

  private handleConnectionError(error: Error): void {
    // A socket knows no codes, and has made another error of it.
    const {failure} = this.tokens;
    if (failure && error.message?.endsWith(failure.message)) return this.relay('connection error', failure);
    if (!this.isUnreachable && (error as {code?: unknown}).code === 'ERR_TABS_SERVER_UNREACHABLE') {
      this.isUnreachable = true;
      this.log.warn(warning('WARN_TABS_SERVER', 'no connection to the server, trying again'), error);
    }
    return this.relay('connection error', error);
  }

  private relay(event: 'error' | 'connection error', error: unknown): void {
    const message = {a: 'connection.event', event, error: encodeError(error)};
    if (this.tabs.size) this.sendToAll(message);
    else if (this.unsentMessages.length < MAX_UNHEARD) this.unsentMessages.push(message);
  }

  private stateMessage(reason?: unknown): Message {
    const {state} = this.connection;
    const why = reasonOf(reason);
    return why === undefined ? {a: 'connection.state', state} : {a: 'connection.state', state, reason: why};
  }

  private sendToAll(message: Message, care?: DeliveryRule): void {
    const json = JSON.stringify(message);
    for (const tab of this.tabs.values()) tab.send(json, care);
  }
}

function bounded<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(new TabsError('ERR_TABS_STORAGE_TIMEOUT', 'The storage does not answer')));
    work.finally(cancel).then(resolve, reject);
  });
}

function definedLimits({maxAge, maxSize}: StoreOptions): PruningLimits {
  return {...(maxAge !== undefined && {maxAge}), ...(maxSize !== undefined && {maxSize})};
}

/** Ids by collection: which documents there are without a server. */
function inventoryOf(keys: DocKey[]): Record<string, string[]> {
  const known: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const [c, d] of keys) (known[c] ??= []).push(d);
  return known;
}

/** Why a connection was closed, as it travels: ShareDB's word, or the code and the reason of the WebSocket's event. */
function reasonOf(reason: unknown): string | CloseInfo | undefined {
  if (typeof reason === 'string') return reason;
  const {code, reason: text} = (reason ?? {}) as {code?: unknown; reason?: unknown};
  return typeof code === 'number' ? {code, reason: typeof text === 'string' ? text : ''} : undefined;
}
