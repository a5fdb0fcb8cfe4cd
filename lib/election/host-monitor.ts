import {hostLockName} from '../protocol/version.js';
import type {Locks} from '../platform/platform.js';

/** Notices the death of the current host. The only sign is that its lock is free. */
export class HostMonitor {
  private waiting: AbortController | undefined;

  constructor(private readonly namespace: string, private readonly locks: Locks | undefined, private readonly onDeath: () => void) {}

  /** Watches the host that has just answered. */
  start(): void {
    this.stop();
    const waiting = (this.waiting = new AbortController());
    void this.locks?.request(hostLockName(this.namespace), {mode: 'shared', signal: waiting.signal}, () => {
      if (!waiting.signal.aborted) this.onDeath();
    }).catch(() => {});
  }

  stop(): void {
    this.waiting?.abort();
  }

  /** Whether some host holds the host lock, even one that does not answer. False if there are no locks. */
  async isHostLockHeld(): Promise<boolean> {
    let isFree = true;
    await this.locks?.request(hostLockName(this.namespace), {mode: 'shared', ifAvailable: true}, lock => { isFree = !!lock; }).catch(() => {});
    return !isFree;
  }
}
