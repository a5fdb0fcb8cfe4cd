import {
  CLOSED, SUSPENDED, isApart, parseHostHere, parseTabChannelMessage,
  type Absent, type Hello, type Place, type Refusal, type TabChannelMessage, type Welcome
} from '../protocol/frames.js';
import type {Clearing} from '../protocol/clearing.js';
import type {Epoch, SessionId, TabId} from '../protocol/ids.js';
import {afterWaking} from '../platform/after-waking.js';
import {PROTOCOL_VERSION, greetingChannelName, tabChannelName, tabLockName} from '../protocol/version.js';
import type {Channel, Platform} from '../platform/platform.js';
import {nextTick} from '../platform/next-tick.js';
import {TabsError} from '../protocol/errors.js';
import {Session, type Message} from './session.js';
import {Watchdog} from './watchdog.js';

/** The interval at which a tab without a session greets, in ms. Usually a host announces itself sooner. */
const GREET_EVERY_MS = 1000;
/** After this many greetings without an answer, the tab assumes that the announced host does not exist. */
const MAX_UNANSWERED = 3;
/** How long a tab waits for an answer on a port, in ms, before it also greets on the greeting channel. */
const PORT_MS = 100;
/** How long a host may send nothing, in ms, before the tab pings it, and how long the host then has to answer. */
const PATIENCE_MS = 5000;

/** The state of a tab's session with its host. */
export type HostState = 'connecting' | 'connected' | 'lost' | 'closed';

export interface SessionClientEvents {
  /**
   * Greets the host that this tab is connected to, if there is one.
   * @returns a port to that host, for the session of this greeting
   */
  greet(hello: Hello): Channel | undefined;
  /** Messages can be sent, although the host has not answered the greeting yet. */
  onOpen(): void;
  /** The first greeting has no answer, and the host may not have received the messages sent after it. */
  onUnanswered(): void;
  /** A session has begun. `continues`: the host has the same lineage as the tab's last host. `cleared`: see {@link Welcome}. */
  onConnected(continues: boolean, cleared: Clearing | undefined): void;
  /** The session has ended. Unless the tab was closed or suspended, it greets again. */
  onLost(reason: string): void;
  /** The next messages belong to batch `n`. The content of batches after `durable` may be lost with the host. See `Batch.down`. */
  onBatch(n: number, durable: number, isDown: boolean): void;
  onMessage(message: Message): void;
  /** Answers a call of the host. The reply has the returned or resolved value, or the thrown or rejected error. */
  onCall(name: string, args: unknown): unknown;
  onMalformed(what: string): void;
  /** The host has not answered a ping. It may still be running. */
  onSilence(reason: string): void;
  /** The host uses another protocol version than this tab. */
  onRefused(hostProtocol: number): void;
}

/** A greeting that has no answer yet. */
interface Greeting {
  hello: Hello;
  /** A port to the host that this tab is connected to. */
  port?: Channel | undefined;
  /** A tab's first session begins when its greeting is posted on a port, so that the tab's requests need not wait for the answer. */
  session?: Session | undefined;
}

/** A tab's side of the broker. It greets hosts and keeps a session with the one that answers. */
export class SessionClient {
  state: HostState = 'connecting';
  epoch: Epoch | undefined;
  /** The lineage of the histories that this tab follows. */
  lineage: string | undefined;
  /** The place of the last host that answered. */
  place: Place | undefined;
  /** The generation of the last host that answered. */
  generation = 0;
  /**
   * The highest generation that was announced to this tab. Hosts with lower ones have been replaced. Any script of the origin
   * can announce a host, so the tab forgets a generation whose host does not answer.
   */
  private announced = 0;
  private unanswered = 0;
  private greetingChannel: Channel | undefined;
  private channel: Channel | undefined;
  /** The session with a host that has answered. @internal */
  session: Session | undefined;
  /** The session's port; undefined if the session uses the tab's channel. */
  private port: Channel | undefined;
  /** @internal */
  watchdog: Watchdog | undefined;
  private attempt = 0;
  private greeting: Greeting | undefined;
  private isLocked = false;
  private hasAskedForLock = false;
  /** Whether the tab must not greet before it holds its lock. */
  private awaitsLock = false;
  private closed = false;
  private isSuspended = false;
  private releaseLock: () => void = () => {};
  private cancelGreeting: () => void = () => {};

  constructor(
    private readonly platform: Platform,
    readonly namespace: string,
    readonly tabId: TabId,
    private readonly events: SessionClientEvents,
    private readonly patience = PATIENCE_MS
  ) {}

  /** Looks for a host. */
  open(): void {
    this.greetingChannel = this.platform.channel(greetingChannelName(this.namespace));
    this.greetingChannel.onmessage = event => {
      const message = parseHostHere(event.data);
      if (!message || message.generation < this.announced) return;
      this.announced = message.generation;
      if (message.epoch === this.epoch && this.session) return;
      // The host may have received this greeting already. A host accepts a greeting number once, so it is sent again unchanged.
      if (this.greeting) this.greetOnChannel();
      else this.greet();
    };
    this.greetingChannel.unref?.();
    if (this.awaitsLock) this.takeLock();
    this.greet();
  }

  send(message: Message): void {
    this.openSession?.send(message);
    this.watchdog?.expect();
  }

  call(name: string, args: unknown, timeout: number): Promise<unknown> {
    return this.openSession?.call(name, args, timeout) ??
      Promise.reject(new TabsError('ERR_TABS_SESSION_ENDED', `No session with a host: the call ${name} was not sent`));
  }

  /** Whether this tab awaits the answer to a call. */
  get hasOpenCalls(): boolean {
    return !!this.openSession?.hasOpenCalls;
  }

  /** Sends waiting messages at once. For a page that is unloaded, no further task runs. */
  flush(): void {
    this.openSession?.flush();
  }

  /** The session that messages are sent on now. */
  private get openSession(): Session | undefined {
    return this.session ?? this.greeting?.session;
  }

  /** Ends the session and greets again. */
  reconnect(reason: string): void {
    if (!this.session) return;
    this.dropSession(reason);
    this.greet();
  }

  /** Notifies the host that this tab ends or is suspended, while the page can still send. */
  sendEnd(reason = CLOSED): void {
    this.openSession?.flush();
    this.openSession?.sendEnd(reason);
    // A host may have received a later greeting on a port and not have answered it yet. It must not keep that session open.
    const {port, session, hello} = this.greeting ?? {};
    if (port && !session) this.newSession(hello!.session, port, 'shared-worker').sendEnd(reason);
  }

  /**
   * Closes everything that would keep the page out of the back/forward cache. Works synchronously, because no further task runs
   * in a page that is unloaded.
   */
  suspend(): void {
    if (this.closed || this.isSuspended) return;
    this.isSuspended = true;
    this.sendEnd(SUSPENDED);
    this.endGreeting();
    if (this.session) this.dropSession('the page was suspended');
    this.release();
  }

  /** Connects again after the page has left the back/forward cache. */
  resume(): void {
    if (this.closed || !this.isSuspended) return;
    this.isSuspended = false;
    // Another tab may be handing over this tab's orphaned ops. It holds this tab's lock meanwhile.
    this.awaitsLock = !!this.platform.locks;
    this.open();
  }

  /** Ends the session for good. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.sendEnd();
    this.endGreeting();
    this.endSession();
    // In Node, a posted message is lost if its channel closes in the same turn.
    nextTick(() => this.release());
  }

  private release(): void {
    this.channel?.close();
    this.greetingChannel?.close();
    this.channel = this.greetingChannel = undefined;
    this.releaseLock();
    this.isLocked = this.hasAskedForLock = false;
  }

  /**
   * The tab holds this lock until it ends. The host requests the same lock, and so detects that the tab has ended. A new tab greets
   * without it, because a browser grants a lock only after the page's current task, which may load a whole app. The tab requests
   * the lock while it awaits the host's first answers, or a host, because the request takes a millisecond of the page's thread
   * (traced in Chromium).
   */
  private takeLock(): void {
    if (this.hasAskedForLock) return;
    this.hasAskedForLock = true;
    const {locks} = this.platform;
    void locks?.request(tabLockName(this.namespace, this.tabId), {mode: 'exclusive'}, () => {
      if (this.closed || this.isSuspended) return undefined;
      this.isLocked = true;
      this.session?.sendLocked();
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
    this.endGreeting();
    if (this.attempt) this.takeLock();
    const {tabId, isLocked, generation} = this;
    const attempt = ++this.attempt;
    const session = `${tabId}/${attempt}` as SessionId;
    const hello: Hello = {type: 'hello', protocol: PROTOCOL_VERSION, tabId, attempt, locked: isLocked, generation, session};
    const port = this.events.greet(hello);
    this.greeting = {hello, port};
    if (!port) return this.greetOnChannel();
    port.onmessage = event => this.receive(parseTabChannelMessage(event.data), port);
    this.cancelGreeting = afterWaking(this.platform.clock.after, PORT_MS, () => this.greetOnChannel());
    if (attempt > 1) return;
    this.greeting.session = this.newSession(session, port, 'shared-worker');
    this.events.onOpen();
  }

  private greetOnChannel(): void {
    this.cancelGreeting();
    this.channel ??= this.openChannel();
    this.greetingChannel?.postMessage(this.greeting!.hello);
    this.cancelGreeting = this.platform.clock.after(GREET_EVERY_MS, () => {
      if (++this.unanswered >= MAX_UNANSWERED) this.announced = this.generation;
      this.greet();
    });
  }

  private openChannel(): Channel {
    const channel = this.platform.channel(tabChannelName(this.namespace, this.tabId));
    channel.onmessage = event => this.receive(parseTabChannelMessage(event.data));
    channel.unref?.();
    return channel;
  }

  private endGreeting(): void {
    this.cancelGreeting();
    const {greeting} = this;
    this.greeting = undefined;
    if (greeting) this.leavePort(greeting);
  }

  /** Closes the greeting's port: no host serves it, or another host has answered first. */
  private leavePort(greeting: Greeting): void {
    const {port, session} = greeting;
    greeting.port = greeting.session = undefined;
    port?.close();
    session?.end();
    if (session) this.events.onUnanswered();
  }

  /** @param port the port on which the message arrived; undefined for the tab's channel */
  private receive(message: TabChannelMessage | undefined, port?: Channel): void {
    if (!message || this.closed) return;
    switch (message.type) {
      case 'welcome':
      case 'refusal':
      case 'absent':
        if (message.attempt === this.greeting?.hello.attempt) this.handleAnswer(message, this.greeting, port);
        return;
      case 'batch':
        this.watchdog?.noteMessage();
        return this.session?.receive(message);
      case 'end':
        if (message.from === 'host' && message.session === this.session?.id) this.reconnect(message.reason);
        return;
      case 'locked':
        // Only a host handles this message.
        return;
      default:
        message satisfies never;
    }
  }

  private handleAnswer(answer: Welcome | Refusal | Absent, greeting: Greeting, port: Channel | undefined): void {
    switch (answer.type) {
      case 'welcome':
        // A host that hung and was replaced may answer late.
        if (answer.generation >= this.announced) this.begin(answer, greeting, port);
        return;
      case 'refusal':
        return this.events.onRefused(answer.protocol);
      case 'absent':
        if (!greeting.port) return;
        this.leavePort(greeting);
        return this.greetOnChannel();
      default:
        answer satisfies never;
    }
  }

  private begin(welcome: Welcome, greeting: Greeting, port: Channel | undefined): void {
    this.cancelGreeting();
    this.greeting = undefined;
    if (!port) this.leavePort(greeting);
    if (this.session) this.dropSession('the host was replaced');
    if (this.closed) return port?.close();
    const continues = welcome.lineage === this.lineage;
    this.epoch = welcome.epoch;
    this.lineage = welcome.lineage;
    this.place = welcome.place;
    this.generation = this.announced = welcome.generation;
    this.unanswered = 0;
    this.session = greeting.session ?? this.newSession(welcome.session, port ?? this.channel!, welcome.place);
    this.port = port;
    if (this.isLocked && !greeting.hello.locked) this.session.sendLocked();
    this.watchdog = this.watch(this.session, welcome.place);
    if (greeting.session) this.watchdog.expect();
    this.state = 'connected';
    this.events.onConnected(continues, welcome.cleared);
    this.takeLock();
  }

  private newSession(id: SessionId, channel: Channel, place: Place): Session {
    const {platform: {clock}, events} = this;
    return new Session({
      id,
      side: 'tab',
      channel,
      clock,
      nextTick,
      isApart: isApart(place),
      onBatch: (n, durable, isDown) => events.onBatch(n, durable, isDown),
      onMessage: message => events.onMessage(message),
      onCall: (name, args) => (name === 'tab.ping' ? null : events.onCall(name, args)),
      onMalformed: what => events.onMalformed(what),
      onBroken: reason => {
        if (this.session) this.dropSession(reason);
        this.greet();
      }
    });
  }

  private watch(session: Session, place: Place): Watchdog {
    const {patience} = this;
    return new Watchdog({
      clock: this.platform.clock,
      patience,
      // A host in this page ends together with the page.
      always: !this.platform.locks && isApart(place),
      ask: timeout => session.call('host.ping', null, timeout),
      onSilence: () => this.events.onSilence(`The host has been silent for ${2 * patience} ms`)
    });
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
