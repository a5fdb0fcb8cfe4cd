import type {HostState} from '../broker/session-client.js';
import type {Message} from '../broker/session.js';
import {nextTick} from '../platform/next-tick.js';
import {unknownOption} from '../platform/option-checks.js';
import type {Clock} from '../platform/platform.js';
import {isOfApp} from '../protocol/app-messages.js';
import type {ArgsOfCall, CallsToHost} from '../protocol/calls.js';
import {brief} from '../protocol/debug.js';
import {TabsError, withCode, type ErrorData} from '../protocol/errors.js';
import type {EntryMessage, OrphanedOpsMessage} from '../protocol/messages.js';
import type {TabReport} from '../protocol/report.js';
import {CONNECTION_OPTIONS, type ProxyConnectionOptions} from './connection-options.js';
import {DestroyedDocs} from './destroyed-docs.js';
import type {DocState} from './doc/doc-state.js';
import {hasOpsOfHost, orphanedOpsOf} from './doc/hand-over.js';
import {Inventory} from './doc/inventory.js';
import {handleHostReplaced} from './doc/lost-host.js';
import type {ProxyDoc} from './doc/proxy-doc.js';
import {requestOf} from './doc/sent-ops.js';
import {SaveStates, type SaveState} from './doc/save-states.js';
import type {ConnectionEvents, ProxyConnectionEvents, Status} from './events.js';
import {HostClient, closed} from './host-client.js';
import {receive, receiveMany} from './host-messages.js';
import {OpenCalls} from './open-calls.js';
import {isPresencePending} from './open-requests.js';
import {PresenceExpiry, type PresenceSet} from './presence/presence-expiry.js';
import {followHost, followServer} from './reconnecting.js';
import {reportOf} from './tab-report.js';
import type {ServiceFrames} from './service-frames.js';
import {UnconfirmedDocs} from './unconfirmed-docs.js';
import {BaseConnection, type PendingOp, type Socket, type UpstreamDoc} from './upstream.js';

const DOWN = new Set(['disconnected', 'closed', 'stopped']);

/**
 * ShareDB's `Connection` with a host client instead of a WebSocket. It passes the host's messages to the documents and mirrors the state of
 * the host's connection.
 */
export class LinkedConnection extends BaseConnection<ProxyConnectionEvents> {
  /** The host's state for all tabs, as last reported by the host. Event `status`. */
  status: Status = {
    tabs: 0, pendingOps: 0, pendingDocs: 0, durable: false, pendingWrites: 0, deadLetters: 0, lastError: undefined
  };
  /** @internal */
  readonly saveStates = new SaveStates(
    () => this.status, (c, d) => this.getExisting(c, d) as ProxyDoc | undefined, () => this.proxyDocs(), () => this.clock.now(),
    state => this.emit('saveState', state)
  );
  /** @internal */
  readonly hostSocket: Socket;
  /** @internal */
  readonly hostClient: HostClient;
  private stopKeepingAlive: (() => void) | undefined;
  private wasDown = false;
  private incarnations = 0;
  /** @internal */
  readonly unconfirmedDocs = new UnconfirmedDocs();
  /** The author and number of the op that is being applied. @internal */
  entry: Pick<EntryMessage, 'src' | 'seq' | 'op' | 'undo' | 'takesBack'> | undefined;
  /** Whether this tab uses collections, whose transactions change several documents together. @internal */
  showsTogether = false;
  /** The transaction whose ops are being applied. @internal */
  transactionId: string | undefined;
  /** @internal */
  readonly destroyedDocs = new DestroyedDocs();
  /** @internal */
  readonly presenceExpiry = new PresenceExpiry(() => this.clock, () => Object.values(this._presences) as unknown as PresenceSet[]);
  /** The frames of services that this tab uses. @internal */
  frames: ServiceFrames<ProxyDoc> | undefined;
  /** The documents that are available without a server. @internal */
  inventory = new Inventory();
  /** Whether this tab has asked the host to delete everything and awaits the answer. @internal */
  clearing = false;
  /** @internal */
  isClosed = false;
  private isCleared = false;
  /** The app's calls that have no answer yet. @internal */
  readonly openCalls = new OpenCalls(act => this.guarded(act));

  /**
   * Use `createConnection` instead, which also starts or finds a host. This constructor only connects to a host that exists.
   * @throws ERR_TABS_BAD_OPTION if an option is unknown
   */
  constructor(protected readonly options: ProxyConnectionOptions = {}) {
    // Upstream uses this socket instead of a WebSocket. It sends only its handshake on it, which is dropped: the host has its own handshake
    // with the server.
    const socket: Socket = {readyState: 0, onopen: null, onclose: null, onerror: null, onmessage: null, send() {}, close: () => this.close()};
    super(socket);
    // `createConnection` has more options, and has checked them.
    const unknown = this.opensImmediately && unknownOption('ProxyConnection', options, CONNECTION_OPTIONS);
    if (unknown) throw new TabsError('ERR_TABS_BAD_OPTION', unknown);
    this.hostSocket = socket;
    this.hostClient = new HostClient(options, this);
    this.id = this.hostClient.tabId;
    this.stopKeepingAlive = this.hostClient.platform.keepAlive?.(() => this.hasOpenRequests());
    if (this.opensImmediately) this.hostClient.open();
  }

  /** Another tab has signed out. This tab sends nothing to a host any more. @internal */
  closeCleared(): void {
    this.isCleared = true;
    this.close();
  }

  /** Whether the constructor starts to look for a host. Otherwise a subclass opens the host client. @internal */
  protected get opensImmediately(): boolean {
    return true;
  }

  /** The worst of all documents' save states: see `doc.saveState`. Event `saveState`. */
  get saveState(): SaveState {
    return this.saveStates.ofAll;
  }

  /** Whether this tab has edits that its host lacks. @internal */
  get hasUnsentOps(): boolean {
    return this.proxyDocs().some(doc => doc.hasUnsent || doc.opsAwaitingReset);
  }

  /** Whether this tab has edits that only a host of the last host's lineage can accept. @internal */
  get hasOpsOfHost(): boolean {
    return this.hostClient.sessionClient?.lineage !== undefined && this.proxyDocs().some(hasOpsOfHost);
  }

  /** @internal */
  get clock(): Clock {
    return this.hostClient.platform.clock;
  }

  /**
   * The state of the session with the host: 'connecting' until the first host answers, 'connected', 'lost' while the tab looks for the next
   * host, or 'closed'. Event `hostState`.
   */
  get hostState(): HostState {
    return this.isClosed ? 'closed' : this.hostClient.sessionClient?.state ?? 'connecting';
  }

  /** Whether messages reach the host. The host also accepts ops and requests while the server is unreachable. */
  override get canSend(): boolean {
    return this.hostClient.isLinked;
  }

  /** Upstream sets this with its state. Here, the session with the host determines it. */
  override set canSend(_value: boolean) {
    // The value that upstream sets is ignored.
  }

  /** @throws ShareDB's ERR_CANNOT_PING_OFFLINE unless the host is connected to the server */
  override ping(): void {
    if (this.state !== 'connected') throw withCode('ERR_CANNOT_PING_OFFLINE', 'Socket must be CONNECTED to ping');
    this.send({a: 'pp'});
  }

  /**
   * Sends a message to the server. A message of ShareDB's protocol goes through the host; an app's own message is passed on unchanged. The
   * server's own messages reach all tabs with the event `receive`, as in ShareDB.
   * @throws ERR_TABS_OFFLINE for an app's own message if the host is not connected to the server
   */
  override send(message: object): void {
    const isOwn = isOfApp(message);
    if (isOwn && this.state !== 'connected') throw new TabsError('ERR_TABS_OFFLINE', 'The message was not sent: there is no connection to the server');
    this.hostClient.log.debug('message', () => `to the host: ${brief(message)}`);
    this.emit('send', message);
    this.hostClient.send(isOwn ? {a: 'app.message', message} : message as Message);
  }

  /**
   * Closes this tab's connection. The host and the other tabs continue. Ops that the host has not received are handed over. Calls that are
   * still open end with ERR_TABS_CLOSED in a later turn.
   */
  override close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const calls = new Set(this.proxyDocs().flatMap(doc => doc.opCalls));
    const isKept = calls.size > 0 && !this.isCleared && this.handOverAll();
    this.detach();
    const opError = closed(isKept ? '. The op is not lost: the host has it, or the next one gets it' : ': the op is not saved');
    const error = closed();
    this.openCalls.end(call => (calls.has(call) ? opError : error));
  }

  /** @returns whether a host has all ops, or will have them */
  private handOverAll(): boolean {
    const ops = this.orphanedOps();
    const isConnected = this.hostClient.handOver(ops);
    // The ops are also stored if a host is connected: the message may arrive after the host has removed the tab, whose lock is free.
    return this.leave(ops) || isConnected;
  }

  /**
   * Keeps the ops that no host has, for the next host.
   * @returns whether they are kept @internal
   */
  protected leave(ops: OrphanedOpsMessage | undefined): boolean {
    return !ops;
  }

  /** Ends the session with the host. Open calls get no answer. @internal */
  protected detach(): void {
    this.isClosed = true;
    this.presenceExpiry.end();
    this.endKeepingAlive();
    this.hostClient.close();
    this._setState('closed', 'closed');
    this.emit('hostState', 'closed');
  }

  /** From now on, an open request does not keep a Node process running. @internal */
  protected endKeepingAlive(): void {
    this.stopKeepingAlive?.();
  }

  /** See {@link HostClient.call}. @internal */
  callHost<Name extends keyof CallsToHost>(name: Name, ...args: ArgsOfCall<Name>): Promise<CallsToHost[Name]['result']> {
    return this.hostClient.call(name, ...args);
  }

  /** Whether the app waits for an answer. */
  private hasOpenRequests(): boolean {
    return this.hasPending() || !!this.hostClient.sessionClient?.hasOpenCalls || Object.values(this._presences).some(isPresencePending);
  }

  /** Runs `act`. As upstream does with a message, an `error` event reports what a listener throws, one tick later. @internal */
  guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.reportThrown(error);
    }
  }

  /** @internal */
  reportThrown(error: unknown): void {
    nextTick(() => this.emit('error', error));
  }

  // ---- what upstream's documents send

  /** Whether requests accept the stored state. @internal */
  get storedFirst(): boolean {
    return this.options.storedFirst === true;
  }

  /** @internal */
  nextIncarnation(): number {
    return ++this.incarnations;
  }

  /** @internal */
  override _sendActions(action: string, doc: UpstreamDoc<unknown>): boolean | undefined {
    const existing = this.getExisting(doc.collection, doc.id);
    // Upstream would put this document in place of the existing one, and pass the answers for that one to it.
    if (existing && existing !== doc) return void nextTick(() => this.guarded(() => (doc as ProxyDoc).answerReplaced(action)));
    (doc as ProxyDoc).isDestroyed = false;
    // A destroyed document that is used again without a host belongs to the connection again, so that it is notified of the next host.
    if (!this.canSend) return void this._addDoc(doc);
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
    this.send(requestOf(doc as ProxyDoc, op));
  }

  /** @internal */
  override _destroyDoc(doc: UpstreamDoc<unknown>): void {
    const existing = this.getExisting(doc.collection, doc.id);
    // The document was destroyed before, and another document has its name now. Upstream would remove the other one.
    if (existing && existing !== doc) return;
    // The app made more requests after `destroy()`. Upstream would remove the document, and drop the answers: see `CallableDoc.destroy`.
    if (existing && doc.hasPending() && !this.isClosed) return;
    super._destroyDoc(doc);
    if (existing && !this.getExisting(doc.collection, doc.id)) {
      (doc as ProxyDoc).isDestroyed = true;
      this.destroyedDocs.add(doc.collection, doc.id);
      this.hostClient.send({a: 'doc.forget', c: doc.collection, d: doc.id});
    }
  }

  /** The ops that the host has not confirmed; undefined if there are none. @internal */
  orphanedOps(): OrphanedOpsMessage | undefined {
    const docs = this.proxyDocs().map(orphanedOpsOf).filter(ops => !!ops);
    const {tabId, sessionClient} = this.hostClient;
    return docs.length ? {tabId, lineage: sessionClient?.lineage ?? '', docs} : undefined;
  }

  // ---- the sessions of the host client

  /** @internal */
  onBegin(continues: boolean): void {
    this.presenceExpiry.begin();
    if (continues) this.resume();
    // The host has no record of this tab's documents and requests.
    else for (const doc of this.proxyDocs()) handleHostReplaced(doc);
  }

  /** @internal */
  onConnected(): void {
    this.frames?.begin();
    this.emit('hostState', 'connected');
  }

  /**
   * Hands ops that can't be kept to the host, which keeps them as dead letters.
   * @param madeAt the version that the first op was made on @internal
   */
  reportLost(doc: DocState, ops: readonly PendingOp[], error: ErrorData, madeAt?: number): void {
    this.hostClient.lostOps.add(doc, ops, error, madeAt);
  }

  /** @internal */
  onMessage(message: Message): void {
    this.guarded(() => receive(this, message));
  }

  /** @internal */
  onRefused(hostProtocol: number): void {
    this.emit('updateneeded', hostProtocol);
  }

  /** @internal */
  onLost(): void {
    // The host that was asked to delete everything has ended. The next host may serve another user.
    if (this.clearing) return this.closeCleared();
    this.emit('hostState', 'lost');
    if (!DOWN.has(this.state)) this._setState('disconnected', 'The host was lost');
  }

  /** @internal */
  onBatch(n: number, durable: number, isDown: boolean): void {
    this.unconfirmedDocs.begin(n, durable, isDown);
    this.saveStates.noteBatch();
  }

  /** @internal */
  get hostEpoch(): string {
    return this.hostClient.sessionClient?.epoch ?? '';
  }

  private resume(): void {
    const docs = this.unconfirmedDocs.resume(this.proxyDocs());
    this.hostClient.send({a: 'tab.resume', docs, ...(this.showsTogether && {together: true})});
  }

  /** @internal */
  onLinked(isLinked: boolean): void {
    // Service frames end before documents report the lost host to the app's callbacks.
    if (!isLinked) this.frames?.end();
    followHost(this, isLinked);
  }

  /** As upstream, but if a listener of one document throws, the other documents still get their states. @internal */
  override _handleBulkMessage(error: Error | null, message: Message, method: '_handleFetch' | '_handleSubscribe'): void {
    if (message.data) receiveMany(this, error, message, method);
    else super._handleBulkMessage(error, message, method);
  }

  /** Takes over the state of the host's connection, in the same steps as upstream. @internal */
  override _setState(state: string, reason?: unknown): void {
    if (this.state === state) return;
    this.state = state;
    const isDown = DOWN.has(state);
    if (isDown) {
      this.wasDown = true;
      this._reset();
    }
    const isBack = state === 'connected' && this.wasDown && this.canSend;
    if (state === 'connected') this.wasDown = false;
    followServer(this, isDown, isBack);
    this.emit(state as keyof ConnectionEvents, reason);
    this.emit('state', state, reason);
  }

  /** @internal */
  setStatus(status: Partial<Status>): void {
    this.status = {...this.status, ...status};
    this.saveStates.noteBatch();
    this.emit('status', this.status);
  }

  /** A report of this tab's documents and state. @internal */
  report(): TabReport {
    return reportOf(this);
  }

  /** @internal */
  proxyDocs(): ProxyDoc[] {
    return Object.values(this.collections).flatMap(docs => Object.values(docs) as unknown[] as ProxyDoc[]);
  }
}
