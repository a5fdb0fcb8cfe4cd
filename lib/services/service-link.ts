import type {Clock} from '../platform/platform.js';
import type {ServiceFrame} from '../protocol/frames.js';
import {isServiceFrame} from '../protocol/service-frames.js';
import type {FrameDelivery, FrameTransport} from '../remote/types.js';
import {FrameSender} from '../tab/frame-sender.js';
import type {LinkedConnection} from '../tab/linked-connection.js';
import type {ServiceFrames} from '../tab/service-frames.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';

/** How a connection to a service ended. */
export type ChannelEnd = 'no service' | 'closed' | 'lost' | 'refused';

/** How often the watchdog is started while a call is open, in ms. It pings the host if nothing has arrived from it. */
const WATCH_MS = 15_000;

/** A client that uses a service in this tab. */
export interface LinkUser {
  readonly name: string;
  /** A session with a host has begun. */
  begin(): void;
}

/**
 * A tab's end of one connection to a service. Before there is a session, it keeps only the first frame, the greeting: the peer
 * keeps everything else.
 */
export class ServiceTransport implements FrameTransport {
  onframe: FrameTransport['onframe'] = null;
  onclose: FrameTransport['onclose'] = null;
  /** Called when the host or the link ends the connection. It replaces `onclose`, which is not called. */
  onend: ((how: ChannelEnd, reason: string) => void) | null = null;
  /** Whether the peer waits for the service. */
  isWaiting = (): boolean => false;
  private greeting: unknown;

  constructor(private readonly link: ServiceLink, readonly name: string, readonly channel: number) {}

  get cannotTransfer(): string | undefined {
    return this.link.cannotTransfer;
  }

  post(frame: unknown, transfer: Transferable[], delivery: FrameDelivery): unknown {
    if (this.link.isOpen) return this.link.send({peer: this.name, channel: this.channel, frame}, transfer, delivery);
    this.greeting = frame;
    return undefined;
  }

  /** A session has begun. */
  begin(): void {
    const frame = this.greeting;
    this.greeting = undefined;
    if (frame) this.link.send({peer: this.name, channel: this.channel, frame}, [], {posted() {}, failed() {}});
  }

  close(): void {
    this.link.forget(this);
  }
}

/** The services that a tab uses. Their frames are a part of the tab's session. */
export class ServiceLink implements ServiceFrames<ProxyDoc> {
  /** Whether there is a session. */
  isOpen = false;
  private readonly sender: FrameSender;
  private readonly users = new Set<LinkUser>();
  private readonly transports = new Map<number, ServiceTransport>();
  private lastChannel = 0;
  private isWatching = false;

  constructor(private readonly connection: LinkedConnection) {
    this.sender = new FrameSender(connection);
    this.isOpen = connection.hostState === 'connected';
    connection.on('updateneeded', () => this.refuse());
    connection.on('hostState', state => state === 'closed' && this.endAll('lost', 'the connection was closed'));
  }

  /** The link of a connection, created at the first call. */
  static of(connection: LinkedConnection): ServiceLink {
    return (connection.frames ??= new ServiceLink(connection)) as ServiceLink;
  }

  get cannotTransfer(): string | undefined {
    return this.isOpen && !this.sender.canTransfer ? 'the host is reached over a BroadcastChannel, which can\'t transfer objects' : undefined;
  }

  /** Whether the app has closed the connection. */
  get isClosed(): boolean {
    return this.connection.state === 'closed' && !this.connection.hostClient.sessionClient;
  }

  get clock(): Clock {
    return this.connection.clock;
  }

  use(user: LinkUser): void {
    this.users.add(user);
  }

  open(name: string): ServiceTransport {
    const transport = new ServiceTransport(this, name, ++this.lastChannel);
    this.transports.set(transport.channel, transport);
    return transport;
  }

  forget({channel}: ServiceTransport): void {
    this.transports.delete(channel);
  }

  send(message: ServiceFrame, transfer: Transferable[], delivery: FrameDelivery): unknown {
    this.watchHost();
    return this.sender.send(message, transfer, delivery) ? 'later' : undefined;
  }

  // ---- events of the tab's connection

  begin(): void {
    this.end();
    this.isOpen = true;
    for (const user of [...this.users]) user.begin();
  }

  end(): void {
    // A first greeting without an answer ends as well. No frame was posted, so calls wait for the answer to a later greeting.
    if (!this.isOpen) return;
    this.isOpen = false;
    this.sender.clear();
    this.endAll('lost', 'the session with the host has ended');
  }

  /**
   * Starts the watchdog repeatedly while a call is open: the host sends nothing else during a long call, and a host that hangs keeps its
   * lock.
   */
  private watchHost(): void {
    if (this.isWatching) return;
    this.isWatching = true;
    this.clock.after(WATCH_MS, () => {
      this.isWatching = false;
      if (![...this.transports.values()].some(transport => transport.isWaiting())) return;
      this.connection.hostClient.sessionClient?.watchdog?.expect();
      this.watchHost();
    });
  }

  private refuse(): void {
    this.endAll('refused', 'the tab and the host have incompatible builds: reload the older one');
  }

  receive(message: object): void {
    const {frame: received} = message as {frame?: unknown};
    if (!isServiceFrame(received)) return;
    const {peer, channel, frame, event, reason = ''} = received;
    if (event === 'no service' || event === 'closed') {
      for (const transport of [...this.transports.values()]) {
        if (transport.name === peer && (channel === 0 || channel === transport.channel)) this.endOne(transport, event, reason);
      }
      return;
    }
    const transport = this.transports.get(channel);
    if (transport?.name === peer) transport.onframe?.(frame);
  }

  noteUnsent(doc: ProxyDoc): void {
    this.sender.noteUnsent(doc);
  }

  private endAll(how: ChannelEnd, reason: string): void {
    for (const transport of [...this.transports.values()]) this.endOne(transport, how, reason);
  }

  private endOne(transport: ServiceTransport, how: ChannelEnd, reason: string): void {
    this.forget(transport);
    transport.onend?.(how, reason);
  }
}
