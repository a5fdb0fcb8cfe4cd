import {
  SUSPENDED, isApart, parseGreetingMessage, parseTabChannelMessage, type Batch, type TakeoverRequest, type End, type Hello, type Place
} from '../protocol/frames.js';
import {isLater, type Clearing} from '../protocol/clearing.js';
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
 * How a session ended. 'broken': the tab returns at once. 'away': the tab is not there, and may return. 'gone': the tab will not
 * return.
 */
export type Ending = 'broken' | 'away' | 'gone';

/** The owner of the session server returns these handlers for each session. */
export interface SessionHandlers {
  onMessage(message: Message): void;
  onCall(name: string, args: unknown): unknown;
  onMalformed(what: string): void;
  /** The session ended. 'gone' may follow another ending. */
  onEnd(how: Ending): void;
}

/**
 * How long the host keeps a page in the back/forward cache, which holds no lock. Browsers discard such pages after 10 to 60
 * minutes.
 */
const AWAY_MS = 30 * 60_000;
/** How long a tab without a lock may be silent, in ms, before the host asks it, and how long it has to answer. */
const SILENT_MS = 30_000;
/** This many ms after a tab's lock is free, its last messages have arrived. */
const DRAIN_MS = 50;
/**
 * If a tab's lock is free and the tab sent no end, the tab has crashed, or a busy machine delays the message that its page was
 * suspended. It may return for this many ms.
 */
const RETURN_MS = 60_000;

export interface SessionServerOptions {
  namespace: string;
  epoch: Epoch;
  generation: number;
  place: Place;
  build: string;
  lineage: string;
  /** Resolves when this host would know that it has been replaced. Without it, the host does not check. */
  catchUp?: (() => Promise<unknown>) | undefined;
  /** The last clearing of the namespace before this host began. */
  cleared?: Clearing | undefined;
  /** Holds back messages whose content is not durable yet. */
  durability?: Durability | undefined;
}

export interface SessionServerEvents {
  /** A session began. */
  accept(hello: Hello, session: HostSession): SessionHandlers;
  /** Another host waits for the host lock. */
  onTakeoverRequest(candidate: TakeoverRequest): void;
  /** The namespace was cleared after this host began: a tab that began later must not see what the host has. */
  onCleared(): void;
  /** A later host exists: a tab has replaced this one because it did not answer. */
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
  /** The handlers of the session before, if there is no session now. */
  former?: SessionHandlers | undefined;
  stopWatching: () => void;
  /** When the tab's last message arrived, in ms since the epoch. */
  heardAt: number;
}

/**
 * A host's side of the broker. It answers greetings, keeps one session per tab, on a channel or a port, and learns of the tabs'
 * deaths from their locks.
 */
export class SessionServer {
  private readonly greetingChannel: Channel;
  private readonly staleMessages: StaleMessageGate | undefined;
  private readonly peers = new Map<TabId, Peer>();
  /** Tabs that may return; each function ends the waiting. */
  private readonly returnTimeouts = new Map<TabId, () => void>();
  private sessions = 0;
  private readonly due: (() => void)[] = [];
  private inTurn = false;
  private closed = false;
  /** Whether no tab is welcomed any more. */
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

  /** Tells the tabs that this host exists. */
  announce(): void {
    const {epoch, generation} = this.options;
    this.greetingChannel.postMessage({type: 'here', protocol: PROTOCOL_VERSION, epoch, generation});
  }

  private receive(data: unknown): void {
    const message = parseGreetingMessage(data);
    if (!message || this.closed) return;
    if (message.type === 'candidate') return this.events.onTakeoverRequest(message);
    if (message.generation > this.options.generation) return this.events.onSuperseded();
    if (message.type === 'hello' && !this.isRefusing && !this.isCleared(message)) this.receiveHello(message);
  }

  /** Welcomes no tab any more. Each waits for the next host. */
  refuse(): void {
    this.isRefusing = true;
  }

  private isCleared({cleared}: Hello): boolean {
    const isCleared = isLater(cleared, this.options.cleared);
    if (isCleared) this.events.onCleared();
    return isCleared;
  }

  /**
   * Handles a greeting that came on a port.
   * @param isWatched whether to watch for the tab's death; a client in this thread ends with it
   * @returns whether the tab was welcomed. If not, it will greet on the greeting channel.
   */
  admit(hello: Hello, port: Channel, isWatched = true): boolean {
    const isOvertaken = hello.attempt <= (this.peers.get(hello.tabId)?.attempt ?? 0);
    if (this.closed || isOvertaken || hello.protocol !== PROTOCOL_VERSION || hello.generation > this.options.generation) return false;
    if (this.isRefusing || this.isCleared(hello)) return false;
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
    // The greeting was welcomed already on a port; the tab may not know it yet.
    if (peer.session && hello.attempt <= peer.attempt) return;
    peer.channel ??= this.openChannel(hello.tabId, peer);
    if (hello.protocol === PROTOCOL_VERSION) return this.welcome(hello, peer);
    peer.channel.postMessage({type: 'refusal', attempt: hello.attempt, protocol: PROTOCOL_VERSION});
    if (!peer.session) this.dismiss(hello.tabId, peer, 'gone', 'refused');
  }

  private welcome(hello: Hello, peer: Peer, port?: Channel, isWatched = true): void {
    const {epoch, generation, place, lineage, durability} = this.options;
    const channel = port ?? peer.channel!;
    this.endSession(peer, 'broken');
    this.returnTimeouts.get(hello.tabId)?.();
    this.returnTimeouts.delete(hello.tabId);
    const id = port ? hello.session : (`${epoch}/${++this.sessions}` as SessionId);
    // `handlers` is set before any message can arrive: the other side needs the session's id to send one.
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
        session.sayEnd(reason);
        this.endSession(peer, 'broken');
      }
    });
    peer.session = session;
    peer.port = port;
    peer.attempt = hello.attempt;
    channel.postMessage({type: 'welcome', attempt: hello.attempt, epoch, generation, place, lineage, session: id});
    peer.handlers = this.events.accept(hello, session);
    // Messages that came on the port before are delivered from now on.
    if (port) port.onmessage = event => this.hear(hello.tabId, peer, event.data);
    if (!isWatched) return;
    if (hello.locked) this.watchLock(hello.tabId, peer);
    else this.watchSilence(hello.tabId, peer);
  }

  /** Messages of one turn for many tabs leave together at its end. */
  private flushSoon(flush: () => void): void {
    this.due.push(flush);
    this.beginTurn();
  }

  /**
   * The messages of this turn leave before anything that starts later, such as a commit. If the host shares its process with the
   * tabs, they leave as late as ShareDB's own events.
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
      peer = {attempt: 0, session: undefined, handlers: undefined, stopWatching: () => {}, heardAt: this.platform.clock.now()};
      this.peers.set(tabId, peer);
    }
    return peer;
  }

  private openChannel(tabId: TabId, peer: Peer): Channel {
    const channel = this.platform.channel(tabChannelName(this.options.namespace, tabId));
    channel.onmessage = event => this.hear(tabId, peer, event.data);
    channel.unref?.();
    return channel;
  }

  private hear(tabId: TabId, peer: Peer, data: unknown): void {
    const message = parseTabChannelMessage(data);
    peer.heardAt = this.platform.clock.now();
    if (message?.type === 'batch') this.whenKnown(message, () => {
      this.beginTurn();
      peer.session?.receive(message);
    });
    else if (message?.type === 'end') this.whenKnown(message, () => this.handleEnd(tabId, peer, message));
    else if (message?.type === 'locked' && message.session === peer.session?.id) this.watchLock(tabId, peer);
  }

  private whenKnown({time}: Pick<Batch | End, 'time'>, act: () => void): void {
    // Messages that waited on a port for this host to open are not stale.
    if (this.staleMessages && time !== undefined) this.staleMessages.receive(Math.max(time, this.openedAt), act);
    else act();
  }

  private handleEnd(tabId: TabId, peer: Peer, {from, session, reason}: End): void {
    if (from !== 'tab' || session !== peer.session?.id) return;
    if (reason === SUSPENDED) this.markAway(tabId, peer, SUSPENDED, AWAY_MS);
    else this.dismiss(tabId, peer, 'gone', reason);
  }

  /** The tab has released its lock. It returns with a greeting within this many ms, or not at all. */
  private markAway(tabId: TabId, peer: Peer, reason: string, ms: number): void {
    const {handlers = peer.former} = peer;
    this.dismiss(tabId, peer, 'away', reason);
    this.startReturnTimeout(tabId, ms, () => handlers?.onEnd('gone'));
  }

  /** Watches a tab that an earlier host knew and that has not greeted this one. */
  watchAbsent(tabId: TabId, onGone: () => void): void {
    const {locks} = this.platform;
    const begin = (): void => { if (!this.peers.has(tabId)) this.startReturnTimeout(tabId, AWAY_MS, onGone); };
    if (!locks) return begin();
    // A live tab holds its lock unless its page is suspended.
    void locks.request(tabLockName(this.options.namespace, tabId), {}, begin).catch(() => {});
  }

  /** Calls back if the tab has not returned after this many ms. */
  private startReturnTimeout(tabId: TabId, ms: number, onGone: () => void): void {
    this.returnTimeouts.get(tabId)?.();
    // The time in which the computer sleeps is no tab's time to come back.
    const cancel = afterWaking(this.platform.clock.after, ms, () => {
      this.returnTimeouts.delete(tabId);
      if (!this.closed) onGone();
    });
    this.returnTimeouts.set(tabId, cancel);
  }

  /** Waits for the tab's lock. The browser releases it when the tab dies. */
  private watchLock(tabId: TabId, peer: Peer): void {
    peer.stopWatching();
    if (!this.platform.locks) return;
    const abort = new AbortController();
    peer.stopWatching = () => abort.abort();
    void this.platform.locks
      .request(tabLockName(this.options.namespace, tabId), {signal: abort.signal}, () => {
        this.whenDrained(() => {
          // By now the host may know that the tab was only suspended, or it has returned. WebKit suspends a worker with its page.
          if (!abort.signal.aborted) this.markAway(tabId, peer, 'the tab released its lock', RETURN_MS);
        });
      })
      .catch(() => {});
  }

  /**
   * A dying tab's last messages can arrive after its lock is free (WebKit, Firefox). If messages are held back as stale, the
   * check waits behind them.
   */
  private whenDrained(act: () => void): void {
    const {clock} = this.platform;
    const look = (): void => this.whenKnown({time: clock.now()}, act);
    afterWaking(clock.after, DRAIN_MS, look);
  }

  /** Asks a tab that has no lock and was silent for long whether it is still there. */
  private watchSilence(tabId: TabId, peer: Peer): void {
    const {clock} = this.platform;
    peer.stopWatching();
    const cancel = clock.after(SILENT_MS, async () => {
      const ask = async (): Promise<boolean> =>
        !!peer.session && peer.session.call('tab.ping', null, SILENT_MS / 2).then(() => true, () => false);
      // Asks twice: after the computer slept, the time is up before an answer could arrive.
      const isThere = clock.now() - peer.heardAt < SILENT_MS || await ask() || await ask();
      // While it was asked, it may have said that it holds its lock: that watch is not to be given up for this one.
      if (this.peers.get(tabId) !== peer || peer.stopWatching !== cancel) return;
      if (isThere) this.watchSilence(tabId, peer);
      else this.dismiss(tabId, peer, 'gone', 'the tab did not answer');
    });
    peer.stopWatching = cancel;
  }

  private dismiss(tabId: TabId, peer: Peer, how: Ending, reason: string): void {
    // If the tab is alive after all, this makes it look for its host again.
    peer.session?.sayEnd(reason);
    this.endSession(peer, how);
    peer.stopWatching();
    this.peers.delete(tabId);
    nextTick(() => peer.channel?.close());
  }

  private endSession(peer: Peer, how: Ending): void {
    // A tab can be gone after its session has ended for another reason.
    const handlers = peer.handlers ?? (how === 'broken' ? undefined : peer.former);
    peer.former = handlers;
    peer.session?.end();
    // Messages that were posted on the port still arrive.
    peer.port?.close();
    peer.session = peer.port = undefined;
    peer.handlers = undefined;
    handlers?.onEnd(how);
  }
}
