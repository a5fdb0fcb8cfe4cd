import {
  parseLobbyMessage, parseTabChannelMessage, type Hello, type TabChannelMessage, type Welcome
} from '../protocol/frames.js';
import type {Epoch, TabId} from '../protocol/ids.js';
import {PROTOCOL_VERSION, lobbyName, tabChannelName, tabLockName} from '../protocol/version.js';
import type {Channel, Platform} from '../platform/platform.js';
import {nextTick} from '../platform/next-tick.js';
import {TabsError} from '../protocol/errors.js';
import {Session, type Message} from './session.js';

/** A tab without a session greets again after so long; announcements normally come first. */
const GREET_EVERY_MS = 1000;

export type HostState = 'connecting' | 'connected' | 'lost';

export interface HostLinkEvents {
  /** A session began. `continues`: the host knows the histories that this tab has followed so far. */
  onConnected(continues: boolean): void;
  /** The session ended; a new one is being sought unless the link was closed. */
  onLost(reason: string): void;
  onMessage(message: Message): void;
  onMalformed(what: string): void;
  /** The host speaks another version of the protocol than this tab. */
  onRefused(hostProtocol: number): void;
}

/** A tab's side of the broker: finds the host, keeps a session with it, finds the next one. */
export class HostLink {
  state: HostState = 'connecting';
  epoch: Epoch | undefined;
  /** Whose histories this tab follows. */
  lineage: string | undefined;
  private readonly lobby: Channel;
  private readonly channel: Channel;
  private session: Session | undefined;
  private attempt = 0;
  private isGreeting = false;
  private locked = false;
  private closed = false;
  private releaseLock: () => void = () => {};
  private cancelGreeting: () => void = () => {};

  constructor(
    private readonly platform: Platform,
    readonly namespace: string,
    readonly tabId: TabId,
    private readonly events: HostLinkEvents
  ) {
    this.channel = platform.channel(tabChannelName(namespace, tabId));
    this.channel.onmessage = event => this.receive(parseTabChannelMessage(event.data));
    this.lobby = platform.channel(lobbyName(namespace));
    this.lobby.onmessage = event => {
      const message = parseLobbyMessage(event.data);
      if (message?.type === 'here' && message.epoch !== this.epoch) this.greet();
      else if (message?.type === 'here' && !this.session) this.greet();
    };
    this.unref();
    if (platform.locks) this.takeLock();
    else this.greet();
  }

  send(message: Message): void {
    this.session?.send(message);
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
  sayGoodbye(): void {
    if (!this.session) return;
    this.session.flush();
    this.channel.postMessage({type: 'end', session: this.session.id, from: 'tab', reason: 'closed'});
  }

  /** Leaves the host for good. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.cancelGreeting();
    this.sayGoodbye();
    this.session?.end();
    this.session = undefined;
    this.state = 'lost';
    // In Node a message still under way is lost when its channel closes in the same turn.
    nextTick(() => {
      this.channel.close();
      this.lobby.close();
      this.releaseLock();
    });
  }

  /** Node only: lets the process end although the channels are open. */
  unref(): void {
    this.channel.unref?.();
    this.lobby.unref?.();
  }

  /** The lock is held for the tab's life: the host, waiting for it, learns of the tab's death. */
  private takeLock(): void {
    const name = tabLockName(this.namespace, this.tabId);
    void this.platform.locks!.request(name, {mode: 'exclusive'}, () => {
      this.locked = true;
      if (!this.closed) this.greet();
      return new Promise<void>(release => {
        if (this.closed) release();
        else this.releaseLock = release;
      });
    }).catch(() => { if (!this.closed && !this.locked) this.greet(); });
  }

  private greet(): void {
    if (this.closed) return;
    this.cancelGreeting();
    this.attempt++;
    this.isGreeting = true;
    const hello: Hello = {
      type: 'hello', protocol: PROTOCOL_VERSION, tabId: this.tabId, attempt: this.attempt, locked: this.locked
    };
    this.lobby.postMessage(hello);
    this.cancelGreeting = this.platform.clock.after(GREET_EVERY_MS, () => this.greet());
  }

  private receive(message: TabChannelMessage | undefined): void {
    if (!message || this.closed) return;
    switch (message.type) {
      case 'welcome':
        if (this.isGreeting && message.attempt === this.attempt) this.begin(message);
        return;
      case 'refusal':
        if (this.isGreeting && message.attempt === this.attempt) this.events.onRefused(message.protocol);
        return;
      case 'batch':
        return this.session?.receive(message);
      case 'end':
        if (message.from === 'host' && message.session === this.session?.id) this.reconnect(message.reason);
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
    this.session = new Session({
      id: welcome.session,
      side: 'tab',
      channel: this.channel,
      clock: this.platform.clock,
      nextTick,
      onMessage: message => this.events.onMessage(message),
      onMalformed: what => this.events.onMalformed(what),
      onBroken: reason => {
        this.dropSession(reason);
        this.greet();
      }
    });
    this.state = 'connected';
    this.isGreeting = false;
    this.events.onConnected(continues);
  }

  private dropSession(reason: string): void {
    this.session?.end();
    this.session = undefined;
    this.state = 'lost';
    this.events.onLost(reason);
  }
}
