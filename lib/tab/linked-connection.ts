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

/** How long a question to the host may stay without an answer. */
const CALL_TIMEOUT_MS = 10_000;

/** Of more documents that a tab lets go of, nothing is under way by the time that it opens them again. */
const MAX_DESTROYED = 1024;

const DOWN = new Set(['disconnected', 'closed', 'stopped']);

/**
 * ShareDB's `Connection` on a link to the host in place of a WebSocket: what the host tells goes to the
 * documents, and its state is mirrored.
 */
export class LinkedConnection extends BaseConnection<ProxyConnectionEvents> {
  /** What the tab knows of the host's work for all tabs. Event `status`. */
  status: Status = {
    tabs: 0, pendingOps: 0, pendingDocs: 0, durable: false, pendingWrites: 0, deadLetters: 0, lastError: undefined
  };
  /** @internal */
  readonly saveStates = new SaveStates(
    () => this.status, (c, d) => this.getExisting(c, d) as ProxyDoc | undefined, state => this.emit('saveState', state)
  );
  private readonly hostSocket: HostSocket;
  /** @internal */
  hostSession: SessionClient | undefined;
  /** Of the host's content, where it has no store but its tabs. */
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
  /** Whose the op is that is being applied. @internal */
  entry: {src?: string; seq?: number; op?: unknown; undo?: UndoMark} | undefined;
  /** It has collections, which transactions change together. @internal */
  showsTogether = false;
  /** The transaction whose ops are being applied. @internal */
  transactionId: string | undefined;
  /** The last documents that this tab has let go of. */
  private readonly destroyed = new Map<string, true>();
  private readonly presenceExpiry = new PresenceExpiry(() => this.platform.clock, () => Object.values(this._presences) as unknown as PresenceSet[]);
  /** Of services that this tab uses. @internal */
  frames: ServiceFrames<ProxyDoc> | undefined;
  /** The protocol of the host that does not understand this tab. */
  private refusedBy: number | undefined;
  /** Which documents there are without a server. */
  protected inventory = new Inventory();
  /** This tab has asked for everything to be deleted, and waits for the answer. */
  protected clearing = false;
  protected isClosed = false;
  private isCleared = false;
  /** What the app waits for. @internal */
  readonly openCalls = new OpenCalls(act => this.guarded(act));

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
    // Upstream binds its sockets at construction; ours closes when the app closes the connection.
    socket.close = () => this.close();
    this.stopKeepingAlive = this.platform.keepAlive?.(() => this.hasOpenRequests());
    if (this.opensAtOnce) this.openLink();
  }

  /** Somebody has signed out: nothing of this tab goes to a host any more. @internal */
  protected closeCleared(): void {
    this.isCleared = true;
    this.close();
  }

  /** Whether it looks for its host when it is made; else when {@link openLink} is called. @internal */
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

  /** Whether this tab has edits that its host has not got. @internal */
  get hasUnsentOps(): boolean {
    return this.proxyDocs().some(doc => doc.hasUnsent || doc.awaitsReset);
  }

  /** Whether it has edits that only hosts of the lineage of the last one can carry on. @internal */
  protected get hasOpsOfHost(): boolean {
    return this.hostSession?.lineage !== undefined && this.proxyDocs().some(doc => doc.hasOpsOfHost);
  }

  /** @internal */
  get clock(): Clock {
    return this.platform.clock;
  }

  /**
   * Whether the tab reaches its host: 'connecting' until the first one answers, 'connected', 'lost' while the next is being
   * sought, or 'closed'. Event `hostState`.
   */
  get hostState(): HostState {
    return this.isClosed ? 'closed' : this.hostSession?.state ?? 'connecting';
  }

  /** Whether messages reach the host. Ops and requests are accepted also while the server is away. */
  override get canSend(): boolean {
    return this.isLinked;
  }

  /** Upstream sets it with its state; here the link to the host decides. */
  override set canSend(_value: boolean) {
    // Nothing to keep.
  }

  /** @throws ShareDB's ERR_CANNOT_PING_OFFLINE unless the host is connected to the server */
  override ping(): void {
    if (this.state !== 'connected') {
      throw Object.assign(new Error('Socket must be CONNECTED to ping'), {code: 'ERR_CANNOT_PING_OFFLINE'});
    }
    this.send({a: 'pp'});
  }

  /**
   * Sends a message to the server: ShareDB's by way of the host, an app's own as it is. The server's own ones come to all tabs, by
   * the event `receive`, as ShareDB has it.
   * @throws ERR_TABS_OFFLINE for an app's own message unless the host is connected to the server
   */
  override send(message: object): void {
    const isOwn = isOfApp(message);
    if (isOwn && this.state !== 'connected') throw new TabsError('ERR_TABS_OFFLINE', 'The message was not sent: there is no connection to the server');
    this.log.debug('message', () => `to the host: ${brief(message)}`);
    this.emit('send', message);
    this.hostSession?.send(isOwn ? {a: 'app.message', message} : message as Message);
  }

  /**
   * Detaches this tab: the host and the other tabs go on. Ops that the host has not got are handed over. What the app still waits
   * for ends with ERR_TABS_CLOSED in a later turn.
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
    // Also where a host is there: it lets go of a tab whose lock is free, and a message may come later than that.
    return this.leave(word) || isConnected;
  }

  /** Keeps what no host has got for the next one. @returns whether that is done @internal */
  protected leave(word: OrphanedOpsMessage | undefined): boolean {
    return !word;
  }

  /** Lets go of the host. What the app waits for has no answer. @internal */
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

  /** An open request no longer keeps a process of Node going. @internal */
  protected endKeepingAlive(): void {
    this.stopKeepingAlive?.();
  }

  /** Asks the host. Rejects with the host's error, ERR_TABS_SESSION_ENDED, ERR_TABS_TIMEOUT or ERR_TABS_CLOSED. @internal */
  callHost<Name extends keyof CallsToHost>(name: Name, ...args: ArgsOfCall<Name>): Promise<CallsToHost[Name]['result']>;
  // The table of calls gives the type of the result.
  callHost(name: string, args: unknown = null): Promise<any> {
    const answer = this.hostSession?.call(name, args, CALL_TIMEOUT_MS) ?? Promise.reject(closed(''));
    return answer.catch((error: unknown) => { throw this.isClosed ? closed('') : error; });
  }

  /** Resolves when the ops of now, and what the host has, are durable. Rejects as {@link callHost}. @internal */
  protected async flushHost(): Promise<void> {
    let isHandedOver = false;
    const handOver = Promise.all(this.proxyDocs().map(doc => new Promise<void>(resolve => doc.whenHandedOver(resolve))))
      .then(() => { isHandedOver = true; });
    await new Promise<void>(nextTick);
    // The answer comes when all is durable that the host has told of before it; mostly that is these ops, too.
    await this.callHost('store.flush');
    if (isHandedOver) return;
    await handOver;
    await this.callHost('store.flush');
  }

  /** Whether the app waits for something. */
  private hasOpenRequests(): boolean {
    return this.hasPending() || !!this.hostSession?.hasOpenCalls || Object.values(this._presences).some(isPresencePending);
  }

  /** As upstream does with a message: what a listener throws, an `error` event tells, a tick later. @internal */
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
    const existing = this.getExisting(doc.collection, doc.id);
    // Upstream would put it back in the place of the other one, whose answers it would get.
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
    // A second end of the same document, when another one has its name by now: upstream would remove that.
    if (existing && existing !== doc) return;
    // More was asked of it after `destroy()`. Upstream removes it, and the answers find no document: see `CallableDoc.destroy`.
    if (existing && doc.hasPending() && !this.isClosed) return;
    super._destroyDoc(doc);
    if (existing && !this.getExisting(doc.collection, doc.id)) {
      (doc as ProxyDoc).isDestroyed = true;
      setRecent(this.destroyed, keyOf(doc.collection, doc.id), true, MAX_DESTROYED);
      this.hostSession?.send({a: 'doc.forget', c: doc.collection, d: doc.id});
    }
  }

  /** Whether there was a document of this name before: what the host has sent for it may still be under way. @internal */
  wasDestroyed(collection: string, id: string): boolean {
    return this.destroyed.size > 0 && this.destroyed.has(keyOf(collection, id));
  }

  /** A message of the host is not what it should be: all that it may concern is asked for again. @internal */
  resynchronize(reason: string): void {
    this.warn(warning('WARN_TABS_RESYNCHRONIZING', 'resynchronizing with the host'), reason);
    this.reconnect(reason);
  }

  /** What the host has not confirmed yet; undefined where there is nothing. @internal */
  protected orphanedOps(): OrphanedOpsMessage | undefined {
    const docs = this.proxyDocs().map(doc => doc.orphanedOps()).filter(word => !!word);
    return docs.length ? {tabId: this.tabId, lineage: this.hostSession?.lineage ?? '', docs} : undefined;
  }

  /** @internal */
  protected offerOrphanedOps(word: OrphanedOpsMessage): Promise<unknown> {
    return this.callHost('tab.lastWord', word);
  }

  /**
   * Sends at once all that there is: a page that goes away has no next turn. What waits for ops under way
   * goes along as orphaned ops.
   * @param forGood whether the page can't come back
   * @internal
   */
  protected sendOrphanedOps(word: OrphanedOpsMessage | undefined, forGood: boolean): void {
    if (word) this.hostSession?.send({a: 'tab.lastWord', word});
    if (forGood) this.hostSession?.sayGoodbye();
    else this.hostSession?.flush();
  }

  /** The page is put away, and nothing will reach it until it is taken out again. @internal */
  protected suspend(): void {
    this.endMirrorDuty();
    this.hostSession?.suspend();
  }

  /** @internal */
  protected resumeLink(): void {
    this.hostSession?.resume();
  }

  /** Where the host lives that answered last, and its generation. @internal */
  protected get host(): {place: Place | undefined; generation: number} {
    return {place: this.hostSession?.place, generation: this.hostSession?.generation ?? 0};
  }

  // ---- the link to the host

  /** Ends the session with the host and seeks one again. @internal */
  protected reconnect(reason: string): void {
    this.hostSession?.reconnect(reason);
  }

  /** Looks for a host elsewhere: over other channels. @internal */
  protected moveTo(own: {channel?: OpenChannel | undefined; locks?: Locks | undefined}): void {
    this.hostSession?.close();
    this.hostSession = undefined;
    this.endMirrorDuty();
    this.setLinked(false);
    this.platform = browserPlatform({...own, clock: this.options.clock});
    this.openLink();
  }

  /** Looks for a host, unless it does so already. @internal */
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

  /** The host asks this tab something. @internal */
  protected answerCall(name: string, _args: unknown): unknown {
    if (name === 'tab.token' && this.options.getToken) return this.options.getToken();
    if (name === 'tab.report') return this.report();
    throw new TabsError('ERR_MESSAGE_BADLY_FORMED', `Unknown call ${name}`);
  }

  /** Greets the host that this tab is connected to, on a port, if it is connected to one. @internal */
  protected greet(_hello: Hello): Channel | undefined {
    return undefined;
  }

  /** The host has not answered for long. @internal */
  protected handleSilence(reason: string): void {
    this.reconnect(reason);
  }

  /** The host does not understand this tab. @internal */
  protected handleRefused(hostProtocol: number): void {
    if (this.refusedBy !== hostProtocol) this.emit('updateneeded', hostProtocol);
    this.refusedBy = hostProtocol;
  }

  /** The host asks visible tabs first. @internal */
  protected setVisible(isVisible: boolean): void {
    this.isVisible = isVisible;
    if (this.options.getToken && this.isLinked) this.hostSession?.send({a: 'tab.visible', visible: isVisible});
  }

  private handleConnected(continues: boolean): void {
    this.refusedBy = undefined;
    this.log.debug('link', () => `connected to host ${this.hostSession!.epoch} (${this.hostSession!.place}), which ${continues ? 'continues' : 'starts anew'}`);
    if (!this.isLinked) this.beginToTalk(continues);
    // The host works on it while the app hears of it.
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

  /** The host knows nothing of what this tab has followed. */
  private startAnew(): void {
    this.endMirrorDuty();
    for (const doc of this.proxyDocs()) doc.handleHostReplaced();
  }

  /** Loaded when a host asks for it: most have a store. */
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

  /** Ops can't be kept: the host is to have them as dead letters. @param madeAt the version that the first was made on @internal */
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

  /** The batch that is being handled, where another host may not know the revisions in it. @internal */
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
    // Before documents tell who waits for them that there is no host any more.
    if (!isLinked) this.frames?.end();
    this.startBulk();
    if (isLinked) {
      for (const query of Object.values(this.queries)) query.send();
      for (const doc of this.proxyDocs()) doc.handleLinked();
      for (const presence of Object.values(this._presences)) {
        presence._onConnectionStateChanged();
        // A new host knows of no presence; and a withdrawal may have been lost with the session.
        for (const local of Object.values(presence.localPresences)) local.send();
      }
      for (const request of Object.values(this._snapshotRequests)) request.send();
    } else {
      for (const doc of this.proxyDocs()) doc._onConnectionStateChanged();
      for (const presence of Object.values(this._presences)) presence._onConnectionStateChanged();
    }
    this.endBulk();
  }

  /** As upstream, but what a listener throws does not keep the other documents from their states. @internal */
  override _handleBulkMessage(error: Error | null, message: Message, method: '_handleFetch' | '_handleSubscribe'): void {
    const {c, data} = message;
    if (!data) return super._handleBulkMessage(error, message, method);
    // Written out: `guarded` takes a function for each.
    for (const [d, state] of Object.entries(data)) {
      try {
        const doc = this.getExisting(c as string, d) as ProxyDoc | undefined;
        if (doc?.hasAsked((state as {inc?: number}).inc)) doc[method](error, state);
      } catch (thrown) {
        this.tellThrown(thrown);
      }
    }
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
        // Who asked waits for the answer.
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
        // A late withdrawal of what was shown under another identity does not say that anybody is there.
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
   * An answer from before a new start has no state for it, but it is the answer: upstream counts what it has asked for.
   * @returns whether it is one for a document that there still is
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

  /** Results of a query that is gone: the host counts on it that this tab has them. */
  private ingestResults({data, diff}: Message): void {
    const inserted = ((diff ?? []) as {type: string; values?: unknown[]}[]).flatMap(({type, values}) => (type === 'insert' ? values ?? [] : []));
    for (const item of [...((data ?? []) as unknown[]), ...inserted] as {c: string; d: string; v: number; type: string | null}[]) {
      (this.get(item.c, item.d) as unknown as ProxyDoc).ingestSnapshot(item, () => {});
    }
  }

  /** What one transaction did to several documents: nobody's turn comes between. */
  private receiveTogether({id, messages}: Message): void {
    this.transactionId = id as string | undefined;
    for (const message of messages as Message[]) this.guarded(() => this.receive(message));
    this.transactionId = undefined;
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
    this.saveStates.noteBatch();
    this.emit('status', this.status);
  }

  /** What this tab holds. @internal */
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

/** Ours, of a query: see `ProxyQuery`. */
interface LocalQuery {
  isLocal: boolean;
  emit(event: 'local', isLocal: boolean): void;
}

const keyOf = (collection: string, id: string): string => JSON.stringify([collection, id]);

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
