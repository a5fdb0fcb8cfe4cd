import type {Platform} from '../platform/platform.js';
import type {Clearing} from '../protocol/clearing.js';
import type {Place} from '../protocol/frames.js';
import type {StatusMessage} from '../protocol/host-status.js';
import type {Epoch, TabId} from '../protocol/ids.js';
import {warning} from '../protocol/warnings.js';
import type {DurableStore} from '../store/durable-store.js';
import {Queues} from './collections/queues.js';
import {Transactions} from './collections/transactions.js';
import {Bulk} from './doc/bulk.js';
import {LateDocuments} from './doc/late-documents.js';
import {DocsInRollback} from './doc/docs-in-rollback.js';
import {SharedDocs} from './doc/shared-docs.js';
import {unsavedDocs} from './doc/unsaved-docs.js';
import {FrameRelay, type ServiceSource} from './frame-relay.js';
import {HostCallTable} from './host-calls.js';
import {HostLog} from './host-log.js';
import type {HostSettings} from './host-settings.js';
import {Inspection} from './inspection/inspection.js';
import {DeadLetters} from './letters/dead-letters.js';
import {LetterRetries} from './letters/letter-retries.js';
import {MirroredContent} from './mirrored-content.js';
import {openStore} from './open-store.js';
import {OrphanedOps} from './orphaned-ops.js';
import {SharedPresences} from './presence/shared-presences.js';
import {QueryResultStore} from './queries/query-result-store.js';
import {LocalQueries, checkOfflineQueries} from './queries/local-queries.js';
import {SharedQueries} from './queries/shared-queries.js';
import {FatalOps} from './server/fatal-ops.js';
import {ServerEvents} from './server/server-events.js';
import {ServerFaults} from './server/server-faults.js';
import {Tokens} from './server/tokens.js';
import {Shutdown} from './shutdown.js';
import {StatusBoard} from './status-board.js';
import {StoreAccess} from './store-access.js';
import {TabRequests} from './tab-requests.js';
import {TabSessions} from './tab-sessions.js';
import type {Tab} from './tab.js';
import {Tabs} from './tabs.js';
import {UndoTurns} from './undo-turns.js';
import type {RealConnection, RealDoc} from './upstream.js';

/** The part of a host that its parts use. */
export interface HostPartsOwner {
  readonly settings: HostSettings;
  readonly platform: Platform;
  readonly namespace: string;
  readonly epoch: Epoch;
  readonly generation: number;
  readonly place: Place;
  readonly build: string;
  readonly connection: RealConnection;
  /** The connection for local documents. */
  readonly local: RealConnection;
  readonly services: ServiceSource | undefined;
  isClosed(): boolean;
  /** Watches the lock of a tab without a session, which may have ended. */
  watchAbsent(tab: Tab): void;
  /** Calls back when a tab without a session does not hold its lock. Without locks, never. */
  whenUnlocked(tabId: TabId, callback: () => void): void;
  close(): void;
  abandon(): void;
  clear(clearing: Clearing | undefined): Promise<void>;
}

/** Creates the parts of a host and connects them. */
export class HostParts {
  readonly store: DurableStore | undefined;
  /** Set only if the memory of tabs is the storage. */
  readonly mirrored: MirroredContent | undefined;
  readonly tabs: Tabs;
  readonly sessions: TabSessions;
  readonly docs: SharedDocs;
  readonly deadLetters: DeadLetters;
  readonly log: HostLog;
  readonly tokens: Tokens;
  readonly serverEvents: ServerEvents;
  readonly board: StatusBoard;
  readonly inspection: Inspection;
  readonly shutdown: Shutdown;
  readonly frames: FrameRelay;
  readonly queues: Queues;
  readonly undoTurns: UndoTurns;
  private readonly requests: TabRequests;
  private readonly docsInRollback = new DocsInRollback();
  private readonly letterRetries: LetterRetries;
  private readonly late: LateDocuments | undefined;
  private readonly queries: SharedQueries;
  private readonly presences: SharedPresences;
  private readonly transactions: Transactions;
  private readonly faults: ServerFaults;
  private readonly fatalOps: FatalOps;

  constructor(private readonly owner: HostPartsOwner) {
    const {settings, platform: {clock}, namespace, epoch, generation, place, build, connection} = owner;
    const tabs = (this.tabs = new Tabs(tab => owner.watchAbsent(tab)));
    const log = (this.log = this.makeLog());
    this.tokens = new Tokens(() => tabs.pages(), clock);
    const frames = (this.frames = this.makeFrameRelay());
    this.faults = new ServerFaults({clock, isTransient: settings.isTransient, onChange: () => this.board.update()});
    const {queries, presences} = this.makeQueriesAndPresences();
    this.queries = queries;
    this.presences = presences;
    this.fatalOps = new FatalOps(connection, {
      clock,
      release: (c, d) => this.docs.find([c, d])?.doc._sendOp(),
      refuse: (c, d, src, seq, error) => this.docs.find([c, d])?.journaled.refuse(src, seq, error)
    });
    const serverEvents = (this.serverEvents = this.listenToServer());
    const {store, isMirrored} = this.makeStore();
    this.store = store;
    this.mirrored = isMirrored && store ? new MirroredContent(store, clock, key => !!this.docs.find(key)) : undefined;
    const board = (this.board = this.makeBoard());
    const bulk = new Bulk(connection, () => tabs.all());
    const docs = (this.docs = this.makeDocs(bulk));
    const deadLetters = (this.deadLetters = new DeadLetters({
      store, randomId: () => owner.platform.randomId(), now: () => clock.now(),
      onLetter: letter => tabs.sendToAll({a: 'host.deadletter', letter}),
      onChange: () => board.noteLetters()
    }));
    const letterRetries = (this.letterRetries = new LetterRetries({
      letters: deadLetters, docs, isConnected: () => this.isConnected, isUnread: key => !!store?.quarantine.isUnread(key)
    }));
    this.late = store && new LateDocuments({store, docs, letters: deadLetters, clock});
    const transactions = (this.transactions = new Transactions({docs, tab: id => tabs.get(id), tabs: () => tabs.all(), clock}));
    const lineage = (): string => this.lineage;
    const queues = (this.queues = new Queues({
      epoch, docs, lineage, tab: id => tabs.get(id), isThere: id => !!tabs.find(id)?.session,
      whenUnlocked: (id, callback) => owner.whenUnlocked(id as TabId, callback), after: clock.after, now: clock.now
    }));
    const undoTurns = (this.undoTurns = new UndoTurns(clock));
    const inspection = (this.inspection = new Inspection({
      clock, namespace, epoch, generation, place, build, connection, board, docs, queries, presences, tabs, log, lineage,
      faults: settings.faults, abandon: () => owner.abandon()
    }));
    const shutdown = (this.shutdown = this.makeShutdown());
    const storeAccess = new StoreAccess(store, docs);
    const orphanedOps = new OrphanedOps({epoch, docs, deadLetters, store, storeAccess, lineage, tab: id => tabs.get(id)});
    const requests = (this.requests = this.makeRequests(bulk, orphanedOps));
    const calls = new HostCallTable({
      docs, queries, deadLetters, letterRetries, orphanedOps, store, storeAccess, transactions, queues, undoTurns, inspection, clock,
      clear: clearing => owner.clear(clearing)
    });
    this.sessions = new TabSessions({
      tabs, docs, queries, presences, queues, transactions, frames, requests, calls, board, serverEvents, log, store, isMirrored,
      undoTurns, inspection, shutdown
    });
  }

  /** The lineage of the histories that this host continues. */
  get lineage(): string {
    return this.store?.lineage ?? this.owner.epoch;
  }

  /** Reads the stored dead letters, opens the documents with pending ops, and merges documents that could be read only now. */
  loadStored(): void {
    this.deadLetters.load(this.store?.kept ?? {});
    this.late?.takeUp();
    void this.late?.useUnread();
  }

  /** Ends what parts do by themselves. */
  stop(): void {
    this.late?.stop();
  }

  private get isConnected(): boolean {
    return this.owner.connection.state === 'connected';
  }

  private makeLog(): HostLog {
    const sharesConsole = this.owner.place === 'direct';
    return new HostLog(
      () => (sharesConsole ? [] : this.tabs.pages()),
      // eslint-disable-next-line no-console
      this.owner.settings.warn ?? ((message, detail) => console.warn(message, detail)),
      this.owner.platform.clock.now
    );
  }

  private makeFrameRelay(): FrameRelay {
    return new FrameRelay({
      source: this.owner.services,
      tab: id => this.tabs.find(id),
      tabs: () => this.tabs.pages(true),
      beforeFrame: tab => {
        const status = this.board.takeUnsent();
        if (status) tab.send({a: 'host.status', status} satisfies StatusMessage, 'own');
      },
      rollbacks: tab => this.docsInRollback.endsFor(tab)
    });
  }

  private makeQueriesAndPresences(): {queries: SharedQueries; presences: SharedPresences} {
    const results = new QueryResultStore(() => this.store, () => this.mirrored?.limitResults());
    const owner = {
      connection: this.owner.connection,
      faults: this.faults,
      after: this.owner.platform.clock.after,
      isConnected: () => this.isConnected,
      share: (doc: RealDoc) => this.docs.get(doc.collection, doc.id),
      storedResults: (query: string) => results.get(query),
      storeResults: (query: string, text: string) => results.set(query, text)
    };
    return {queries: new SharedQueries({...owner, local: this.makeLocalQueries()}), presences: new SharedPresences(owner)};
  }

  private makeLocalQueries(): LocalQueries | undefined {
    const {queries} = this.owner.settings;
    if (!queries) return undefined;
    checkOfflineQueries(queries);
    return new LocalQueries(queries, {
      log: this.log,
      storedIds: collection => this.store?.keys().filter(([c]) => c === collection).map(([, id]) => id) ?? [],
      open: (collection, id) => this.docs.get(collection, id),
      openDocs: collection => this.docs.all().filter(doc => doc.collection === collection)
    });
  }

  private listenToServer(): ServerEvents {
    return new ServerEvents(this.owner.connection, {
      log: this.log, tokens: this.tokens, fatalOps: this.fatalOps,
      hasTabs: () => !this.tabs.isEmpty,
      note: (direction, message) => this.inspection.note(direction, message),
      sendToAll: (message, rule) => this.tabs.sendToAll(message, rule),
      onState: state => {
        for (const tab of this.tabs.all()) tab.noteServerState(state);
        this.presences.onState(state);
      },
      onConnected: () => {
        this.queries.onConnected();
        for (const doc of this.docs.all()) doc.onConnected();
        this.queues.onConnected();
      },
      onDisconnected: () => {
        this.queries.onDisconnected();
        this.faults.onDisconnected();
        this.letterRetries.onDisconnected();
      },
      onPong: () => this.requests.handlePong()
    });
  }

  private makeStore(): ReturnType<typeof openStore> {
    const {settings, platform, namespace, epoch, place} = this.owner;
    return openStore(settings.store, {
      platform, namespace, epoch, cleared: settings.cleared, mirror: settings.mirror ?? place !== 'direct',
      onStatus: () => {
        this.log.debug('store', () => `durable: ${this.store?.isDurable}, ${this.store?.lastError?.message ?? 'no error'}`);
        this.board.update();
      },
      onFenced: () => this.owner.abandon(),
      onErased: () => {
        // If the namespace was cleared, the open documents belong to the user who has signed out, and must not be stored again.
        if (settings.isCleared?.(this.store?.cleared)) return this.owner.abandon();
        for (const doc of this.docs.all()) doc.checkpoint();
      },
      onFound: () => this.loadStored(),
      onUnread: () => void this.late?.useUnread(),
      onQuarantined: ([c, d], error) => this.log.warn(
        warning('WARN_TABS_QUARANTINED', `the stored data of ${c}/${d} was quarantined: see connection.quarantine`), error.message
      )
    });
  }

  private makeBoard(): StatusBoard {
    return new StatusBoard(this.owner.platform, {
      store: this.store,
      counts: () => ({
        tabs: this.tabs.attached, deadLetters: this.deadLetters.size, ...(this.faults.current && {serverFault: this.faults.current}),
        ...unsavedDocs(this.board.pendingOps ? this.docs.all() : [], this.deadLetters.list())
      }),
      send: status => this.tabs.sendToAll({a: 'host.status', status} satisfies StatusMessage, 'own')
    });
  }

  private makeDocs(bulk: Bulk): SharedDocs {
    return new SharedDocs({
      connection: this.owner.connection, local: this.owner.local, store: this.store, log: this.log, epoch: this.owner.epoch,
      faults: this.faults, fatalOps: this.fatalOps,
      after: this.owner.platform.clock.after,
      now: this.owner.platform.clock.now,
      together: act => bulk.runTogether(act),
      tab: id => this.tabs.get(id),
      onLost: lost => this.deadLetters.add(lost),
      onHistoryGone: (shared, version) => this.deadLetters.loseBase(shared, version),
      onSaved: ({src, seq}) => this.deadLetters.noteSaved(src, seq),
      resumesFromStore: (this.owner.settings.store || undefined)?.resume === 'ops',
      onPending: (...change) => this.board.countPending(...change),
      onEntry: (shared, entry) => {
        this.presences.onEntry(shared, entry);
        this.queries.onChange(shared);
        this.queues.onEntry(shared, entry);
      },
      onRollback: shared => this.docsInRollback.add(shared),
      onServerOp: (shared, step) => this.transactions.onServerOp(shared, step),
      onReleased: key => {
        this.queues.forget(key);
        if (!this.owner.isClosed()) this.mirrored?.release(key);
      }
    });
  }

  private makeShutdown(): Shutdown {
    const {tabs, board, store, owner} = this;
    const {settings: {idleAfter}, platform: {clock}, services} = owner;
    return new Shutdown({
      clock, idleAfter,
      isClosed: () => owner.isClosed(),
      hasTabs: () => tabs.attached > 0,
      hasPendingOps: () => board.pendingOps > 0,
      isConnected: () => this.isConnected,
      isStoreDown: () => !!store?.isDown,
      finishServices: ms => services?.finish(ms),
      close: () => owner.close()
    });
  }

  private makeRequests(bulk: Bulk, orphanedOps: OrphanedOps): TabRequests {
    const {docs, queries, presences, log, owner: {epoch, connection}} = this;
    return new TabRequests({
      epoch, connection, docs, queries, presences, bulk, log,
      onVisible: (tab, isVisible) => {
        tab.token = {isVisible, since: tab.token?.since ?? this.owner.platform.clock.now()};
        this.tokens.noteTab();
      },
      onAppMessage: (tab, message) => this.serverEvents.sendOfApp(tab, message),
      onOrphanedOps: message => void orphanedOps.takeOver(message)
    });
  }
}
