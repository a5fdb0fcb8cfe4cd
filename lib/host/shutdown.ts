import type {Clock} from '../platform/platform.js';

/** How long a host without tabs may take to send what is pending, in ms, and how often it checks. */
const FINISH_MS = 30_000;
const CHECK_MS = 100;
/** How long calls of services that are under way may take when the host is to stop, in ms. */
const CALLS_MS = 1500;

export interface ShutdownOwner {
  readonly clock: Clock;
  /** How long the host runs without a tab, in ms. `undefined`: for ever. */
  readonly idleAfter: number | undefined;
  isClosed(): boolean;
  /** Whether a tab has a session. */
  hasTabs(): boolean;
  /** Whether there are ops that the server has not answered to. */
  hasPendingOps(): boolean;
  isConnected(): boolean;
  /** Whether the store can't write. */
  isStoreDown(): boolean;
  /** Waits for calls of services that are under way. `undefined` where there are no services. */
  finishServices(ms: number): Promise<void> | undefined;
  close(): void;
}

/** Ends a host in order: when no tab is left, when it is told to stop, or when a newer build waits. */
export class Shutdown {
  /** Cancels the idle timer, which runs from the end of the last tab's session. */
  private cancelIdle: (() => void) | undefined;
  private isMakingRoom = false;

  constructor(private readonly owner: ShutdownOwner) {}

  /** A tab has a session: the host goes on. */
  noteTab(): void {
    this.cancelIdle?.();
    this.cancelIdle = undefined;
  }

  /** Without tabs, the host sends what it can and closes, unless a tab comes meanwhile. */
  checkIdle(): void {
    const {owner} = this;
    if (owner.idleAfter === undefined || owner.isClosed() || this.cancelIdle || owner.hasTabs()) return;
    this.cancelIdle = owner.clock.after(owner.idleAfter, () => void this.finish(FINISH_MS).then(() => {
      if (this.cancelIdle) owner.close();
    }));
  }

  /** Closes the host. If no tab is left to bring the pending ops to the next host, it sends what it can within `ms` first. */
  async retire(ms: number): Promise<void> {
    const {owner} = this;
    // The tab that asks for this may end its session at the same time.
    await this.pause();
    await Promise.all([owner.finishServices(CALLS_MS), owner.hasTabs() ? undefined : this.finish(ms)]);
    owner.close();
  }

  /**
   * Closes the host, so that a host of a newer build can begin. While the disk takes nothing, edits that only this host has are
   * sent to the server first.
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

  /** Resolves when nothing is pending, when nothing can be sent, or after `ms`. */
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
