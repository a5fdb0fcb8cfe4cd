import {
  CLOSED, SUSPENDED, isApart, parseGreetingMessage, parseTabChannelMessage,
  type Absent, type Hello, type Place, type Refusal, type TabChannelMessage, type Welcome
} from '../protocol/frames.js';
import type {Epoch, SessionId, TabId} from '../protocol/ids.js';
import {afterWaking} from '../platform/after-waking.js';
import {PROTOCOL_VERSION, greetingChannelName, tabChannelName, tabLockName} from '../protocol/version.js';
import type {Channel, Platform} from '../platform/platform.js';
import {nextTick} from '../platform/next-tick.js';
import {TabsError} from '../protocol/errors.js';
import {Session, type Message} from './session.js';
import {Watchdog} from './watchdog.js';

/** How often a tab without a session greets, in ms. Usually a host announces itself sooner. */
const GREET_EVERY_MS = 1000;
/** After this many greetings without an answer, the tab assumes that the announced host does not exist. */
const MAX_UNANSWERED = 3;
/** If a port has not answered after this many ms, its host may be gone. The tab then also greets on the greeting channel. */
const PORT_MS = 100;
/** How long a host may be silent, in ms, before the tab asks it, and how long it may take to answer. */
const PATIENCE_MS = 5000;

/** Whether a tab reaches its host. */
export type HostState = 'connecting' | 'connected' | 'lost' | 'closed';

export interface SessionClientEvents {
  /**
   * Greets the host that this tab is connected to, if there is one.
   * @returns a port to that host, for this session
   */
  greet(hello: Hello): Channel | undefined;
  /** Messages can be sent now, although the host has not answered yet. */
  onOpen(): void;
  /** The host did not answer the first greeting, and may not have received the messages sent with it. */
  onUnanswered(): void;
  /** A session began. `continues`: the host knows the histories that this tab has followed so far. */
  onConnected(continues: boolean): void;
  /** The session ended. The tab looks for a new one unless it was closed. */
  onLost(reason: string): void;
  /** The next messages belong to batch `n`. Another host may not know the revisions in batches after `durable`. */
  onBatch(n: number, durable: number, isDown: boolean): void;
  onMessage(message: Message): void;
  /** Answers the host's calls. A thrown or rejected error becomes the error of the reply. */
  onCall(name: string, args: unknown): unknown;
  onMalformed(what: string): void;
  /** The host has not answered for a long time. It may still be alive. */
  onSilence(reason: string): void;
  /** The host speaks another version of the protocol than this tab. */
  onRefused(hostProtocol: number): void;
}

/** A greeting that has no answer yet. */
interface Greeting {
  hello: Hello;
  /** A port to the host that this tab is connected to. */
  port?: Channel | undefined;
  /** A tab's first session begins when the greeting is posted on a port. So its requests reach the host before the answer returns. */
  session?: Session | undefined;
}

/** A tab's side of the broker. It finds the host, keeps a session with it, and finds the next host. */
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
   * The highest host generation that this tab knows of. Hosts with lower ones have been replaced. Any script of the origin
   * can announce a host, so the tab forgets a generation whose host does not answer.
   */
  private announced = 0;
  private unanswered = 0;
  private greetingChannel: Channel | undefined;
  private channel: Channel | undefined;
  /** The session with a host that has answered. @internal */
  session: Session | undefined;
  /** The session's port, if it is not on the tab's channel. */
  private port: Channel | undefined;
  /** @internal */
  watchdog: Watchdog | undefined;
  private attempt = 0;
  private greeting: Greeting | undefined;
  private isLocked = false;
  private hasAskedForLock = false;
  /** The tab does not greet before it holds its lock. */
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
      const message = parseGreetingMessage(event.data);
      if (message?.type !== 'here' || message.generation < this.announced) return;
      this.announced = message.generation;
      if (message.epoch === this.epoch && this.session) return;
      // The host may have received the greeting already, on the channel or on a port. Its welcome may be on the way.
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

  /** Whether this tab waits for the answer to a call. */
  get hasOpenCalls(): boolean {
    return !!this.openSession?.hasOpenCalls;
  }

  /** Sends waiting messages at once. A page that goes away has no next turn. */
  flush(): void {
    this.openSession?.flush();
  }

  /** The session that messages are sent on now. */
  private get openSession(): Session | undefined {
    return this.session ?? this.greeting?.session;
  }

  /** Ends the session and looks for a new one, as after a network loss. */
  reconnect(reason: string): void {
    if (!this.session) return;
    this.dropSession(reason);
    this.greet();
  }

  /** Tells the host that this tab ends or is suspended, while the page can still send. */
  sayGoodbye(reason = CLOSED): void {
    this.openSession?.flush();
    this.openSession?.sayEnd(reason);
    // A host that has received a later greeting, and has not answered it yet, learns it on that port.
    const {port, session, hello} = this.greeting ?? {};
    if (port && !session) this.newSession(hello!.session, port, 'shared-worker').sayEnd(reason);
  }

  /**
   * Releases everything that would keep the page out of the back/forward cache; nothing reaches the page there. Runs
   * synchronously: a page that goes away has no next turn.
   */
  suspend(): void {
    if (this.closed || this.isSuspended) return;
    this.isSuspended = true;
    this.sayGoodbye(SUSPENDED);
    this.endGreeting();
    if (this.session) this.dropSession('the page was suspended');
    this.letGo();
  }

  /** The page has left the back/forward cache. The tab reconnects as after a network loss. */
  resume(): void {
    if (this.closed || !this.isSuspended) return;
    this.isSuspended = false;
    // Another tab may be handing over the ops that this one left. It holds this tab's lock meanwhile.
    this.awaitsLock = !!this.platform.locks;
    this.open();
  }

  /** Ends the session for good. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.sayGoodbye();
    this.endGreeting();
    this.endSession();
    // In Node, a message that is under way is lost if its channel closes in the same turn.
    nextTick(() => this.letGo());
  }

  private letGo(): void {
    this.channel?.close();
    this.greetingChannel?.close();
    this.channel = this.greetingChannel = undefined;
    this.releaseLock();
    this.isLocked = this.hasAskedForLock = false;
  }

  /**
   * The tab holds this lock for its life. The host waits for it, and so learns of the tab's death. A new tab greets without it: a
   * browser grants a lock only when the page's current task is over, and that task may load a whole app. The tab requests the
   * lock while it waits for the host's first answers, or for a host, because the request takes a millisecond of the page's thread
   * (traced in Chromium).
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

  /** No host is behind the port, or another host answered first. */
  private leavePort(greeting: Greeting): void {
    const {port, session} = greeting;
    greeting.port = greeting.session = undefined;
    port?.close();
    session?.end();
    if (session) this.events.onUnanswered();
  }

  /** @param port the port that the message came on; undefined for the tab's channel */
  private receive(message: TabChannelMessage | undefined, port?: Channel): void {
    if (!message || this.closed) return;
    switch (message.type) {
      case 'welcome':
      case 'refusal':
      case 'absent':
        if (message.attempt === this.greeting?.hello.attempt) this.handleAnswer(message, this.greeting, port);
        return;
      case 'batch':
        this.watchdog?.hear();
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
        // A replaced host that wakes up may answer, too.
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
    if (this.isLocked && !greeting.hello.locked) this.session.sayLocked();
    this.watchdog = this.watch(this.session, welcome.place);
    if (greeting.session) this.watchdog.expect();
    this.state = 'connected';
    this.events.onConnected(continues);
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
      // A host in this page ends with the page, so nothing needs to be watched.
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
