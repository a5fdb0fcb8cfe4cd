import type {UndoMark} from '../protocol/undo.js';
import {SessionClient, type HostState} from '../broker/session-client.js';
import type {Message} from '../broker/session.js';
import {nextTick} from '../platform/next-tick.js';
import {browserPlatform} from '../platform/browser.js';
import {OnDemand} from '../platform/on-demand.js';
import type {Channel, Clock, Locks, OpenChannel, Platform} from '../platform/platform.js';
import {setRecent} from '../platform/recent.js';
import {isOfApp} from '../protocol/app-messages.js';
import {TabsError, decodeError, type ErrorData} from '../protocol/errors.js';
import {brief, type HostLogMessage} from '../protocol/debug.js';
import type {ArgsOfCall, CallsToHost} from '../protocol/calls.js';
import type {Hello, Place} from '../protocol/frames.js';
import type {TabReport} from '../protocol/report.js';
import {warning} from '../protocol/warnings.js';
import type {TabId} from '../protocol/ids.js';
import {isHostMessage} from '../protocol/host-message-guards.js';
import type {HostStatus, OrphanedOpsMessage, OpRequest, PositionedMessage, RefusedMessage, ResetMessage, SettledMessage} from '../protocol/messages.js';
import type {ProxyConnectionOptions} from './connection-options.js';
import type {ConnectionEvents, ProxyConnectionEvents, Status} from './events.js';
import {LostOps} from './lost-ops.js';
import {Inventory} from './doc/inventory.js';
import type {MirrorRole} from './mirror-role.js';
import {isPresencePending} from './open-requests.js';
import {OpenCalls} from './open-calls.js';
import type {ProxyDoc} from './doc/proxy-doc.js';
import {SaveStates, type SaveState} from './doc/save-states.js';
import {PresenceExpiry, type PresenceSet} from './presence/presence-expiry.js';
import {submitOptions} from './doc/submit-options.js';
import type {ServiceFrames} from './service-frames.js';
import {TabLog} from './tab-log.js';
import {BaseConnection, type PendingOp, type Socket, type UpstreamDoc} from './upstream.js';

/** Time limit of a call to the host, in ms. */
const CALL_TIMEOUT_MS = 10_000;

/** How many destroyed documents a tab remembers. Messages for earlier ones have arrived by the time that the tab opens them again. */
const MAX_DESTROYED = 1024;

const DOWN = new Set(['disconnected', 'closed', 'stopped']);

/**
 * ShareDB's `Connection` with a session with the host instead of a WebSocket. It passes the host's messages to the documents and mirrors
 * the state of the host's connection.
 */
export class LinkedConnection extends BaseConnection<ProxyConnectionEvents> {
  /** The state of the host's work for all tabs, as last told by the host. Event `status`. */
  status: Status = {
    tabs: 0, pendingOps: 0, pendingDocs: 0, durable: false, pendingWrites: 0, deadLetters: 0, lastError: undefined
  };
  /** @internal */
  readonly saveStates = new SaveStates(
    () => this.status, (c, d) => this.getExisting(c, d) as ProxyDoc | undefined, () => this.proxyDocs(), () => this.clock.now(),
    state => this.emit('saveState', state)
  );
  private readonly hostSocket: HostSocket;
  /** @internal */
  hostSession: SessionClient | undefined;
  /** This tab mirrors the host's content, if the host has no store of its own. */
  private mirrorDuty: OnDemand<MirrorRole> | undefined;
  private readonly lostOps: LostOps;
  private platform: Platform;
  protected readonly options: ProxyConnectionOptions;
  private readonly tabId: TabId;
  private isLinked = false;
  private stopKeepingAlive: (() => void) | undefined;
  private wasDown = false;
  private incarnations = 0;
  /** Documents with a revision that the next host may not know. */
  private readonly unconfirmedDocs = new Set<ProxyDoc>();
  private unconfirmedBatch: number | undefined;
  /** The host could not write when it sent the batch that is being handled. @internal */
  hostIsDown = false;
  /** The author and number of the op that is being applied. @internal */
  entry: {src?: string; seq?: number; op?: unknown; undo?: UndoMark} | undefined;
  /** This tab uses collections, whose transactions change several documents together. @internal */
  showsTogether = false;
  /** The transaction whose ops are being applied. @internal */
  transactionId: string | undefined;
  /** The last documents that this tab has destroyed. */
  private readonly destroyed = new Map<string, true>();
  private readonly presenceExpiry = new PresenceExpiry(() => this.platform.clock, () => Object.values(this._presences) as unknown as PresenceSet[]);
  /** The frames of services that this tab uses. @internal */
  frames: ServiceFrames<ProxyDoc> | undefined;
  /** The protocol of the host that does not understand this tab. */
  private refusedBy: number | undefined;
  /** The documents that are available without a server. */
  protected inventory = new Inventory();
  /** This tab has asked the host to delete everything and waits for the answer. */
  protected clearing = false;
  protected isClosed = false;
  private isCleared = false;
  /** The app's calls that have no answer yet. @internal */
  readonly openCalls = new OpenCalls(act => this.guarded(act));

  /** Use `createConnection`, which also starts or finds a host. This constructor expects that there is one. */
  constructor(options: ProxyConnectionOptions = {}) {
    const socket = new HostSocket();
    super(socket);
    this.hostSocket = socket;
    this.options = options;
    this.log = new TabLog(options.debug);
    this.platform = browserPlatform(options);
    this.tabId = this.platform.randomId() as TabId;
    this.id = this.tabId;
    this.lostOps = new LostOps(this.tabId, lost => this.callHost('ops.lost', lost));
    // Upstream binds its socket in the constructor. This socket closes when the app closes the connection.
    socket.close = () => this.close();
    this.stopKeepingAlive = this.platform.keepAlive?.(() => this.hasOpenRequests());
    if (this.opensAtOnce) this.openLink();
  }

  /** Another tab has signed out. This tab sends nothing to a host any more. @internal */
  protected closeCleared(): void {
    this.isCleared = true;
    this.close();
  }

  /** Whether the constructor starts to look for a host. Otherwise {@link openLink} does. @internal */
  protected get opensAtOnce(): boolean {
    return true;
  }

  /** @internal */
  protected readonly log: TabLog;
  private isVisible = true;

  /** The worst of all documents' save states: see `doc.saveState`. Event `saveState`. */
  get saveState(): SaveState {
    return this.saveStates.ofAll;
  }

  /** Whether this tab has edits that its host lacks. @internal */
  get hasUnsentOps(): boolean {
    return this.proxyDocs().some(doc => doc.hasUnsent || doc.awaitsReset);
  }

  /** Whether this tab has edits that only hosts of the last host's lineage can continue with. @internal */
  protected get hasOpsOfHost(): boolean {
    return this.hostSession?.lineage !== undefined && this.proxyDocs().some(doc => doc.hasOpsOfHost);
  }

  /** @internal */
  get clock(): Clock {
    return this.platform.clock;
  }

  /**
   * Whether the tab reaches its host: 'connecting' until the first host answers, 'connected', 'lost' while the tab looks for the next host,
   * or 'closed'. Event `hostState`.
   */
  get hostState(): HostState {
    return this.isClosed ? 'closed' : this.hostSession?.state ?? 'connecting';
  }

  /** Whether messages reach the host. The host also accepts ops and requests while the server is unreachable. */
  override get canSend(): boolean {
    return this.isLinked;
  }

  /** Upstream sets this with its state. Here, the session with the host determines it. */
  override set canSend(_value: boolean) {
    // There is nothing to set.
  }

  /** @throws ShareDB's ERR_CANNOT_PING_OFFLINE unless the host is connected to the server */
  override ping(): void {
    if (this.state !== 'connected') {
      throw Object.assign(new Error('Socket must be CONNECTED to ping'), {code: 'ERR_CANNOT_PING_OFFLINE'});
    }
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
    this.log.debug('message', () => `to the host: ${brief(message)}`);
    this.emit('send', message);
    this.hostSession?.send(isOwn ? {a: 'app.message', message} : message as Message);
  }

  /**
   * Detaches this tab. The host and the other tabs continue. Ops that the host lacks are handed over. Calls that are still open end with
   * ERR_TABS_CLOSED in a later turn.
   */
  override close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const calls = new Set(this.proxyDocs().flatMap(doc => doc.opCalls));
    const isKept = calls.size > 0 && !this.isCleared && this.handOverAll();
    this.detach();
    const opError = closed(isKept ? '. The op is not lost: the host has it, or the next one gets it' : ': the op is not saved');
    const error = closed('');
    this.openCalls.end(call => (calls.has(call) ? opError : error));
  }

  /** @returns whether a host has all ops, or will have them */
  private handOverAll(): boolean {
    const word = this.orphanedOps();
    const isConnected = this.hostSession?.state === 'connected';
    if (isConnected && word) this.hostSession!.send({a: 'tab.lastWord', word});
    // The ops are also kept if a host is there: the host drops a tab whose lock is free, and the message may arrive after that.
    return this.leave(word) || isConnected;
  }

  /**
   * Keeps the ops that no host has, for the next host.
   * @returns whether they are kept @internal
   */
  protected leave(word: OrphanedOpsMessage | undefined): boolean {
    return !word;
  }

  /** Leaves the host. Open calls get no answer. @internal */
  protected detach(): void {
    this.isClosed = true;
    this.presenceExpiry.end();
    this.hostSession?.close();
    this.hostSession = undefined;
    this.endMirrorDuty();
    this.endKeepingAlive();
    this.setLinked(false);
    this._setState('closed', 'closed');
    this.emit('hostState', 'closed');
  }

  /** From now on, an open request does not keep a Node process running. @internal */
  protected endKeepingAlive(): void {
    this.stopKeepingAlive?.();
  }

  /** Calls the host. Rejects with the host's error, ERR_TABS_SESSION_ENDED, ERR_TABS_TIMEOUT or ERR_TABS_CLOSED. @internal */
  callHost<Name extends keyof CallsToHost>(name: Name, ...args: ArgsOfCall<Name>): Promise<CallsToHost[Name]['result']>;
  // The table of calls gives the type of the result.
  callHost(name: string, args: unknown = null): Promise<any> {
    const answer = this.hostSession?.call(name, args, CALL_TIMEOUT_MS) ?? Promise.reject(closed(''));
    return answer.catch((error: unknown) => { throw this.isClosed ? closed('') : error; });
  }

  /** Resolves when this tab's ops so far, and the ops that the host has, are durable. Rejects as {@link callHost}. @internal */
  protected async flushHost(): Promise<void> {
    let isHandedOver = false;
    const handOver = Promise.all(this.proxyDocs().map(doc => new Promise<void>(resolve => doc.whenHandedOver(resolve))))
      .then(() => { isHandedOver = true; });
    await new Promise<void>(nextTick);
    // The host answers when everything that it reported before the answer is durable. Usually this includes these ops.
    await this.callHost('store.flush');
    if (isHandedOver) return;
    await handOver;
    await this.callHost('store.flush');
  }

  /** Whether the app waits for an answer. */
  private hasOpenRequests(): boolean {
    return this.hasPending() || !!this.hostSession?.hasOpenCalls || Object.values(this._presences).some(isPresencePending);
  }

  /** Runs `act`. As upstream does with a message, an `error` event reports what a listener throws, one tick later. @internal */
  guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.tellThrown(error);
    }
  }

  private tellThrown(error: unknown): void {
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
    // Upstream would replace the existing document by this one, which would then get the other's answers.
    if (existing && existing !== doc) return void nextTick(() => this.guarded(() => (doc as ProxyDoc).answerReplaced(action)));
    (doc as ProxyDoc).isDestroyed = false;
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
      src: op.src ?? this.tabId, seq: op.seq!, x: submitOptions(doc, op)
    };
    if ('op' in op) message.op = op.op;
    if (op.create) message.create = op.create;
    if (op.del) message.del = true;
    if (op.undo) message.undo = op.undo;
    const more = (doc as ProxyDoc).takeRun();
    if (more.length) message.more = more;
    this.send(message);
  }

  /** @internal */
  override _destroyDoc(doc: UpstreamDoc<unknown>): void {
    const existing = this.getExisting(doc.collection, doc.id);
    // The document is destroyed for the second time, and another one has its name now. Upstream would remove the other one.
    if (existing && existing !== doc) return;
    // The app made more requests after `destroy()`. Upstream removes the document, and the answers find none: see `CallableDoc.destroy`.
    if (existing && doc.hasPending() && !this.isClosed) return;
    super._destroyDoc(doc);
    if (existing && !this.getExisting(doc.collection, doc.id)) {
      (doc as ProxyDoc).isDestroyed = true;
      setRecent(this.destroyed, keyOf(doc.collection, doc.id), true, MAX_DESTROYED);
      this.hostSession?.send({a: 'doc.forget', c: doc.collection, d: doc.id});
    }
  }

  /** Whether this tab had a document of this name before. Messages of the host for it may still arrive. @internal */
  wasDestroyed(collection: string, id: string): boolean {
    return this.destroyed.size > 0 && this.destroyed.has(keyOf(collection, id));
  }

  /** A message from the host is invalid. The tab requests everything that the message may concern again. @internal */
  resynchronize(reason: string): void {
    this.warn(warning('WARN_TABS_RESYNCHRONIZING', 'resynchronizing with the host'), reason);
    this.reconnect(reason);
  }

  /** The ops that the host has not confirmed; undefined if there are none. @internal */
  protected orphanedOps(): OrphanedOpsMessage | undefined {
    const docs = this.proxyDocs().map(doc => doc.orphanedOps()).filter(word => !!word);
    return docs.length ? {tabId: this.tabId, lineage: this.hostSession?.lineage ?? '', docs} : undefined;
  }

  /** @internal */
  protected offerOrphanedOps(word: OrphanedOpsMessage): Promise<unknown> {
    return this.callHost('tab.lastWord', word);
  }

  /**
   * Sends all waiting messages at once, because a page that goes away has no next turn. Ops in flight are sent again as orphaned ops.
   * @param forGood whether the page can't come back @internal
   */
  protected sendOrphanedOps(word: OrphanedOpsMessage | undefined, forGood: boolean): void {
    if (word) this.hostSession?.send({a: 'tab.lastWord', word});
    if (forGood) this.hostSession?.sayGoodbye();
    else this.hostSession?.flush();
  }

  /** The page enters the back/forward cache. No message reaches it until it leaves the cache. @internal */
  protected suspend(): void {
    this.endMirrorDuty();
    this.hostSession?.suspend();
  }

  /** @internal */
  protected resumeLink(): void {
    this.hostSession?.resume();
  }

  /** The place and the generation of the host that answered last. @internal */
  protected get host(): {place: Place | undefined; generation: number} {
    return {place: this.hostSession?.place, generation: this.hostSession?.generation ?? 0};
  }

  // ---- the session with the host

  /** Ends the session with the host and looks for a new one. @internal */
  protected reconnect(reason: string): void {
    this.hostSession?.reconnect(reason);
  }

  /** Looks for a host over other channels. @internal */
  protected moveTo(own: {channel?: OpenChannel | undefined; locks?: Locks | undefined}): void {
    this.hostSession?.close();
    this.hostSession = undefined;
    this.endMirrorDuty();
    this.setLinked(false);
    this.platform = browserPlatform({...own, clock: this.options.clock});
    this.openLink();
  }

  /** Looks for a host, unless it already does. @internal */
  protected openLink(): void {
    if (this.hostSession) return;
    this.hostSession = new SessionClient(this.platform, this.options.namespace ?? 'default', this.tabId, {
      greet: hello => this.greet(hello),
      onOpen: () => this.beginToTalk(false),
      onUnanswered: () => this.setLinked(false),
      onConnected: continues => this.handleConnected(continues),
      onLost: reason => this.handleLost(reason),
      onBatch: (n, durable, isDown) => this.handleBatch(n, durable, isDown),
      onMessage: message => this.guarded(() => this.receive(message)),
      onCall: (name, args) => this.answerCall(name, args),
      onMalformed: what => this.warn(warning('WARN_TABS_MALFORMED', 'dropped a malformed message of the host'), what),
      onSilence: reason => this.handleSilence(reason),
      onRefused: protocol => this.handleRefused(protocol)
    }, this.options.hostTimeout);
    this.hostSession.open();
  }

  /** Answers a call from the host. @internal */
  protected answerCall(name: string, _args: unknown): unknown {
    if (name === 'tab.token' && this.options.getToken) return this.options.getToken();
    if (name === 'tab.report') return this.report();
    throw new TabsError('ERR_MESSAGE_BADLY_FORMED', `Unknown call ${name}`);
  }

  /**
   * Greets the host that this tab is connected to, if there is one.
   * @returns a port to that host @internal
   */
  protected greet(_hello: Hello): Channel | undefined {
    return undefined;
  }

  /** The host has not answered for a long time. @internal */
  protected handleSilence(reason: string): void {
    this.reconnect(reason);
  }

  /** The host speaks another version of the protocol than this tab. @internal */
  protected handleRefused(hostProtocol: number): void {
    if (this.refusedBy !== hostProtocol) this.emit('updateneeded', hostProtocol);
    this.refusedBy = hostProtocol;
  }

  /** Tells the host whether the page is visible. The host asks visible tabs for tokens first. @internal */
  protected setVisible(isVisible: boolean): void {
    this.isVisible = isVisible;
    if (this.options.getToken && this.isLinked) this.hostSession?.send({a: 'tab.visible', visible: isVisible});
  }

  private handleConnected(continues: boolean): void {
    this.refusedBy = undefined;
    this.log.debug('link', () => `connected to host ${this.hostSession!.epoch} (${this.hostSession!.place}), which ${continues ? 'continues' : 'starts anew'}`);
    if (!this.isLinked) this.beginToTalk(continues);
    // The host works on the messages while the app handles the event.
    this.hostSession?.flush();
    this.frames?.begin();
    this.emit('hostState', 'connected');
  }

  private beginToTalk(continues: boolean): void {
    if (this.log.scopes.length) this.hostSession!.send({a: 'tab.debug', scopes: this.log.scopes});
    this.presenceExpiry.begin();
    this.lostOps.handOver();
    if (continues) this.resume();
    else this.startAnew();
    this.setLinked(true);
    this.setVisible(this.isVisible);
  }

  /** The host does not know the documents and requests of this tab. */
  private startAnew(): void {
    this.endMirrorDuty();
    for (const doc of this.proxyDocs()) doc.handleHostReplaced();
  }

  /** The code is loaded when a host asks for it, because most hosts have a store. */
  private takeMirrorDuty(): OnDemand<MirrorRole> {
    const {platform, tabId} = this;
    const namespace = this.options.namespace ?? 'default';
    return new OnDemand(
      async () => new (await import('./mirror-role.js')).MirrorRole(platform, namespace, tabId),
      error => this.warn(warning('WARN_TABS_NO_MIRROR', 'this tab keeps nothing for a host without a store'), error)
    );
  }

  private endMirrorDuty(): void {
    this.mirrorDuty?.end(duty => duty.end());
    this.mirrorDuty = undefined;
  }

  /**
   * Hands ops that can't be kept to the host, which keeps them as dead letters.
   * @param madeAt the version that the first op was made on @internal
   */
  giveUp(doc: ProxyDoc, ops: readonly PendingOp[], error: ErrorData, madeAt?: number): void {
    this.lostOps.add(doc, ops, error, madeAt);
  }

  private handleLost(reason: string): void {
    this.log.debug('link', () => `lost the host: ${reason}`);
    this.setLinked(false);
    this.emit('hostState', 'lost');
    if (!DOWN.has(this.state)) this._setState('disconnected', 'The host was lost');
  }

  private handleBatch(n: number, durable: number, isDown: boolean): void {
    this.unconfirmedBatch = durable < n ? n : undefined;
    this.hostIsDown = isDown;
    for (const doc of this.unconfirmedDocs) if (doc.confirm(durable)) this.unconfirmedDocs.delete(doc);
    this.saveStates.noteBatch();
  }

  /** The number of the batch that is being handled, if another host may not know the revisions in it. @internal */
  noteRevision(doc: ProxyDoc): number | undefined {
    if (this.unconfirmedBatch !== undefined) this.unconfirmedDocs.add(doc);
    return this.unconfirmedBatch;
  }

  /** @internal */
  get hostEpoch(): string {
    return this.hostSession?.epoch ?? '';
  }

  private resume(): void {
    const docs = [];
    this.unconfirmedDocs.clear();
    for (const doc of this.proxyDocs()) {
      doc.fallBack();
      if (doc.resumeUnconfirmed()) this.unconfirmedDocs.add(doc);
      const {inc, rev} = doc.position;
      docs.push({
        c: doc.collection, d: doc.id, inc, rev, unsettled: doc.unansweredSeqs, ...(doc.awaitsReset && {awaitsReset: true}), ...doc.unconfirmedOps,
        ...doc.onlyHost
      });
    }
    this.hostSession!.send({a: 'tab.resume', docs, ...(this.showsTogether && {together: true})});
  }

  private setLinked(isLinked: boolean): void {
    if (this.isLinked === isLinked) return;
    this.isLinked = isLinked;
    // The frames end before documents report to their callers that the host is lost.
    if (!isLinked) this.frames?.end();
    this.startBulk();
    if (isLinked) {
      for (const query of Object.values(this.queries)) query.send();
      for (const doc of this.proxyDocs()) doc.handleLinked();
      for (const presence of Object.values(this._presences)) {
        presence._onConnectionStateChanged();
        // A new host knows no presences, and a removal may have been lost with the session.
        for (const local of Object.values(presence.localPresences)) local.send();
      }
      for (const request of Object.values(this._snapshotRequests)) request.send();
    } else {
      for (const doc of this.proxyDocs()) doc._onConnectionStateChanged();
      for (const presence of Object.values(this._presences)) presence._onConnectionStateChanged();
    }
    this.endBulk();
  }

  /** As upstream, but an error of one document's listener does not keep the other documents from their states. @internal */
  override _handleBulkMessage(error: Error | null, message: Message, method: '_handleFetch' | '_handleSubscribe'): void {
    const {c, data} = message;
    if (!data) return super._handleBulkMessage(error, message, method);
    // This does not use `guarded`, which would need a function for each document.
    for (const [d, state] of Object.entries(data)) {
      try {
        const doc = this.getExisting(c as string, d) as ProxyDoc | undefined;
        if (doc?.hasAsked((state as {inc?: number}).inc)) doc[method](error, state);
      } catch (thrown) {
        this.tellThrown(thrown);
      }
    }
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
    const isBack = state === 'connected' && this.wasDown && this.isLinked;
    if (state === 'connected') this.wasDown = false;
    this.startBulk();
    for (const query of Object.values(this.queries)) {
      // Upstream's queries check only whether they were sent since the connection was lost.
      if (isDown) query.sent = false;
      else if (isBack && !query.sent) query.send();
    }
    if (this.isLinked && (isDown || isBack)) for (const doc of this.proxyDocs()) doc._onConnectionStateChanged();
    for (const presence of Object.values(this._presences)) {
      if (isDown) presence.subscribed = false;
      else if (isBack) presence._onConnectionStateChanged();
    }
    this.endBulk();
    this.emit(state as keyof ConnectionEvents, reason);
    this.emit('state', state, reason);
  }

  private receive(message: Message): void {
    if (message.a === 'service') return this.frames?.receive(message);
    if (message.a !== 'host.log') this.log.debug('message', () => `from the host: ${brief(message)}`);
    if (!isHostMessage(message)) return this.warn(warning('WARN_TABS_MALFORMED', 'dropped a malformed message of the host'), message.a);
    switch (message.a) {
      case 'doc.settled':
        return this.find(message)?.handleSettled(message as unknown as SettledMessage);
      case 'doc.rollback':
        return this.find(message)?.handleRollback(message['inc'] as number);
      case 'doc.reset':
        return this.find(message)?.handleReset(message as unknown as ResetMessage);
      case 'doc.refused':
        return this.find(message)?.handleRefused(message as unknown as RefusedMessage);
      case 'doc.lost':
        return this.find(message)?.handleLost(message['inc'] as number);
      case 'doc.planted':
        return this.find(message)?.handlePositioned(message as unknown as PositionedMessage);
      case 'doc.again':
        return this.find(message)?.handleAgain(message as unknown as {inc: number; seq: number});
      case 'doc.error':
        this.find(message)?.emit('error', decodeError(message['error'] as ErrorData));
        return;
      case 'host.cleared':
        // The tab that asked for this waits for the answer to its call.
        if (!this.clearing) this.closeCleared();
        return;
      case 'host.log':
        return this.log.hear(message as unknown as HostLogMessage);
      case 'app.message':
        return this.hostSocket.onmessage?.({data: JSON.stringify(message['message'])});
      case 'host.deadletter':
        this.emit('deadletter', message['letter']);
        return;
      case 'mirror.wanted':
        return (this.mirrorDuty ??= this.takeMirrorDuty()).ask(duty => duty.offer());
      case 'store.inventory':
        this.inventory = new Inventory(message['known'] as Record<string, string[]>);
        return;
      case 'shared.entries':
        return this.receiveTogether(message);
      case 'shared.outcome':
      case 'shared.items':
        this.emit('shared', message);
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
        if (!this.isAnswer(message)) return;
        break;
      case 'p':
        // A late removal of a presence under a former id does not show that the client is still there.
        if (message['p'] != null) this.presenceExpiry.noteSeen(message['ch'] as string, message['id'] as string);
        break;
      case 'q':
      case 'qs':
      case 'qf':
        return this.receiveResults(message);
    }
    this.hostSocket.onmessage?.({data: message});
  }

  /**
   * An answer from before the document started anew carries no usable state, but upstream counts it as the answer to its request.
   * @returns whether the document still exists and waits for this answer
   */
  private isAnswer(message: Message): boolean {
    const doc = this.find(message);
    const inc = message['inc'] as number | undefined;
    if (!doc?.hasAsked(inc)) return false;
    if (inc !== doc.position.inc) message['data'] = {inc: inc ?? -1, rev: 0};
    return true;
  }

  private receiveResults(message: Message): void {
    const query = this.queries[message['id'] as number] as LocalQuery | undefined;
    if (!query) this.ingestResults(message);
    const hasChanged = query && query.isLocal !== !!message['local'];
    if (hasChanged) query.isLocal = !query.isLocal;
    this.hostSocket.onmessage?.({data: message});
    if (hasChanged) query.emit('local', query.isLocal);
  }

  /** Ingests the results of a query that no longer exists, because the host assumes that this tab has them. */
  private ingestResults({data, diff}: Message): void {
    const inserted = ((diff ?? []) as {type: string; values?: unknown[]}[]).flatMap(({type, values}) => (type === 'insert' ? values ?? [] : []));
    for (const item of [...((data ?? []) as unknown[]), ...inserted] as {c: string; d: string; v: number; type: string | null}[]) {
      (this.get(item.c, item.d) as unknown as ProxyDoc).ingestSnapshot(item, () => {});
    }
  }

  /** Applies all changes of a transaction in the same turn, so that nothing runs between them. */
  private receiveTogether({id, messages}: Message): void {
    this.transactionId = id as string | undefined;
    for (const message of messages as Message[]) this.guarded(() => this.receive(message));
    this.transactionId = undefined;
  }

  private mirrorState(state: string, reason: unknown): void {
    // Upstream enters 'connected' only from 'connecting'.
    if (state === 'connected' && this.state !== 'connecting') this._setState('connecting');
    this._setState(state, reason);
  }

  private mirrorEvent(event: 'error' | 'connection error', error: Error): void {
    this.setStatus({...this.status, lastError: error});
    this.emit(event, error);
  }

  private setStatus(status: Partial<Status>): void {
    this.status = {...this.status, ...status};
    this.saveStates.noteBatch();
    this.emit('status', this.status);
  }

  /** A report of this tab's documents and state. @internal */
  protected report(): TabReport {
    const docs = this.proxyDocs();
    return {
      id: this.tabId, isVisible: this.isVisible, hostState: this.hostState, state: this.state, docs: docs.length,
      queries: Object.keys(this.queries).length,
      pending: docs.map(doc => doc.report()).filter(({unsent, unsettled}) => unsent + unsettled > 0),
      ...(this.status.lastError && {lastError: this.status.lastError.message})
    };
  }

  private find({c, d}: Message): ProxyDoc | undefined {
    return this.getExisting(c as string, d as string) as ProxyDoc | undefined;
  }

  /** @internal */
  proxyDocs(): ProxyDoc[] {
    return Object.values(this.collections).flatMap(docs => Object.values(docs) as unknown[] as ProxyDoc[]);
  }

  /** @internal */
  protected warn(message: string, detail?: unknown): void {
    const {warn} = this.options;
    if (warn) warn(message, detail);
    // eslint-disable-next-line no-console
    else console.warn(...(detail === undefined ? [message] : [message, detail]));
  }
}

const closed = (what: string): TabsError => new TabsError('ERR_TABS_CLOSED', `The connection is closed${what}`);

/** The parts of this library's queries that change here: see `ProxyQuery`. */
interface LocalQuery {
  isLocal: boolean;
  emit(event: 'local', isLocal: boolean): void;
}

const keyOf = (collection: string, id: string): string => JSON.stringify([collection, id]);

/** Upstream binds to this socket instead of a WebSocket. The messages go through the session with the host. */
class HostSocket implements Socket {
  readyState = 0;
  onopen: Socket['onopen'] = null;
  onclose: Socket['onclose'] = null;
  onerror: Socket['onerror'] = null;
  onmessage: Socket['onmessage'] = null;
  send(): void {
    // Upstream sends only its handshake with a server here. The host makes that handshake.
  }
  close(): void {
    // The constructor of the connection replaces this method.
  }
}
