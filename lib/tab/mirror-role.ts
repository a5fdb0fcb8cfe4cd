import {nextTick} from '../platform/next-tick.js';
import type {Channel, Platform} from '../platform/platform.js';
import {parseMirrorMessage, type MirrorMessage} from '../protocol/mirror.js';
import {mirrorLockNames, mirrorName} from '../protocol/version.js';
import {Mirror} from './mirror.js';

/**
 * Mirrors the content of the host if this tab holds one of two locks. A new host detects from these locks whether a mirror exists. When the
 * tab that holds a lock ends, the browser grants the lock to another tab. Without Web Locks, the host decides which tabs are mirrors.
 */
export class MirrorRole {
  private channel: Channel | undefined;
  private mirror: Mirror | undefined;
  private pendingLocks: AbortController | undefined;
  private release: () => void = () => {};

  constructor(private readonly platform: Platform, private readonly namespace: string, private readonly id: string) {}

  /** Tries to become a mirror. May be called again. */
  offer(): void {
    if (this.mirror || this.pendingLocks) return;
    const {locks} = this.platform;
    if (!locks) return this.begin();
    const pending = (this.pendingLocks = new AbortController());
    for (const name of mirrorLockNames(this.namespace)) {
      void locks.request(name, {mode: 'exclusive', signal: pending.signal}, () => {
        // This tab got the other lock first, or has stopped.
        if (this.pendingLocks !== pending) return undefined;
        this.begin();
        return new Promise<void>(release => {
          this.release = release;
          this.pendingLocks = undefined;
          // This cancels only requests. It does not release a lock that is already held.
          pending.abort();
        });
      }).catch(() => {});
    }
  }

  /** Deletes the mirrored content, and releases the lock to other tabs. May be called twice. */
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
    // In Node, a posted message is lost if its channel closes in the same turn.
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
