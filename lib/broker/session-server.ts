import {
  SUSPENDED, isApart, parseTabChannelMessage, type Batch, type TakeoverRequest, type End, type Hello, type Place
} from '../protocol/frames.js';
import {isLater, type Clearing} from '../protocol/clearing.js';
import {parseGreetingMessage} from '../protocol/greeting-guards.js';
import type {Epoch, SessionId, TabId} from '../protocol/ids.js';
import {PROTOCOL_VERSION, greetingChannelName, tabChannelName, tabLockName} from '../protocol/version.js';
import {nextTick} from '../platform/next-tick.js';
import {afterWaking} from '../platform/after-waking.js';
import {runAll} from '../platform/run-all.js';
import type {Channel, Platform} from '../platform/platform.js';
import {StaleMessageGate} from './stale-message-gate.js';
import {HostSession, type Durability} from './host-session.js';
import type {Message} from './session.js';

/**
 * How a session ended.
 * - 'broken': the tab is expected to greet again at once.
 * - 'away': the tab is suspended or has released its lock, and may return.
 * - 'gone': the tab does not return.
 */
export type Ending = 'broken' | 'away' | 'gone';

/** The handlers of one session. The owner of the session server supplies them. */
export interface SessionHandlers {
  onMessage(message: Message): void;
  onCall(name: string, args: unknown): unknown;
  onMalformed(what: string): void;
  /** The session has ended. May be called again, with 'away' or 'gone'. */
  onEnd(how: Ending): void;
}

/**
 * How long a suspended page may take to return, in ms. It holds no lock. Browsers discard pages from the back/forward cache after
 * 10 to 60 minutes.
 */
const AWAY_MS = 30 * 60_000;
/** How long a tab without a lock may send nothing, in ms, before the host pings it, and how long the tab then has to answer. */
const SILENT_MS = 30_000;
/** How long the last messages of a tab may take to arrive after its lock is free, in ms. */
const DRAIN_MS = 50;
/**
 * How long a tab may take to return, in ms, if its lock is free and it has sent no `end`. Usually it has crashed, but on a busy
 * machine the message that the page was suspended can also be late.
 */
const RETURN_MS = 60_000;

export interface SessionServerOptions {
  namespace: string;
  epoch: Epoch;
  generation: number;
  place: Place;
  build: string;
  lineage: string;
  /** Resolves when this host must have been notified if it was replaced. If missing, late messages are not held back. */
  catchUp?: (() => Promise<unknown>) | undefined;
  /** Returns the last clearing of the namespace before this host started. */
  cleared?: (() => Clearing | undefined) | undefined;
  /** Messages to tabs are held back until their content is durable. If missing, they are sent at once. */
  durability?: Durability | undefined;
}

export interface SessionServerEvents {
  /** A session has begun. */
  accept(hello: Hello, session: HostSession): SessionHandlers;
  /** Another host waits for the host lock. */
  onTakeoverRequest(candidate: TakeoverRequest): void;
  /** The namespace was cleared after this host started. A tab that started after the clearing must not see this host's data. */
  onCleared(): void;
  /** A host of a higher generation exists. */
  onSuperseded(): void;
}

interface Peer {
  /** Opened at the first greeting on the greeting channel. */
  channel?: Channel;
  /** The port that the tab greeted on, for this session. */
  port?: Channel | undefined;
  /** The number of the tab's last greeting that was welcomed. */
  attempt: number;
  session: HostSession | undefined;
  handlers: SessionHandlers | undefined;
  /** The handlers of the last session that ended. */
  former?: SessionHandlers | undefined;
  stopWatching: () => void;
  /** When the tab's last message arrived, in ms since the epoch. */
  lastMessageAt: number;
}

/**
 * A host's side of the broker. It answers greetings, keeps one session per tab, on a channel or a port, and detects from the tabs'
 * locks that tabs have ended.
 */
export class SessionServer {
  private readonly greetingChannel: Channel;
  private readonly staleMessages: StaleMessageGate | undefined;
  private readonly peers = new Map<TabId, Peer>();
  /** The tabs that may return. Each function cancels the tab's timeout. */
  private readonly returnTimeouts = new Map<TabId, () => void>();
  private sessions = 0;
  private readonly due: (() => void)[] = [];
  private inTurn = false;
  private closed = false;
  /** Whether the server welcomes no more tabs. */
  isRefusing = false;
  private readonly openedAt: number;

  constructor(
    private readonly platform: Platform,
    private readonly options: SessionServerOptions,
    private readonly events: SessionServerEvents
  ) {
    const {catchUp} = options;
    this.openedAt = platform.clock.now();
    this.staleMessages = catchUp && new StaleMessageGate(platform.clock, catchUp);
    this.greetingChannel = platform.channel(greetingChannelName(options.namespace));
    this.greetingChannel.onmessage = event => this.receive(event.data);
    this.greetingChannel.unref?.();
  }

  /** Announces this host on the greeting channel. */
  announce(): void {
    const {epoch, generation} = this.options;
    this.greetingChannel.postMessage({type: 'here', protocol: PROTOCOL_VERSION, epoch, generation});
  }

  private receive(data: unknown): void {
    const message = parseGreetingMessage(data);
    if (!message || this.closed) return;
    if (message.type === 'candidate') return this.events.onTakeoverRequest(message);
    if (message.generation > this.options.generation) return this.events.onSuperseded();
    if (message.type === 'hello' && !this.refuses(message)) this.receiveHello(message);
  }

  /** Welcomes no more tabs. They wait for the next host. */
  refuse(): void {
    this.isRefusing = true;
  }

  private refuses(hello: Hello): boolean {
    return this.isRefusing || this.isCleared(hello);
  }

  private isCleared({cleared}: Hello): boolean {
    const isCleared = isLater(cleared, this.options.cleared?.());
    if (isCleared) this.events.onCleared();
    return isCleared;
  }

  /**
   * Handles a greeting that has arrived on a port.
   * @param isWatched whether to detect that the tab has ended. Not necessary for a client in this thread.
   * @returns whether the tab was welcomed. If not, it will greet on the greeting channel.
   */
  admit(hello: Hello, port: Channel, isWatched = true): boolean {
    const isOvertaken = hello.attempt <= (this.peers.get(hello.tabId)?.attempt ?? 0);
    if (this.closed || isOvertaken || hello.protocol !== PROTOCOL_VERSION || hello.generation > this.options.generation) return false;
    if (this.refuses(hello)) return false;
    this.welcome(hello, this.peerOf(hello.tabId), port, isWatched);
    return true;
  }

  /** Ends all sessions. The tabs look for another host. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.staleMessages?.end();
    for (const [tabId, peer] of this.peers) {
      peer.session?.flush();
      this.dismiss(tabId, peer, 'broken', 'the host closed');
    }
    for (const cancel of this.returnTimeouts.values()) cancel();
    nextTick(() => this.greetingChannel.close());
  }

  private receiveHello(hello: Hello): void {
    const peer = this.peerOf(hello.tabId);
    // The greeting was already welcomed on a port, but the welcome may not have arrived yet.
    if (peer.session && hello.attempt <= peer.attempt) return;
    peer.channel ??= this.openChannel(hello.tabId, peer);
    if (hello.protocol === PROTOCOL_VERSION) return this.welcome(hello, peer);
    peer.channel.postMessage({type: 'refusal', attempt: hello.attempt, protocol: PROTOCOL_VERSION});
    if (!peer.session) this.dismiss(hello.tabId, peer, 'gone', 'refused');
  }

  private welcome(hello: Hello, peer: Peer, port?: Channel, isWatched = true): void {
    const {epoch, generation, place, lineage, durability, cleared} = this.options;
    const channel = port ?? peer.channel!;
    this.endSession(peer, 'broken');
    this.returnTimeouts.get(hello.tabId)?.();
    this.returnTimeouts.delete(hello.tabId);
    const id = port ? hello.session : (`${epoch}/${++this.sessions}` as SessionId);
    // `handlers` is set before a message can arrive, because messages arrive in later turns.
    const session: HostSession = new HostSession({
      id,
      side: 'host',
      channel,
      clock: this.platform.clock,
      nextTick: flush => this.flushSoon(flush),
      durability,
      onMessage: message => peer.handlers?.onMessage(message),
      onCall: (name, args) => peer.handlers?.onCall(name, args),
      onMalformed: what => peer.handlers?.onMalformed(what),
      onBroken: reason => {
        session.sendEnd(reason);
        this.endSession(peer, 'broken');
      }
    });
    peer.session = session;
    peer.port = port;
    peer.attempt = hello.attempt;
    channel.postMessage({type: 'welcome', attempt: hello.attempt, epoch, generation, place, lineage, session: id, cleared: cleared?.()});
    peer.handlers = this.events.accept(hello, session);
    // Setting `onmessage` starts the port and delivers the messages that have waited in it.
    if (port) port.onmessage = event => this.onChannelMessage(hello.tabId, peer, event.data);
    if (!isWatched) return;
    if (hello.locked) this.watchLock(hello.tabId, peer);
    else this.watchSilence(hello.tabId, peer);
  }

  /** Flushes a session at the end of the turn, together with the other sessions. */
  private flushSoon(flush: () => void): void {
    this.due.push(flush);
    this.beginTurn();
  }

  /**
   * In a worker, the messages of a turn are posted in a microtask, so that they are sent before a commit begins. A host in the same
   * thread as its tab posts them in the next tick, when ShareDB would emit its events.
   */
  private beginTurn(): void {
    if (this.inTurn) return;
    this.inTurn = true;
    const later = isApart(this.options.place) ? queueMicrotask : nextTick;
    later(() => {
      this.inTurn = false;
      runAll(this.due.splice(0));
    });
  }

  private peerOf(tabId: TabId): Peer {
    let peer = this.peers.get(tabId);
    if (!peer) {
      peer = {attempt: 0, session: undefined, handlers: undefined, stopWatching: () => {}, lastMessageAt: this.platform.clock.now()};
      this.peers.set(tabId, peer);
    }
    return peer;
  }

  private openChannel(tabId: TabId, peer: Peer): Channel {
    const channel = this.platform.channel(tabChannelName(this.options.namespace, tabId));
    channel.onmessage = event => this.onChannelMessage(tabId, peer, event.data);
    channel.unref?.();
    return channel;
  }

  private onChannelMessage(tabId: TabId, peer: Peer, data: unknown): void {
    const message = parseTabChannelMessage(data);
    peer.lastMessageAt = this.platform.clock.now();
    if (message?.type === 'batch') this.whenKnown(message, () => {
      this.beginTurn();
      peer.session?.receive(message);
    });
    else if (message?.type === 'end') this.whenKnown(message, () => this.handleEnd(tabId, peer, message));
    else if (message?.type === 'locked' && message.session === peer.session?.id) this.watchLock(tabId, peer);
  }

  private whenKnown({time}: Pick<Batch | End, 'time'>, act: () => void): void {
    // A message that waited in a port until this host opened is not late.
    if (this.staleMessages && time !== undefined) this.staleMessages.receive(Math.max(time, this.openedAt), act);
    else act();
  }

  private handleEnd(tabId: TabId, peer: Peer, {from, session, reason}: End): void {
    if (from !== 'tab' || session !== peer.session?.id) return;
    if (reason === SUSPENDED) this.markAway(tabId, peer, SUSPENDED, AWAY_MS);
    else this.dismiss(tabId, peer, 'gone', reason);
  }

  /** Ends the session of a tab that holds no lock. If the tab does not greet again within `ms`, it counts as gone. */
  private markAway(tabId: TabId, peer: Peer, reason: string, ms: number): void {
    const {handlers = peer.former} = peer;
    this.dismiss(tabId, peer, 'away', reason);
    this.startReturnTimeout(tabId, ms, () => handlers?.onEnd('gone'));
  }

  /** Calls back if a tab that an earlier host knew has ended, or does not greet this host in time. */
  watchAbsent(tabId: TabId, onGone: () => void): void {
    const begin = (): void => { if (!this.peers.has(tabId)) this.startReturnTimeout(tabId, AWAY_MS, onGone); };
    // A running tab holds its lock, so the timeout starts only when the tab has ended or its page is suspended.
    if (!this.whenUnlocked(tabId, begin)) begin();
  }

  /**
   * Calls back when a tab that an earlier host knew does not hold its lock, because it has ended or its page is suspended.
   * @returns false if there are no locks
   */
  whenUnlocked(tabId: TabId, callback: () => void): boolean {
    const {locks} = this.platform;
    void locks?.request(tabLockName(this.options.namespace, tabId), {}, () => { if (!this.closed) callback(); }).catch(() => {});
    return !!locks;
  }

  /** Calls back if the tab has not returned after this many ms. */
  private startReturnTimeout(tabId: TabId, ms: number, onGone: () => void): void {
    this.returnTimeouts.get(tabId)?.();
    // A tab can't return while the computer sleeps, so that time does not count.
    const cancel = afterWaking(this.platform.clock.after, ms, () => {
      this.returnTimeouts.delete(tabId);
      if (!this.closed) onGone();
    });
    this.returnTimeouts.set(tabId, cancel);
  }

  /** Waits for the tab's lock, which the browser releases when the tab ends. */
  private watchLock(tabId: TabId, peer: Peer): void {
    peer.stopWatching();
    if (!this.platform.locks) return;
    const abort = new AbortController();
    peer.stopWatching = () => abort.abort();
    void this.platform.locks
      .request(tabLockName(this.options.namespace, tabId), {signal: abort.signal}, () => {
        this.whenDrained(() => {
          // Meanwhile the tab may have reported that it is suspended, or may have returned. WebKit suspends a worker with its page.
          if (!abort.signal.aborted) this.markAway(tabId, peer, 'the tab released its lock', RETURN_MS);
        });
      })
      .catch(() => {});
  }

  /**
   * The last messages of a tab can arrive after its lock is free (WebKit, Firefox). `act` also waits behind messages that are held
   * back because they are late.
   */
  private whenDrained(act: () => void): void {
    const {clock} = this.platform;
    const look = (): void => this.whenKnown({time: clock.now()}, act);
    afterWaking(clock.after, DRAIN_MS, look);
  }

  /** Pings a tab without a lock when it has sent nothing for a while, and ends its session if it does not answer. */
  private watchSilence(tabId: TabId, peer: Peer): void {
    const {clock} = this.platform;
    peer.stopWatching();
    const cancel = clock.after(SILENT_MS, async () => {
      const ask = async (): Promise<boolean> =>
        !!peer.session && peer.session.call('tab.ping', null, SILENT_MS / 2).then(() => true, () => false);
      // There is a second ping, because the first may time out at once after the computer has slept.
      const isThere = clock.now() - peer.lastMessageAt < SILENT_MS || await ask() || await ask();
      // Meanwhile the tab may have reported its lock, or may have greeted again. Then another watch has replaced this one.
      if (this.peers.get(tabId) !== peer || peer.stopWatching !== cancel) return;
      if (isThere) this.watchSilence(tabId, peer);
      else this.dismiss(tabId, peer, 'gone', 'the tab did not answer');
    });
    peer.stopWatching = cancel;
  }

  private dismiss(tabId: TabId, peer: Peer, how: Ending, reason: string): void {
    // A tab that still runs greets again when it receives this.
    peer.session?.sendEnd(reason);
    this.endSession(peer, how);
    peer.stopWatching();
    this.peers.delete(tabId);
    nextTick(() => peer.channel?.close());
  }

  private endSession(peer: Peer, how: Ending): void {
    // If the session has ended before, the handlers are still notified that the tab is away or gone.
    const handlers = peer.handlers ?? (how === 'broken' ? undefined : peer.former);
    peer.former = handlers;
    peer.session?.end();
    // Messages that were posted on the port before still arrive at the tab.
    peer.port?.close();
    peer.session = peer.port = undefined;
    peer.handlers = undefined;
    handlers?.onEnd(how);
  }
}
