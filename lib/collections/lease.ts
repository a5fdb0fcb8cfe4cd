import {TabsError} from '../protocol/errors.js';
import type {LeaseReport, QueueItem} from '../protocol/queues.js';

/** An item that no other consumer gets until it is given back. */
export interface Lease<T> extends AsyncDisposable {
  /** The item. */
  readonly value: T;
  /** The number of failed attempts before this lease. A release does not count. */
  readonly attempts: number;
  /** Aborts if the lease is lost. */
  readonly signal: AbortSignal;
  /** Completes the item. Rejects with ERR_TABS_LEASE_LOST if another consumer may have it. */
  done(): Promise<void>;
  /** Returns the item to its place in the queue. `await using` does the same if the lease has not ended. Rejects as `done` does. */
  release(): Promise<void>;
  /**
   * Returns the item to its place in the queue after the first attempt, later to the end, or moves it to `dead` after `maxAttempts`. Rejects as
   * `done` does.
   */
  fail(error?: unknown): Promise<void>;
  /** Makes the lease last `ms` milliseconds from now. Rejects with ERR_TABS_LEASE_LOST if another consumer may have the item. */
  extend(ms: number): Promise<void>;
}

/**
 * Reports to the host what happened to an item.
 * @returns whether the lease still existed
 */
export type ReportLease = (how: LeaseReport['how'], more?: Pick<LeaseReport, 'error' | 'ms'>) => Promise<boolean>;

export class QueueLease<T> implements Lease<T> {
  readonly attempts: number;
  readonly signal: AbortSignal;
  private readonly abort = new AbortController();
  private isOver = false;

  constructor(readonly item: QueueItem, readonly value: T, private readonly where: string, private readonly report: ReportLease, private readonly onOver: (lease: QueueLease<T>) => void) {
    this.attempts = item.n;
    this.signal = this.abort.signal;
  }

  done(): Promise<void> {
    return this.end('done');
  }

  release(): Promise<void> {
    return this.end('release');
  }

  fail(error?: unknown): Promise<void> {
    return this.end('fail', error === undefined ? {} : {error: error instanceof Error ? error.message : String(error)});
  }

  async extend(ms: number): Promise<void> {
    if (this.isOver || !await this.report('extend', {ms})) throw this.lost();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isOver) await this.release().catch(() => {});
  }

  private async end(how: LeaseReport['how'], more?: {error?: string}): Promise<void> {
    if (this.isOver) throw this.lost();
    this.isOver = true;
    this.onOver(this);
    if (!await this.report(how, more)) {
      this.abort.abort(this.lost());
      throw this.lost();
    }
  }

  /** Ends the lease, because another consumer has the item, or it is back in the queue. */
  lose(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onOver(this);
    this.abort.abort(this.lost());
  }

  private lost(): TabsError {
    return new TabsError('ERR_TABS_LEASE_LOST', `${this.where}: the lease has ended, and another consumer may have the item`);
  }
}
