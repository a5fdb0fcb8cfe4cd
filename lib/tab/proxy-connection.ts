import {HostLink, type HostState} from '../broker/host-link.js';
import type {Message} from '../broker/session.js';
import {nextTick} from '../platform/next-tick.js';
import {browserPlatform} from '../platform/browser.js';
import type {Clock, Locks, OpenChannel, Platform} from '../platform/platform.js';
import {TabsError, decodeError, type ErrorData} from '../protocol/errors.js';
import type {TabId} from '../protocol/ids.js';
import {isEvent, type DeadLetter, type HostStatus, type LastWord, type OpRequest, type ResetMessage, type SettledMessage} from '../protocol/messages.js';
import type {ConnectionEvents, QueryEvents, TypedEvents} from './events.js';
import {completing, type Completion} from './completion.js';
import {givePromises} from './promising.js';
import {TabDeadLetters} from './dead-letters.js';
import {overHost} from './doc-presence.js';
import {ProxyDoc} from './proxy-doc.js';
import {
  BaseConnection, type PendingOp, type Presence, type Query, type Snapshot, type Socket, type UpstreamDoc, type UpstreamPresence
} from './upstream.js';

/** How long a question to the host may stay without an answer. */
const CALL_TIMEOUT_MS = 10_000;

export interface ProxyConnectionOptions {
  /** Users and environments apart: tabs and host of one namespace find each other. Default 'default'. */
  namespace?: string | undefined;
  /** Opens a channel by name. Default: `name => new BroadcastChannel(name)`. */
  channel?: OpenChannel | undefined;
  /** `navigator.locks` or its like; tells the host of this tab's death. Default: the browser's, none with an own `channel`. */
  locks?: Locks | undefined;
  /** Shows the stored state at once, also while the server is there, and brings it up to date then. Default false. */
  storedFirst?: boolean | undefined;
  /** The app's own version of a document's data, for `ensureDocHasRecentData` and `isDocInInventory`. Default: ShareDB's. */
  versionDecoder?: ((data: any) => number | string | null | undefined) | undefined;
  /** What is dropped and why. Default: `console.warn`. */
  warn?: ((message: string, detail: unknown) => void) | undefined;
}

/** What `connection.status` shows: the host's view of all tabs of the namespace. */
export interface Status extends HostStatus {
  /** The last error of the host's connection. */
  lastError: (Error & {code?: string | number}) | undefined;
}

/** What this connection emits beside ShareDB's events. */
export interface ProxyConnectionEvents extends ConnectionEvents {
  hostState: (state: HostState) => void;
  status: (status: Status) => void;
  /** The host speaks another version of the protocol than this tab: the page is to be loaded again. */
  updateneeded: (hostProtocol: number) => void;
  /** The server rejected an op for good; it is kept in `deadLetters`. */
  deadletter: (letter: DeadLetter) => void;
  /** How this tab reaches the server, and why in this way. Only `createConnection` tells. */
  mode: (mode: 'shared-worker' | 'direct', reason: string) => void;
}

const DOWN = new Set(['disconnected', 'closed', 'stopped']);

/**
 * A ShareDB `Connection` whose other end is not the server but the namespace's host. Apps and bindings
 * can't tell it from the real one; `state` is that of the host's real connection.
 */
export class ProxyConnection extends BaseConnection<ProxyConnectionEvents> {
  /** What the tab knows of the host's work for all tabs. Event `status`. */
  status: Status = {
    tabs: 0, pendingOps: 0, pendingDocs: 0, durable: false, pendingWrites: 0, deadLetters: 0, lastError: undefined
  };
  /** The ops that the server rejected for good: list, retry, discard, export. Event `deadletter`. */
  readonly deadLetters = new TabDeadLetters(this, (name, args) => this.callHost(name, args));
  private readonly hostSocket: HostSocket;
  private link: HostLink | undefined;
  private platform: Platform;
  private readonly options: ProxyConnectionOptions;
  private readonly tabId: TabId;
  private isLinked = false;
  private wasDown = false;
  private incarnations = 0;
  private autoFlush = true;
  private clearing = false;
  private inventory = new Map<string, Set<string>>();

  constructor(options: ProxyConnectionOptions = {}) {
    const socket = new HostSocket();
    super(socket);
    this.hostSocket = socket;
    this.options = options;
    this.platform = browserPlatform({channel: options.channel, locks: options.locks});
    this.tabId = this.platform.randomId() as TabId;
    this.id = this.tabId;
    // Upstream binds its sockets at construction; ours closes when the app closes the connection.
    socket.close = () => this.close();
    this.openLink();
  }

  /** @internal */
  protected get clock(): Clock {
    return this.platform.clock;
  }

  /**
   * Whether the tab reaches its host: 'connecting' until the first one answers, 'connected', or 'lost'
   * while the next is being sought. Event `hostState`.
   */
  get hostState(): HostState {
    return this.link?.state ?? 'connecting';
  }

  /** Whether messages reach the host. Ops and requests are accepted also while the server is away. */
  override get canSend(): boolean {
    return this.isLinked;
  }

  /** Upstream sets it with its state; here the link to the host decides. */
  override set canSend(_value: boolean) {
    // Nothing to keep.
  }

  override get<Data = any>(collection: string, id: string): ProxyDoc<Data> {
    const existing = this.getExisting(collection, id);
    if (existing) return super.get(collection, id) as ProxyDoc<Data>;
    const doc = new ProxyDoc<Data>(this, collection, id);
    this._addDoc(doc);
    this.emit('doc', doc);
    return doc;
  }

  /**
   * Many documents at once: what is not loaded yet is asked for in one request.
   * @returns the documents in the order of `ids`, once all of them show their state
   */
  getBulk<Data = any>(
    collection: string, ids: readonly string[], callback?: (error: any, docs?: ProxyDoc<Data>[]) => void
  ): Completion<ProxyDoc<Data>[]> {
    return completing<ProxyDoc<Data>[]>(callback, error => this.emit('error', error), done => {
      if (!Array.isArray(ids)) return done(new TabsError('ERR_TABS_BAD_OPTION', 'getBulk: ids must be an array'));
      const docs = ids.map(id => this.get<Data>(collection, id));
      const missing = docs.filter(doc => !doc.type && doc.version === null);
      let left = missing.length;
      if (!left) return nextTick(() => done(null, docs));
      let failure: unknown = null;
      this.startBulk();
      for (const doc of missing) {
        doc.fetch(error => {
          failure ??= error;
          if (--left) return;
          if (failure) done(failure);
          else done(null, docs);
        });
      }
      this.endBulk();
    });
  }

  /** Asks once. Without a callback, `await query.whenReady()` gives the results. */
  override createFetchQuery<Data = any>(
    collection: string, query: unknown, options?: QueryOptions | null, callback?: QueryCallback<Data>
  ): ProxyQuery<Data> {
    return this.querying(callback, done => super.createFetchQuery(collection, query, options as never, done as never));
  }

  /** Asks, and follows the results. Without a callback, `await query.whenReady()` gives the first ones. */
  override createSubscribeQuery<Data = any>(
    collection: string, query: unknown, options?: QueryOptions | null, callback?: QueryCallback<Data>
  ): ProxyQuery<Data> {
    return this.querying(callback, done => super.createSubscribeQuery(collection, query, options as never, done as never));
  }

  private querying<Data>(
    callback: QueryCallback<Data> | undefined, start: (done: (...args: any[]) => void) => unknown
  ): ProxyQuery<Data> {
    let query: ProxyQuery<Data>;
    const ready = completing<ProxyDoc<Data>[]>(callback as never, error => query.emit('error', error as never), done => {
      query = start(done) as ProxyQuery<Data>;
    });
    // Documents of an earlier time are brought up to date, as a server would by their versions.
    for (const doc of query!.results ?? []) if (doc.position.rev === null) doc.fetch(() => {});
    return Object.assign(query!, {whenReady: () => ready});
  }

  /**
   * `fetchSnapshot` as a promise: without a callback, `fetchSnapshot` throws, as upstream does.
   * @param version the latest where it is null or left out
   */
  getSnapshot(collection: string, id: string, version: number | null = null): Promise<Snapshot> {
    return completing<Snapshot>(undefined, () => {}, done => this.fetchSnapshot(collection, id, version, done));
  }

  /** @param timestamp in ms since the epoch; the latest where it is null or left out */
  getSnapshotByTimestamp(collection: string, id: string, timestamp: number | null = null): Promise<Snapshot> {
    return completing<Snapshot>(undefined, () => {}, done => this.fetchSnapshotByTimestamp(collection, id, timestamp, done));
  }

  override whenNothingPending(callback?: () => void): Completion {
    return completing(callback, () => {}, done => super.whenNothingPending(done));
  }

  override getPresence(channel: string): Presence {
    const isNew = !this._presences[channel];
    const presence = super.getPresence(channel) as unknown as UpstreamPresence;
    if (isNew) givePresencePromises(presence);
    return presence as unknown as Presence;
  }

  override getDocPresence(collection: string, id: string): Presence {
    const isNew = !this._presences[`${collection}.${id}`];
    const presence = super.getDocPresence(collection, id) as unknown as UpstreamPresence;
    if (isNew) givePresencePromises(overHost(presence));
    return presence as unknown as Presence;
  }

  /** @throws ShareDB's ERR_CANNOT_PING_OFFLINE unless the host is connected to the server */
  override ping(): void {
    if (this.state !== 'connected') {
      throw Object.assign(new Error('Socket must be CONNECTED to ping'), {code: 'ERR_CANNOT_PING_OFFLINE'});
    }
    this.send({a: 'pp'});
  }

  override send(message: object): void {
    this.emit('send', message);
    this.link?.send(message as Message);
  }

  /** Detaches this tab: the host and the other tabs go on. */
  override close(): void {
    if (this.state === 'closed' && !this.link) return;
    this.link?.close();
    this.link = undefined;
    this.setLinked(false);
    this._setState('closed', 'closed');
  }

  /**
   * A report of the host's work, to copy into a bug ticket.
   * Rejects with ERR_TABS_SESSION_ENDED or ERR_TABS_TIMEOUT where no host answers.
   */
  inspect(): Promise<unknown> {
    return this.callHost('host.inspect');
  }

  /**
   * Signs out: stops every tab of the namespace, and deletes all that is stored of it. Edits that the server
   * has not got are lost; look at `status.pendingOps` before.
   */
  async clear(): Promise<void> {
    this.clearing = true;
    await this.callHost('host.clear');
    this.close();
  }

  private callHost(name: string, args: unknown = null): Promise<unknown> {
    return this.link?.call(name, args, CALL_TIMEOUT_MS) ??
      Promise.reject(new TabsError('ERR_TABS_SESSION_ENDED', 'The connection is closed'));
  }

  // ---- what users of the @sharesync/sharedb fork have; see the migration guide in the README

  /** The journal has every document that a tab has opened: this waits until it has all of them by now. */
  putDoc(_doc: ProxyDoc, callback?: (error?: any) => void): Completion {
    return this.flushWrites(callback);
  }

  putDocs(_docs: readonly ProxyDoc[], callback?: (error?: any) => void): Completion {
    return this.flushWrites(callback);
  }

  putDocsBulk(_docs: readonly ProxyDoc[], callback?: (error?: any) => void): Completion {
    return this.flushWrites(callback);
  }

  /** Waits until all that the host knows by now is durable. */
  flushWrites(callback?: (error?: any) => void): Completion {
    return completing(callback, error => this.emit('error', error), done => {
      this.callHost('store.flush').then(() => done(null), done);
    });
  }

  /** A journal can't wait, or edits would not be shown: the setting is kept, and nothing else follows from it. */
  setAutoFlush(enabled: boolean): void {
    this.autoFlush = enabled;
  }

  isAutoFlush(): boolean {
    return this.autoFlush;
  }

  /** Changes that wait to be written, as of the last `status`. */
  getWriteQueueSize(): number {
    return this.status.pendingWrites;
  }

  hasPendingWrites(): boolean {
    return this.status.pendingWrites > 0;
  }

  /** Whether any tab has edits that the server has not acknowledged, as of the last `status`. */
  hasPendingOfflineDocs(): boolean {
    return this.status.pendingDocs > 0 || this.hasWritePending();
  }

  /** Whether the document can be had without a server. With `minVersion`: and at least at that version, as far as this tab knows. */
  isDocInInventory(collection: string, id: string, minVersion?: number | string | null): boolean {
    const doc = this.getExisting(collection, id) as ProxyDoc | undefined;
    if (minVersion != null) return !!doc && this.isRecent(doc, minVersion);
    return (doc?.version ?? null) !== null || !!this.inventory.get(collection)?.has(id);
  }

  /** Whether a document is loaded, and not older than `minVersion`. @internal */
  isRecent(doc: ProxyDoc, minVersion: number | string | null): boolean {
    if (doc.version === null || minVersion === null) return doc.version !== null;
    const {versionDecoder} = this.options;
    const version = versionDecoder ? versionDecoder(doc.data) : doc.version;
    return version != null && version >= minVersion;
  }

  /** Calls back with collection and id of each document that has edits which the server has not acknowledged. */
  forEachPendingDocCollectionId(callback: (collection: string, id: string) => void): Promise<void> {
    return this.callHost('store.pendingDocs').then(keys => {
      for (const [collection, id] of keys as [string, string][]) callback(collection, id);
    });
  }

  /** As upstream does with a message: what a listener throws, an `error` event tells, a tick later. @internal */
  guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      nextTick(() => this.emit('error', error));
    }
  }

  // ---- what upstream's documents send

  /** Whether requests are content with the stored state. @internal */
  get storedFirst(): boolean {
    return this.options.storedFirst === true;
  }

  /** @internal */
  nextIncarnation(): number {
    return ++this.incarnations;
  }

  /** @internal */
  override _sendActions(action: string, doc: UpstreamDoc<unknown>): boolean | undefined {
    return super._sendActions(action, doc, (doc as ProxyDoc).position);
  }

  /** @internal */
  override sendFetch(doc: UpstreamDoc<unknown>): boolean | undefined {
    return this._sendActions('f', doc);
  }

  /** @internal */
  override sendSubscribe(doc: UpstreamDoc<unknown>): boolean | undefined {
    return this._sendActions('s', doc);
  }

  /** @internal */
  override sendOp(doc: UpstreamDoc<unknown>, op: PendingOp): void {
    this._addDoc(doc);
    const message: OpRequest = {
      a: 'op', c: doc.collection, d: doc.id, v: (doc as ProxyDoc).position,
      src: op.src ?? this.tabId, seq: op.seq!, x: {}
    };
    if ('op' in op) message.op = op.op;
    if (op.create) message.create = op.create;
    if (op.del) message.del = true;
    if (doc.submitSource) message.x.source = op.source;
    if (doc.preventCompose) message.x.preventCompose = true;
    this.send(message);
  }

  /** @internal */
  override _destroyDoc(doc: UpstreamDoc<unknown>): void {
    const had = this.getExisting(doc.collection, doc.id) === doc;
    super._destroyDoc(doc);
    if (had && !this.getExisting(doc.collection, doc.id)) {
      this.link?.send({a: 'doc.forget', c: doc.collection, d: doc.id});
    }
  }

  /** A message of the host is not what it should be: all that it may concern is asked for again. @internal */
  resynchronize(reason: string): void {
    this.warn('sharedb-tabs: resynchronizing with the host', reason);
    this.reconnect(reason);
  }

  /** What the host has not confirmed yet; undefined where there is nothing. @internal */
  protected lastWord(): LastWord | undefined {
    const docs = [...this.proxyDocs()].map(doc => doc.lastWord()).filter(word => !!word);
    return docs.length ? {tabId: this.tabId, lineage: this.link?.lineage ?? '', docs} : undefined;
  }

  /** @internal */
  protected offerLastWord(word: LastWord): Promise<unknown> {
    return this.callHost('tab.lastWord', word);
  }

  /**
   * Sends at once all that there is: a page that goes away has no next turn. What waits for ops under way
   * goes along as a last word.
   * @internal
   */
  protected sendLastWord(word: LastWord | undefined): void {
    if (word) this.link?.send({a: 'tab.lastWord', word});
    this.link?.flush();
  }

  // ---- the link to the host

  /** Ends the session with the host and seeks one again. @internal */
  protected reconnect(reason: string): void {
    this.link?.reconnect(reason);
  }

  /** Looks for a host elsewhere: over other channels. @internal */
  protected moveTo(channel: OpenChannel): void {
    this.link?.close();
    this.setLinked(false);
    this.platform = browserPlatform({channel});
    this.openLink();
  }

  private openLink(): void {
    this.link = new HostLink(this.platform, this.options.namespace ?? 'default', this.tabId, {
      onConnected: continues => this.handleConnected(continues),
      onLost: () => this.handleLost(),
      onMessage: message => this.guarded(() => this.receive(message)),
      onMalformed: what => this.warn('sharedb-tabs: dropped a malformed message of the host', what),
      onRefused: protocol => this.emit('updateneeded', protocol)
    });
  }

  private handleConnected(continues: boolean): void {
    if (continues) this.resume();
    else for (const doc of this.proxyDocs()) doc.handleHostReplaced();
    this.setLinked(true);
    this.emit('hostState', 'connected');
  }

  private handleLost(): void {
    this.setLinked(false);
    this.emit('hostState', 'lost');
    if (!DOWN.has(this.state)) this._setState('disconnected', 'The host was lost');
  }

  private resume(): void {
    const docs = [];
    for (const doc of this.proxyDocs()) {
      const {inc, rev} = doc.position;
      docs.push({c: doc.collection, d: doc.id, inc, rev, unsettled: doc.unsettledSeqs});
    }
    this.link!.send({a: 'tab.resume', docs});
  }

  private setLinked(isLinked: boolean): void {
    if (this.isLinked === isLinked) return;
    this.isLinked = isLinked;
    this.startBulk();
    if (isLinked) {
      for (const query of Object.values(this.queries)) query.send();
      for (const doc of this.proxyDocs()) doc.handleLinked();
      for (const presence of Object.values(this._presences)) presence._onConnectionStateChanged();
      for (const request of Object.values(this._snapshotRequests)) request.send();
    } else {
      for (const doc of this.proxyDocs()) doc._onConnectionStateChanged();
      for (const presence of Object.values(this._presences)) presence._onConnectionStateChanged();
    }
    this.endBulk();
  }

  /** The state of the host's connection, step by step as upstream takes it. @internal */
  override _setState(state: string, reason?: unknown): void {
    if (this.state === state) return;
    this.state = state;
    const isDown = DOWN.has(state);
    if (isDown) {
      this.wasDown = true;
      this._reset();
    }
    const isBack = state === 'connected' && this.wasDown && this.isLinked;
    if (state === 'connected') this.wasDown = false;
    this.startBulk();
    for (const query of Object.values(this.queries)) {
      // Upstream's queries look at nothing but whether they were sent since the connection was lost.
      if (isDown) query.sent = false;
      else if (isBack && !query.sent) query.send();
    }
    for (const doc of this.proxyDocs()) if (this.isLinked) doc._onConnectionStateChanged();
    for (const presence of Object.values(this._presences)) {
      if (isDown) presence.subscribed = false;
      else if (isBack) presence._onConnectionStateChanged();
    }
    this.endBulk();
    this.emit(state as keyof ConnectionEvents, reason);
    this.emit('state', state, reason);
  }

  private receive(message: Message): void {
    if (!isEvent(message)) return this.warn('sharedb-tabs: dropped a malformed message of the host', message.a);
    switch (message.a) {
      case 'doc.settled':
        return this.find(message)?.handleSettled(message as unknown as SettledMessage);
      case 'doc.rollback':
        return this.find(message)?.handleRollback(message['inc'] as number);
      case 'doc.reset':
        return this.find(message)?.handleReset(message as unknown as ResetMessage);
      case 'doc.lost':
        return this.find(message)?.handleLost(message['inc'] as number);
      case 'doc.planted':
        return this.find(message)?.handlePlanted(message as unknown as {inc: number; rev: number});
      case 'doc.error':
        this.find(message)?.emit('error', decodeError(message['error'] as ErrorData));
        return;
      case 'host.cleared':
        // Who asked waits for the answer.
        if (!this.clearing) this.close();
        return;
      case 'host.deadletter':
        this.emit('deadletter', message['letter']);
        return;
      case 'store.inventory':
        this.inventory = new Map(Object.entries(message['known'] as Record<string, string[]>).map(([c, ids]) => [c, new Set(ids)]));
        return;
      case 'connection.state':
        return this.mirrorState(message['state'] as string, message['reason']);
      case 'connection.event':
        return this.mirrorEvent(message['event'] as 'error', decodeError(message['error'] as ErrorData));
      case 'host.status':
        this.status = {lastError: this.status.lastError} as Status;
        return this.setStatus(message['status'] as HostStatus);
      case 'f':
      case 's':
      case 'u':
        if (message['inc'] !== this.find(message)?.position.inc) delete message['data'];
    }
    this.hostSocket.onmessage?.({data: message});
  }

  private mirrorState(state: string, reason: unknown): void {
    // Upstream gets to 'connected' by way of 'connecting' alone.
    if (state === 'connected' && this.state !== 'connecting') this._setState('connecting');
    this._setState(state, reason);
  }

  private mirrorEvent(event: 'error' | 'connection error', error: Error): void {
    this.setStatus({...this.status, lastError: error});
    this.emit(event, error);
  }

  private setStatus(status: Partial<Status>): void {
    this.status = {...this.status, ...status};
    this.emit('status', this.status);
  }

  private find({c, d}: Message): ProxyDoc | undefined {
    return this.getExisting(c as string, d as string) as ProxyDoc | undefined;
  }

  private *proxyDocs(): Generator<ProxyDoc> {
    for (const docs of Object.values(this.collections)) {
      for (const doc of Object.values(docs)) yield doc as unknown as ProxyDoc;
    }
  }

  private warn(message: string, detail: unknown): void {
    // eslint-disable-next-line no-console
    (this.options.warn ?? console.warn)(message, detail);
  }
}

/** A query of this connection: ShareDB's, with the connection's own documents as its results. */
export interface ProxyQuery<Data = any> extends
  TypedEvents<QueryEvents<ProxyDoc<Data>>>,
  Omit<Query<Data>, 'results' | keyof TypedEvents<object>> {
  results: ProxyDoc<Data>[];
  /** Resolves with the results when they are there for the first time; rejects with the query's error. */
  whenReady(): Promise<ProxyDoc<Data>[]>;
}

/** `results` from an earlier query, `db` to ask; the rest goes to the server's database adapter. */
export interface QueryOptions {
  results?: readonly object[] | undefined;
  db?: string | undefined;
  [option: string]: unknown;
}
export type QueryCallback<Data = any> = (error: any, results: ProxyDoc<Data>[], extra?: any) => void;

function givePresencePromises(presence: UpstreamPresence): void {
  const create = presence._createLocalPresence;
  presence._createLocalPresence = id => {
    const local = create.call(presence, id);
    givePromises(local as never, ['submit', 'destroy']);
    return local;
  };
  givePromises(presence as never, ['subscribe', 'unsubscribe', 'destroy']);
}

/** What upstream binds to in place of a WebSocket. The link to the host is behind the connection. */
class HostSocket implements Socket {
  readyState = 0;
  onopen: Socket['onopen'] = null;
  onclose: Socket['onclose'] = null;
  onerror: Socket['onerror'] = null;
  onmessage: Socket['onmessage'] = null;
  send(): void {
    // Upstream's handshake with a server: the host makes it.
  }
  close(): void {
    // Replaced at construction.
  }
}
