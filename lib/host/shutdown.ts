import type {Clock} from '../platform/platform.js';

/** How long a host without tabs may take to send pending ops, in ms, and the interval at which it checks for them. */
const FINISH_MS = 30_000;
const CHECK_MS = 100;
/** How long open calls of services may take when the host has to stop, in ms. */
const CALLS_MS = 1500;

export interface ShutdownOwner {
  readonly clock: Clock;
  /** How long the host stays open without a tab, in ms. `undefined`: for ever. */
  readonly idleAfter: number | undefined;
  isClosed(): boolean;
  /** Whether a tab has a session. */
  hasTabs(): boolean;
  /** Whether there are ops that the server has not answered. */
  hasPendingOps(): boolean;
  isConnected(): boolean;
  /** Whether the store can't write. */
  isStoreDown(): boolean;
  /** Waits up to `ms` for open calls of services. `undefined` if there are no services. */
  finishServices(ms: number): Promise<void> | undefined;
  close(): void;
}

/** Closes a host that has no tabs, is stopped by its page, or must make room for a newer build. */
export class Shutdown {
  /** Cancels the idle timer, which starts at the end of the last tab's session. */
  private cancelIdle: (() => void) | undefined;
  private isMakingRoom = false;

  constructor(private readonly owner: ShutdownOwner) {}

  /** A tab has a session, so the host stays open. */
  noteTab(): void {
    this.cancelIdle?.();
    this.cancelIdle = undefined;
  }

  /** If there are no tabs, closes the host after `idleAfter` and after pending ops are sent, unless a tab connects meanwhile. */
  checkIdle(): void {
    const {owner} = this;
    if (owner.idleAfter === undefined || owner.isClosed() || this.cancelIdle || owner.hasTabs()) return;
    this.cancelIdle = owner.clock.after(owner.idleAfter, () => void this.finish(FINISH_MS).then(() => {
      if (this.cancelIdle) owner.close();
    }));
  }

  /** Closes the host. Without tabs, it first sends pending ops for up to `ms`, because no tab can start the next host. */
  async retire(ms: number): Promise<void> {
    const {owner} = this;
    // The tab that stops the host may end its session at the same time, and must not be counted.
    await this.pause();
    await Promise.all([owner.finishServices(CALLS_MS), owner.hasTabs() ? undefined : this.finish(ms)]);
    owner.close();
  }

  /**
   * Closes the host, so that a host of a newer build can start. While the store can't write, the host stays open until the server has
   * answered the edits that only this host has.
   */
  async makeRoom(): Promise<void> {
    if (this.isMakingRoom) return;
    this.isMakingRoom = true;
    const {owner} = this;
    while (owner.isStoreDown() && owner.hasPendingOps() && !owner.isClosed()) await this.pause();
    const finished = owner.finishServices(CALLS_MS);
    if (finished) await finished;
    owner.close();
  }

  /** Resolves when no op is pending, when the connection to the server is lost, or after `ms`. */
  private finish(ms: number): Promise<void> {
    const {owner} = this;
    const {clock} = owner;
    return new Promise(resolve => {
      const end = clock.now() + ms;
      const check = (): void => {
        const isDone = !owner.hasPendingOps() || !owner.isConnected();
        if (isDone || owner.isClosed() || clock.now() >= end) resolve();
        else clock.after(CHECK_MS, check);
      };
      check();
    });
  }

  private pause(): Promise<void> {
    return new Promise(resolve => this.owner.clock.after(CHECK_MS, resolve));
  }
}
