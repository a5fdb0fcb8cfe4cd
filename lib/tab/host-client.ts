import {SessionClient, type SessionClientEvents} from '../broker/session-client.js';
import type {Message} from '../broker/session.js';
import {browserPlatform} from '../platform/browser.js';
import {OnDemand} from '../platform/on-demand.js';
import type {Channel, Locks, OpenChannel, Platform} from '../platform/platform.js';
import type {ArgsOfCall, CallsToHost} from '../protocol/calls.js';
import type {Clearing} from '../protocol/clearing.js';
import {TabsError} from '../protocol/errors.js';
import type {Hello} from '../protocol/frames.js';
import type {TabId} from '../protocol/ids.js';
import type {OrphanedOpsMessage} from '../protocol/messages.js';
import type {TabReport} from '../protocol/report.js';
import {warning} from '../protocol/warnings.js';
import type {ProxyConnectionOptions} from './connection-options.js';
import {LostOps} from './lost-ops.js';
import type {MirrorRole} from './mirror-role.js';
import {TabLog} from './tab-log.js';

/** Time limit of a call to the host, in ms. */
const CALL_TIMEOUT_MS = 10_000;

/** Starts or finds hosts, for a tab that does more than wait until a host announces itself. */
export interface HostFinder {
  /** Greets the host that this tab is connected to, if there is one. @returns a port to that host */
  greet(hello: Hello): Channel | undefined;
  /** Closes the connection if its user has signed out. @param cleared see {@link Welcome}. @returns whether it is closed */
  closeIfCleared?(cleared: Clearing | undefined): boolean;
  /** The host has not answered for a long time, and the session with it has ended. */
  handleSilence?(reason: string): void;
  /** The host uses another protocol version than this tab. */
  handleRefused?(): void;
}

/** The callbacks of a connection that its host client calls. */
export interface HostClientEvents {
  /** The app has closed the connection. */
  readonly isClosed: boolean;
  /** A session begins. `continues`: the host has the same lineage as the tab's last host. */
  onBegin(continues: boolean): void;
  /** Whether messages reach the host has changed. */
  onLinked(isLinked: boolean): void;
  /** The host has answered. */
  onConnected(): void;
  /** The session has ended. */
  onLost(): void;
  onBatch: SessionClientEvents['onBatch'];
  onMessage: SessionClientEvents['onMessage'];
  /** The host uses another protocol version than this tab. Called once for each such version. */
  onRefused(hostProtocol: number): void;
  /** The tab's state and its documents with pending ops, for the host's inspector. */
  report(): TabReport;
}

/**
 * A tab's client of its hosts, of which it has one at a time. It keeps the session with the current host, makes and answers calls, and
 * sends each new host the tab's settings and lost ops.
 */
export class HostClient implements SessionClientEvents {
  /** Finds hosts and keeps sessions with them; undefined if the tab looks for none. */
  sessionClient: SessionClient | undefined;
  /** Whether messages reach the host. */
  isLinked = false;
  finder: HostFinder | undefined;
  platform: Platform;
  readonly tabId: TabId;
  readonly log: TabLog;
  readonly lostOps: LostOps;
  /** This tab mirrors the host's content, if the host has no store of its own. */
  private mirrorRole: OnDemand<MirrorRole> | undefined;
  /** The protocol version of the host that has refused this tab. */
  private refusedBy: number | undefined;
  /** Whether the page is visible, as of the last `setVisible`. */
  isVisible = true;

  constructor(private readonly options: ProxyConnectionOptions, private readonly events: HostClientEvents) {
    this.log = new TabLog(options);
    this.platform = browserPlatform(options);
    this.tabId = this.platform.randomId() as TabId;
    this.lostOps = new LostOps(this.tabId, lost => this.call('ops.lost', lost));
  }

  /** Looks for a host, unless it already does. */
  open(): void {
    if (this.sessionClient) return;
    const {namespace = 'default', hostTimeout} = this.options;
    this.sessionClient = new SessionClient(this.platform, namespace, this.tabId, this, hostTimeout);
    this.sessionClient.open();
  }

  /** Ends the session with the host. */
  close(): void {
    this.sessionClient?.close();
    this.sessionClient = undefined;
    this.endMirroring();
    this.setLinked(false);
  }

  /** Ends the session, and looks for a host over other channels. */
  moveTo(own: {channel?: OpenChannel | undefined; locks?: Locks | undefined}): void {
    this.close();
    this.platform = browserPlatform({...own, clock: this.options.clock});
    this.open();
  }

  /** The page enters the back/forward cache. No message reaches it until `resume`. */
  suspend(): void {
    this.endMirroring();
    this.sessionClient?.suspend();
  }

  resume(): void {
    this.sessionClient?.resume();
  }

  send(message: Message): void {
    this.sessionClient?.send(message);
  }

  /** A message from the host is invalid. The tab requests everything that the message may concern again. */
  resynchronize(reason: string): void {
    this.log.warn(warning('WARN_TABS_RESYNCHRONIZING', 'resynchronizing with the host'), reason);
    this.sessionClient?.reconnect(reason);
  }

  /** Calls the host. Rejects with the host's error, ERR_TABS_SESSION_ENDED, ERR_TABS_TIMEOUT or ERR_TABS_CLOSED. */
  call<Name extends keyof CallsToHost>(name: Name, ...args: ArgsOfCall<Name>): Promise<CallsToHost[Name]['result']>;
  // The table of calls gives the type of the result.
  call(name: string, args: unknown = null): Promise<any> {
    const answer = this.sessionClient?.call(name, args, CALL_TIMEOUT_MS) ?? Promise.reject(closed());
    return answer.catch((error: unknown) => { throw this.events.isClosed ? closed() : error; });
  }

  /**
   * Sends all waiting messages at once, because no further task runs in a page that is unloaded. Ops in flight are sent again as
   * orphaned ops.
   * @param forGood whether the page can't return
   */
  sendOrphanedOps(ops: OrphanedOpsMessage | undefined, forGood: boolean): void {
    const {sessionClient} = this;
    if (ops) sessionClient?.send({a: 'tab.orphanedOps', ops});
    if (forGood) sessionClient?.sendEnd();
    else sessionClient?.flush();
  }

  /** Hands ops to the host. @returns whether there is a host */
  handOver(ops: OrphanedOpsMessage | undefined): boolean {
    const isConnected = this.sessionClient?.state === 'connected';
    if (isConnected && ops) this.send({a: 'tab.orphanedOps', ops});
    return isConnected;
  }

  /** Notifies the host whether the page is visible. The host asks visible tabs for tokens first. */
  setVisible(isVisible: boolean): void {
    this.isVisible = isVisible;
    if (this.options.getToken && this.isLinked) this.send({a: 'tab.visible', visible: isVisible});
  }

  /** The host has no store and asks tabs to mirror its content. The code for this is loaded on demand, because most hosts have a store. */
  offerMirror(): void {
    const {platform, tabId, options: {namespace = 'default'}} = this;
    (this.mirrorRole ??= new OnDemand(
      async () => new (await import('./mirror-role.js')).MirrorRole(platform, namespace, tabId),
      error => this.log.warn(warning('WARN_TABS_NO_MIRROR', 'this tab keeps nothing for a host without a store'), error)
    )).ask(role => role.offer());
  }

  private endMirroring(): void {
    this.mirrorRole?.end(role => role.end());
    this.mirrorRole = undefined;
  }

  private begin(continues: boolean): void {
    const {scopes} = this.log;
    if (scopes.length) this.send({a: 'tab.debug', scopes});
    // The mirrored content belongs to another history.
    if (!continues) this.endMirroring();
    // The host must receive the lost ops before the tab resumes without them.
    this.lostOps.handOver();
    this.events.onBegin(continues);
    this.setLinked(true);
    this.setVisible(this.isVisible);
  }

  private setLinked(isLinked: boolean): void {
    if (this.isLinked === isLinked) return;
    this.isLinked = isLinked;
    this.events.onLinked(isLinked);
  }

  // ---- events of the session client

  greet(hello: Hello): Channel | undefined {
    return this.finder?.greet(hello);
  }

  onOpen(): void {
    this.begin(false);
  }

  onUnanswered(): void {
    this.setLinked(false);
  }

  onConnected(continues: boolean, cleared: Clearing | undefined): void {
    // After a sign-out, no data of the former user may reach the next user's host.
    if (this.finder?.closeIfCleared?.(cleared)) return;
    this.refusedBy = undefined;
    const {sessionClient} = this;
    this.log.debug('link', () => `connected to host ${sessionClient!.epoch} (${sessionClient!.place}), which ${continues ? 'continues' : 'starts anew'}`);
    if (!this.isLinked) this.begin(continues);
    // The messages are sent before the event, so that the host handles them in parallel with the app's listeners.
    sessionClient!.flush();
    this.events.onConnected();
  }

  onLost(reason: string): void {
    this.log.debug('link', () => `lost the host: ${reason}`);
    this.setLinked(false);
    this.events.onLost();
  }

  onBatch(n: number, durable: number, isDown: boolean): void {
    this.events.onBatch(n, durable, isDown);
  }

  onMessage(message: Message): void {
    this.events.onMessage(message);
  }

  onCall(name: string): unknown {
    if (name === 'tab.token' && this.options.getToken) return this.options.getToken();
    if (name === 'tab.report') return this.events.report();
    throw new TabsError('ERR_MESSAGE_BADLY_FORMED', `Unknown call ${name}`);
  }

  onMalformed(what: unknown): void {
    this.log.warn(warning('WARN_TABS_MALFORMED', 'dropped a malformed message of the host'), what);
  }

  onSilence(reason: string): void {
    this.sessionClient?.reconnect(reason);
    this.finder?.handleSilence?.(reason);
  }

  onRefused(hostProtocol: number): void {
    this.finder?.handleRefused?.();
    if (this.refusedBy !== hostProtocol) this.events.onRefused(hostProtocol);
    this.refusedBy = hostProtocol;
  }
}

/** The error of calls on a closed connection. */
export const closed = (what = ''): TabsError => new TabsError('ERR_TABS_CLOSED', `The connection is closed${what}`);
