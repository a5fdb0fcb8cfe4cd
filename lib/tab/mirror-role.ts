import {nextTick} from '../platform/next-tick.js';
import type {Channel, Platform} from '../platform/platform.js';
import {parseMirrorMessage, type MirrorMessage} from '../protocol/mirror.js';
import {mirrorLockNames, mirrorName} from '../protocol/version.js';
import {Mirror} from './mirror.js';

/**
 * Whether this tab is one of those that mirror what the host has: who holds one of two locks, which tell a new
 * host that there is somebody to ask, and are free for the next tab when this one dies. Without Web Locks, the
 * host says who is.
 */
export class MirrorRole {
  private channel: Channel | undefined;
  private mirror: Mirror | undefined;
  private pendingLocks: AbortController | undefined;
  private release: () => void = () => {};

  constructor(private readonly platform: Platform, private readonly namespace: string, private readonly id: string) {}

  /** The host wants mirrors. May be called again. */
  offer(): void {
    if (this.mirror || this.pendingLocks) return;
    const {locks} = this.platform;
    if (!locks) return this.begin();
    const candidacy = (this.pendingLocks = new AbortController());
    for (const name of mirrorLockNames(this.namespace)) {
      void locks.request(name, {mode: 'exclusive', signal: candidacy.signal}, () => {
        // The other lock came first, or the tab has gone.
        if (this.pendingLocks !== candidacy) return undefined;
        this.begin();
        return new Promise<void>(release => {
          this.release = release;
          this.pendingLocks = undefined;
          // A lock that is held already is not given back by this.
          candidacy.abort();
        });
      }).catch(() => {});
    }
  }

  /** Forgets what was mirrored, and leaves it to others. May be called twice. */
  end(): void {
    this.pendingLocks?.abort();
    this.pendingLocks = undefined;
    if (!this.channel) return;
    this.post({type: 'leave', mirror: this.id});
    const {channel} = this;
    this.mirror = this.channel = undefined;
    channel.onmessage = null;
    this.release();
    this.release = () => {};
    // In Node a message still under way is lost when its channel closes in the same turn.
    nextTick(() => channel.close());
  }

  private begin(): void {
    this.channel = this.platform.channel(mirrorName(this.namespace));
    this.channel.unref?.();
    const mirror = (this.mirror = new Mirror(this.id, message => this.post(message)));
    this.channel.onmessage = event => {
      const message = parseMirrorMessage(event.data);
      if (message?.type === 'full' && message.mirror === this.id) this.end();
      else if (message) mirror.receive(message);
    };
  }

  private post(message: MirrorMessage): void {
    this.channel?.postMessage(message);
  }
}
