import {createClient} from 'redis';
import RedisPubSub from 'sharedb-redis-pubsub';

type Listener = (message: string) => void;
type Done = (error?: Error | null) => void;

/** The channel on which a server reports to all servers that messages of its own may be lost. */
const MISSED = 'scale-out missed';

const pauseBefore = (attempt: number): number => Math.min(50 * 2 ** attempt, 2000) + Math.random() * 200;

/**
 * sharedb-redis-pubsub, with repairs:
 * - Errors of both clients and of ShareDB's own calls are logged. Without listeners each of them ends the process.
 * - A channel that is unsubscribed, and subscribed again before Redis has answered, stays subscribed. The adapter unsubscribes without its
 *   listener. The client then adds the new listener to a channel that it treats as subscribed, and Redis ends the subscription.
 * - `onMissed` is called if messages may be lost, so that clients can request what they lack.
 */
export class RedisBus extends RedisPubSub {
  private readonly listeners = new Map<string, Listener>();
  private readonly publisher: ReturnType<typeof clientFor>;
  private readonly subscriber: ReturnType<typeof clientFor>;
  private hasLost = false;
  private isClosed = false;

  /** @param onMissed messages of this server, or of another one, may be lost */
  constructor(url: string, onMissed: () => void, private readonly log: (message: string, error: Error) => void) {
    const publisher = clientFor(url);
    const subscriber = clientFor(url);
    // Before the adapter connects them.
    publisher.on('error', error => log('Redis, for what is published', error));
    subscriber.on('error', error => log('Redis, for what is subscribed', error));
    super({client: publisher, observer: subscriber});
    this.publisher = publisher;
    this.subscriber = subscriber;
    this.on('error', (error: Error) => log('pubsub', error));
    let wasReady = false;
    // The client has subscribed again by then (`ready` comes last).
    subscriber.on('ready', () => {
      if (wasReady) onMissed();
      wasReady = true;
    });
    publisher.on('ready', () => this.tellLost());
    subscriber.subscribe(MISSED, onMissed).catch(error => log('pubsub', error));
  }

  /** The number of channels that this server has subscribed to at Redis. */
  get channelsCount(): number {
    return this.listeners.size;
  }

  override close(done?: Done): void {
    this.isClosed = true;
    super.close(done);
  }

  protected override _subscribe(channel: string, done: Done): void {
    const listener: Listener = message => this._emit(channel, JSON.parse(message));
    this.listeners.set(channel, listener);
    // An error without a code is a refusal for clients.
    this.subscriber.subscribe(channel, listener).then(() => done(), (error: Error) => done(Object.assign(error, {code: 'ECONNRESET'})));
  }

  protected override _unsubscribe(channel: string, done: Done): void {
    const listener = this.listeners.get(channel);
    this.listeners.delete(channel);
    this.subscriber.unsubscribe(channel, listener).then(() => done(), done);
  }

  /** The op is in the database by now, so its author must not get an error. */
  protected override _publish(channels: string[], data: unknown, done: Done): void {
    super._publish(channels, data, error => {
      done();
      if (!error || this.isClosed) return;
      this.log('a message was not published', error);
      this.hasLost = true;
      if (this.publisher.isReady) this.tellLost();
    });
  }

  private tellLost(): void {
    if (!this.hasLost) return;
    this.hasLost = false;
    this.publisher.publish(MISSED, '').catch(() => { this.hasLost = true; });
  }
}

function clientFor(url: string) {
  return createClient({
    url,
    // Shorter than the idle time-outs of routers. It also detects connections that died without an event.
    pingInterval: 20_000,
    // The number of commands that may wait while Redis is away. Further ones fail, and `onMissed` is called later.
    commandsQueueMaxLength: 20_000,
    socket: {connectTimeout: 5000, reconnectStrategy: pauseBefore}
  });
}
