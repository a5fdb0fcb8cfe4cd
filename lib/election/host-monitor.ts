import {hostLockName} from '../protocol/version.js';
import type {Locks} from '../platform/platform.js';

/** Detects that the current host has ended: the host lock becomes free. */
export class HostMonitor {
  private waiting: AbortController | undefined;

  constructor(private readonly namespace: string, private readonly locks: Locks | undefined, private readonly onDeath: () => void) {}

  /** Watches the current host. Call it when a host has answered. */
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

  /** Whether a host holds the host lock, even if it does not answer. False without locks. */
  async isHostLockHeld(): Promise<boolean> {
    let isFree = true;
    await this.locks?.request(hostLockName(this.namespace), {mode: 'shared', ifAvailable: true}, lock => { isFree = !!lock; }).catch(() => {});
    return !isFree;
  }
}
