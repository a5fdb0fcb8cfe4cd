import {TabsError} from '../protocol/errors.js';
import type {GiveBack, QueueItem} from '../protocol/queues.js';

/** An item that nobody else gets until it is given back. */
export interface Lease<T> extends AsyncDisposable {
  readonly value: T;
  /** How often it was taken before, and not done. */
  readonly attempts: number;
  /** Aborts when the lease was taken back. */
  readonly signal: AbortSignal;
  /** Rejects with ERR_TABS_LEASE_LOST where somebody else has the item by now. */
  done(): Promise<void>;
  /** Back to its place. Also by `await using` without `done`. */
  release(): Promise<void>;
  /** Back, or to `dead` after `maxAttempts`. */
  fail(error?: unknown): Promise<void>;
  extend(ms: number): Promise<void>;
}

/** Tells the host what becomes of an item. @returns whether the lease was still there */
export type Give = (how: GiveBack['how'], more?: Pick<GiveBack, 'error' | 'ms'>) => Promise<boolean>;

export class QueueLease<T> implements Lease<T> {
  readonly attempts: number;
  readonly signal: AbortSignal;
  private readonly abort = new AbortController();
  private isOver = false;

  constructor(readonly item: QueueItem, readonly value: T, private readonly where: string, private readonly give: Give, private readonly onOver: (lease: QueueLease<T>) => void) {
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
    if (this.isOver || !await this.give('extend', {ms})) throw this.lost();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isOver) await this.release().catch(() => {});
  }

  private async end(how: GiveBack['how'], more?: {error?: string}): Promise<void> {
    if (this.isOver) throw this.lost();
    this.isOver = true;
    this.onOver(this);
    if (!await this.give(how, more)) {
      this.abort.abort(this.lost());
      throw this.lost();
    }
  }

  /** It is somebody else's, or back in the queue. */
  lose(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onOver(this);
    this.abort.abort(this.lost());
  }

  private lost(): TabsError {
    return new TabsError('ERR_TABS_LEASE_LOST', `${this.where}: the lease is over, or was taken back: another consumer may have the item. What was done for it may be done twice`);
  }
}
