import {
  CLOSED, SUSPENDED, isApart, parseLobbyMessage, parseTabChannelMessage, type Hello, type Place, type TabChannelMessage, type Welcome
} from '../protocol/frames.js';
import type {Epoch, SessionId, TabId} from '../protocol/ids.js';
import {PROTOCOL_VERSION, lobbyName, tabChannelName, tabLockName} from '../protocol/version.js';
import type {Channel, Platform} from '../platform/platform.js';
import {nextTick} from '../platform/next-tick.js';
import {TabsError} from '../protocol/errors.js';
import {Session, type Message} from './session.js';
import {Watchdog} from './watchdog.js';

/** A tab without a session greets again after so long; announcements normally come first. */
const GREET_EVERY_MS = 1000;
/** How long a host may be silent, in ms, before it is asked; and how long it may take to answer. */
const PATIENCE_MS = 5000;

export type HostState = 'connecting' | 'connected' | 'lost';

export interface HostLinkEvents {
  /** A session began. `continues`: the host knows the histories that this tab has followed so far. */
  onConnected(continues: boolean): void;
  /** The session ended; a new one is being sought unless the link was closed. */
  onLost(reason: string): void;
  /** A port to the host of this session, if there is one: it is faster than a channel. */
  openPort(session: SessionId, place: Place): Channel | undefined;
  /** The next messages are of batch `n`. The next host may not know the revisions in batches later than `durable`. */
  onBatch(n: number, durable: number): void;
  onMessage(message: Message): void;
  /** Answers the host's calls; what it throws or rejects with is the reply's error. */
  onCall(name: string, args: unknown): unknown;
  onMalformed(what: string): void;
  /** The host has not answered for long, although it may be alive. */
  onSilence(reason: string): void;
  /** The host speaks another version of the protocol than this tab. */
  onRefused(hostProtocol: number): void;
}

/** A tab's side of the broker: finds the host, keeps a session with it, finds the next one. */
export class HostLink {
  state: HostState = 'connecting';
  epoch: Epoch | undefined;
  /** Whose histories this tab follows. */
  lineage: string | undefined;
  /** Where the last host lives that answered. */
  place: Place | undefined;
  /** The highest generation of hosts that this tab has heard of: earlier ones have been replaced. */
  generation = 0;
  private lobby: Channel | undefined;
  private channel: Channel | undefined;
  private session: Session | undefined;
  /** Offered to the host, for this session. */
  private port: Channel | undefined;
  private watchdog: Watchdog | undefined;
  private attempt = 0;
  private isGreeting = false;
  private isLocked = false;
  private hasAskedForLock = false;
  /** What the last greeting told of the lock. */
  private hasGreetedLocked = false;
  /** It does not greet before it has its lock. */
  private awaitsLock = false;
  private closed = false;
  private isSuspended = false;
  private releaseLock: () => void = () => {};
  private cancelGreeting: () => void = () => {};

  constructor(
    private readonly platform: Platform,
    readonly namespace: string,
    readonly tabId: TabId,
    private readonly events: HostLinkEvents,
    private readonly patience = PATIENCE_MS
  ) {
    this.open();
  }

  private open(): void {
    const {platform, namespace, tabId} = this;
    this.channel = platform.channel(tabChannelName(namespace, tabId));
    this.channel.onmessage = event => this.receive(parseTabChannelMessage(event.data));
    this.lobby = platform.channel(lobbyName(namespace));
    this.lobby.onmessage = event => {
      const message = parseLobbyMessage(event.data);
      if (message?.type !== 'here' || message.generation < this.generation) return;
      this.generation = message.generation;
      if (message.epoch !== this.epoch || !this.session) this.greet();
    };
    this.channel.unref?.();
    this.lobby.unref?.();
    if (this.awaitsLock) this.takeLock();
    this.greet();
  }

  send(message: Message): void {
    this.session?.send(message);
    this.watchdog?.expect();
  }

  call(name: string, args: unknown, timeout: number): Promise<unknown> {
    if (this.session) return this.session.call(name, args, timeout);
    return Promise.reject(new TabsError('ERR_TABS_SESSION_ENDED', `No session with a host: ${name} was not asked`));
  }

  /** Sends at once what is waiting: a page that is going away has no next turn. */
  flush(): void {
    this.session?.flush();
  }

  /** Ends the session and seeks a new one, as after a lost network. */
  reconnect(reason: string): void {
    if (!this.session) return;
    this.dropSession(reason);
    this.greet();
  }

  /** Tells the host, while there is still time, that this tab will not be there any more. */
  sayGoodbye(reason = CLOSED): void {
    if (!this.session) return;
    this.session.flush();
    this.session.sayEnd(reason);
  }

  /**
   * Lets go of everything that would keep the page out of the back/forward cache, where nothing reaches it.
   * At once: a page that goes away has no next turn.
   */
  suspend(): void {
    if (this.closed || this.isSuspended) return;
    this.isSuspended = true;
    this.cancelGreeting();
    this.sayGoodbye(SUSPENDED);
    if (this.session) this.dropSession('the page was put away');
    this.letGo();
  }

  /** Back from the cache: as after a lost network. */
  resume(): void {
    if (this.closed || !this.isSuspended) return;
    this.isSuspended = false;
    // Another tab may just be handing over what this one had left, and holds its lock for as long as that takes.
    this.awaitsLock = !!this.platform.locks;
    this.open();
  }

  /** Leaves the host for good. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.cancelGreeting();
    this.sayGoodbye();
    this.endSession();
    // In Node a message still under way is lost when its channel closes in the same turn.
    nextTick(() => this.letGo());
  }

  private letGo(): void {
    this.channel?.close();
    this.lobby?.close();
    this.channel = this.lobby = undefined;
    this.releaseLock();
    this.isLocked = this.hasAskedForLock = false;
  }

  /**
   * The lock is held for the tab's life: the host, waiting for it, learns of the tab's death. A new tab does not wait for
   * it: a browser grants it when the page has done what it is at, and that may be the loading of an app. It asks for it
   * when it waits for its host's first answers, or for a host: what the browser asks itself on the way to a lock takes
   * the page's thread a millisecond (traced in Chromium).
   */
  private takeLock(): void {
    if (this.hasAskedForLock) return;
    this.hasAskedForLock = true;
    const {locks} = this.platform;
    void locks?.request(tabLockName(this.namespace, this.tabId), {mode: 'exclusive'}, () => {
      if (this.closed || this.isSuspended) return undefined;
      this.isLocked = true;
      this.session?.sayLocked();
      this.endAwaitingLock();
      return new Promise<void>(release => { this.releaseLock = release; });
    }).catch(() => this.endAwaitingLock());
  }

  private endAwaitingLock(): void {
    if (!this.awaitsLock) return;
    this.awaitsLock = false;
    this.greet();
  }

  private greet(): void {
    if (this.closed || this.isSuspended || this.awaitsLock) return;
    this.cancelGreeting();
    if (this.attempt) this.takeLock();
    this.attempt++;
    this.isGreeting = true;
    this.hasGreetedLocked = this.isLocked;
    const hello: Hello = {
      type: 'hello', protocol: PROTOCOL_VERSION, tabId: this.tabId, attempt: this.attempt, locked: this.isLocked,
      generation: this.generation
    };
    this.lobby?.postMessage(hello);
    this.cancelGreeting = this.platform.clock.after(GREET_EVERY_MS, () => this.greet());
  }

  private receive(message: TabChannelMessage | undefined): void {
    if (!message || this.closed) return;
    switch (message.type) {
      case 'welcome':
        // A host that has been replaced may wake up and answer, too.
        if (this.isGreeting && message.attempt === this.attempt && message.generation >= this.generation) this.begin(message);
        return;
      case 'refusal':
        if (this.isGreeting && message.attempt === this.attempt) this.events.onRefused(message.protocol);
        return;
      case 'batch':
        this.watchdog?.hear();
        return this.session?.receive(message);
      case 'end':
        if (message.from === 'host' && message.session === this.session?.id) this.reconnect(message.reason);
        return;
      case 'move':
        if (message.from === 'host' && message.session === this.session?.id) this.moveToPort();
        return;
      case 'locked':
        // For the host.
        return;
      default:
        message satisfies never;
    }
  }

  private begin(welcome: Welcome): void {
    this.cancelGreeting();
    if (this.session) this.dropSession('the host was replaced');
    const continues = welcome.lineage === this.lineage;
    this.epoch = welcome.epoch;
    this.lineage = welcome.lineage;
    this.place = welcome.place;
    this.generation = welcome.generation;
    this.session = new Session({
      id: welcome.session,
      side: 'tab',
      channel: this.channel!,
      clock: this.platform.clock,
      nextTick,
      isApart: isApart(welcome.place),
      onBatch: (n, durable) => this.events.onBatch(n, durable),
      onMessage: message => this.events.onMessage(message),
      onCall: (name, args) => (name === 'tab.ping' ? null : this.events.onCall(name, args)),
      onMalformed: what => this.events.onMalformed(what),
      onBroken: reason => {
        this.dropSession(reason);
        this.greet();
      }
    });
    const {session, patience} = this;
    if (this.isLocked && !this.hasGreetedLocked) session.sayLocked();
    this.watchdog = new Watchdog({
      clock: this.platform.clock,
      patience,
      // A host in this very page dies with it.
      always: !this.platform.locks && isApart(welcome.place),
      ask: timeout => session.call('host.ping', null, timeout),
      onSilence: () => this.events.onSilence(`The host has been silent for ${2 * patience} ms`)
    });
    this.state = 'connected';
    this.isGreeting = false;
    this.port = this.events.openPort(welcome.session, welcome.place);
    this.events.onConnected(continues);
    this.takeLock();
  }

  /** The host has taken the port, and says the rest there. */
  private moveToPort(): void {
    const {port} = this;
    if (!port || !this.session!.moveTo(port)) return;
    port.onmessage = event => this.receive(parseTabChannelMessage(event.data));
  }

  private dropSession(reason: string): void {
    this.endSession();
    this.events.onLost(reason);
  }

  private endSession(): void {
    this.watchdog?.end();
    this.session?.end();
    this.port?.close();
    this.watchdog = this.session = this.port = undefined;
    this.state = 'lost';
  }
}
