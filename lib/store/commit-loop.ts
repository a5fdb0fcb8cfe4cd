import {afterWaking} from '../platform/after-waking.js';
import type {ErrorData} from '../protocol/errors.js';
import type {Queued} from './coalesce.js';
import {storageError, storageErrorData} from './storage-errors.js';
import {Waiters} from './waiters.js';
import {WriteQueue} from './write-queue.js';

/** How long changes that would be received again after a loss, and that no caller waits for, are gathered before a commit, in ms. */
const LAZY_MS = 300;
/** The pause after a failed write, in ms. */
const RETRY_MS = 2000;
/** How long callers wait for a storage that does not answer, in ms. Browsers can leave a request unanswered. */
const OPEN_MS = 5000;
const WRITE_MS = 10_000;

/** Calls back after `ms` milliseconds. The returned function cancels it. */
export type After = (ms: number, callback: () => void) => () => void;

export interface CommitLoopParts {
  after: After;
  isOpen(): boolean;
  open(): Promise<void>;
  /** Writes the changes in flight. @param isLast whether nothing else is queued */
  write(isLast: boolean): Promise<void>;
  /** Whether there is something to write that is not in the queue. */
  hasMore(): boolean;
  /** A write has succeeded. */
  onWritten(): void;
  /** The storage was deleted from outside. @returns whether that is new */
  onErased(): boolean;
  /** `isDown` or `failure` changed. */
  onStatus(): void;
  /** Callers no longer wait for the storage: it has failed, or the store has ended. */
  onWaitEnded(): void;
  /** Another host has taken over the storage. */
  onFenced(): void;
}

/**
 * Commits the queued changes, usually all in one write. Changes that are added meanwhile go into the next write. After a failure, callers
 * do not wait until a write succeeds, because an app must continue without a disk. The changes stay queued, and the write is tried again.
 */
export class CommitLoop {
  readonly queue = new WriteQueue();
  /** Whether callers do not wait for the storage: from a failure until a write succeeds. */
  isDown = false;
  /** Why changes are not durable at present. */
  failure: ErrorData | undefined;
  isClosed = false;
  private isFenced = false;
  private isRunning = false;
  private readonly waiters = new Waiters();
  /** Callbacks that wait for a commit even if the storage fails. */
  private readonly commitWaiters = new Waiters();
  private cancelRetry: (() => void) | undefined;
  private cancelLazy: (() => void) | undefined;

  constructor(private readonly parts: CommitLoopParts) {}

  /** Opens the storage, also if nothing is queued. */
  start(): void {
    void this.run();
  }

  // ---- changes, and waiting for them

  /** @param isRepeatable whether the change would be received again after a loss. Its commit may then be delayed. */
  enqueue(change: Queued, isRepeatable = false): void {
    if (this.isClosed) return;
    this.queue.push(change, isRepeatable);
    if (isRepeatable) this.commitLater();
    else this.want(this.queue.lastChange);
  }

  /** Commits the waiting changes after LAZY_MS. */
  commitLater(): void {
    this.cancelLazy ??= this.parts.after(LAZY_MS, () => {
      this.cancelLazy = undefined;
      if (this.isWriting || this.parts.hasMore()) this.want(this.queue.lastChange);
    });
  }

  /**
   * Calls back when all changes up to this one are committed, or when the storage fails; synchronously if that is already the case, or
   * after the end. Never calls back if another host has taken over. The callbacks of one change run in order.
   * @param hurries whether the commit must not wait for more changes
   */
  whenCommittedOrFailed(change: number, callback: () => void, hurries: boolean): void {
    if (this.isFenced) return;
    if (this.isDown || this.isClosed || change <= this.queue.committed) return callback();
    this.waiters.add(change, callback);
    if (hurries) this.want(change);
  }

  /** Calls back only when all changes up to this one are committed, even if the storage fails. Never calls back after the end. */
  whenCommitted(change: number, callback: () => void): void {
    if (this.isFenced || this.isClosed) return;
    if (change <= this.queue.committed) return callback();
    this.commitWaiters.add(change, callback);
  }

  isCommitted(change: number): boolean {
    return !this.isFenced && change <= this.queue.committed;
  }

  /** Whether a change is not committed. Always true if another host has taken over. */
  get isWriting(): boolean {
    return this.isFenced || this.queue.committed < this.queue.lastChange;
  }

  private want(change: number): void {
    this.queue.want(change);
    this.runUnlessBusy();
  }

  // ---- failures

  /** The connection to the storage was lost. Checks whether the storage can be opened again and still belongs to this host. */
  reopen(reason: string): void {
    if (this.isClosed) return;
    this.failure = storageErrorData(storageError('ERR_TABS_STORAGE_LOST', reason));
    this.parts.onStatus();
    this.runUnlessBusy();
  }

  /** Handles a failure: callers do not wait for the storage until a write succeeds. */
  fail(error: unknown): void {
    if (this.isClosed) return;
    this.failure = storageErrorData(error);
    this.isDown = true;
    this.queue.coalesce();
    this.parts.onWaitEnded();
    this.parts.onStatus();
    this.waiters.release(Infinity);
  }

  /** Ends the loop. Changes that are not committed are dropped, except for those in flight. May be called twice. */
  close(): void {
    this.isClosed = true;
    this.queue.close();
    this.cancelRetry?.();
    this.cancelLazy?.();
    this.parts.onWaitEnded();
    this.commitWaiters.clear();
    this.waiters.release(Infinity);
  }

  // ---- the loop

  private runUnlessBusy(): void {
    if (!this.isRunning && !this.cancelRetry) void this.run();
  }

  /** Opens the storage if it is not open, and writes the queued changes. If there are none, checks that the storage can be written to. */
  private async run(): Promise<void> {
    this.isRunning = true;
    // So the changes of one turn are one commit.
    await undefined;
    try {
      do {
        if (!this.parts.isOpen()) await this.limited(OPEN_MS, this.parts.open());
        if (this.isClosed) break;
        const batch = this.queue.takeBatch();
        await this.parts.write(batch.isLast);
        this.queue.noteCommitted(batch);
        this.succeed();
      } while (this.queue.isWanted && !this.isClosed);
      this.isRunning = false;
    } catch (error) {
      this.isRunning = false;
      this.queue.requeue();
      this.handleFailure(error);
    }
  }

  /** Waits for a write, or for a read before a write. If it takes longer than WRITE_MS, the storage counts as failed. */
  limitedWrite<T>(work: Promise<T>): Promise<T> {
    return this.limited(WRITE_MS, work);
  }

  /**
   * Waits for the storage. After `ms` milliseconds it counts as failed. The wait continues, because the storage may answer later, or answer
   * that another host has taken over.
   */
  private async limited<T>(ms: number, work: Promise<T>): Promise<T> {
    const cancel = afterWaking(this.parts.after, ms, () => this.fail(storageError('ERR_TABS_STORAGE_TIMEOUT', 'The storage does not answer')));
    try {
      return await work;
    } finally {
      cancel();
    }
  }

  private succeed(): void {
    this.parts.onWritten();
    this.isDown = false;
    if (this.failure) {
      this.failure = undefined;
      this.parts.onStatus();
    }
    this.waiters.release(this.queue.committed);
    this.commitWaiters.release(this.queue.committed);
  }

  private handleFailure(error: unknown): void {
    if (this.isClosed) return this.close();
    const {code} = (error ?? {}) as {code?: unknown};
    if (code === 'ERR_TABS_FENCED') return this.fence();
    if (code === 'ERR_TABS_STORAGE_ERASED' && this.parts.onErased()) return this.reopen((error as Error).message);
    this.fail(error);
    this.cancelRetry = this.parts.after(RETRY_MS, () => {
      this.cancelRetry = undefined;
      void this.run();
    });
  }

  /** Handles the takeover by another host. Changes that this host did not commit must not reach a tab, so no callback is called. */
  private fence(): void {
    this.isFenced = true;
    this.waiters.clear();
    this.commitWaiters.clear();
    this.parts.onFenced();
  }
}
