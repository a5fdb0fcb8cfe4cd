import {TabsError} from '../protocol/errors.js';
import type {Clock} from '../platform/platform.js';
import {LONGEST_DELAY_MS} from '../platform/longest-delay.js';

/** The options of a transaction. */
export interface TransactionOptions {
  /** How often the function runs again because others changed what it had read. Default 16. */
  maxRetries?: number | undefined;
  /** How the pauses between runs grow, from 4 ms to 1 s. Each is lengthened or shortened at random by up to a half. Default 'exponential'. */
  backoff?: 'linear' | 'exponential' | undefined;
  /**
   * The time limit for all runs together, in ms. After it, the transaction rejects with ERR_TABS_TX_TIMEOUT, unless the host already has the
   * commit. Default 10,000.
   */
  timeout?: number | undefined;
  /**
   * Its abort rejects the transaction with the signal's reason, and nothing is written. If the commit was already sent and succeeds, the abort
   * has no effect with `until: 'host'`, and only ends the wait with `until: 'server'`.
   */
  signal?: AbortSignal | undefined;
  /** 'host': resolves when the host has the writes. 'server': resolves when the server has acknowledged all of them. Default 'host'. */
  until?: 'host' | 'server' | undefined;
}

const MAX_RETRIES = 16;
const TIMEOUT_MS = 10_000;
const FIRST_MS = 4;
const LONGEST_MS = 1000;

/** Limits the duration and the number of runs of a transaction, and ends it on a signal. */
export class RetryPolicy {
  readonly maxRetries: number;
  readonly signal: AbortSignal;
  private readonly timeout: number;
  private readonly isLinear: boolean;
  private readonly abort = new AbortController();
  private cancelTimer: (() => void) | undefined;
  private failure: {reason: unknown} | undefined;
  private readonly waiting = new Set<(reason: unknown) => void>();
  private isSent = false;
  private readonly stop: () => void;

  constructor({maxRetries = MAX_RETRIES, backoff = 'exponential', timeout = TIMEOUT_MS, signal}: TransactionOptions, clock: Clock) {
    this.maxRetries = maxRetries;
    this.timeout = timeout;
    this.isLinear = backoff === 'linear';
    this.signal = this.abort.signal;
    const end = (): void => this.fail(signal!.reason);
    this.stop = () => signal?.removeEventListener('abort', end);
    if (timeout <= LONGEST_DELAY_MS) this.cancelTimer = clock.after(timeout, () => this.fail(undefined));
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  }

  get isOver(): boolean {
    return !!this.failure;
  }

  /** Notes whether the host may have the commit. While it may, the transaction does not end with an error that says that nothing was written. */
  noteSent(isSent: boolean): void {
    this.isSent = isSent;
  }

  /** Notes that the transaction is committed. From then on it does not time out. */
  noteCommitted(): void {
    this.cancelTimer?.();
    this.isSent = false;
    if (this.failure?.reason === undefined) this.failure = undefined;
  }

  /** Ends the transaction without a commit, unless the host may have one. */
  fail(reason: unknown): void {
    if (this.failure) return;
    this.failure = {reason};
    // The transaction waits for the answer to a commit that was sent. The committer throws if no answer can arrive.
    if (!this.isSent) this.reject(this.reason);
  }

  /** Notes that the transaction rejects with this error. */
  reject(error: unknown): void {
    this.failure ??= {reason: error};
    this.abort.abort(error);
    for (const reject of this.waiting) reject(error);
  }

  private get reason(): unknown {
    return this.failure?.reason ?? new TabsError('ERR_TABS_TX_TIMEOUT',
      `The transaction did not commit within ${this.timeout} ms. Nothing was written: run it again, or raise the timeout`);
  }

  /** @throws the reason if the transaction has ended */
  check(): void {
    if (this.failure) throw this.reason;
  }

  /** Settles like the promise, but rejects if the transaction ends first. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.failure) return reject(this.reason as Error);
      this.waiting.add(reject);
      promise.finally(() => this.waiting.delete(reject)).then(resolve, reject);
    });
  }

  /**
   * @param retry how many runs have ended with a conflict
   * @returns the pause before the next run, in ms; 0 after the first conflict, because the changes that caused it have already arrived
   */
  pauseBefore(retry: number, random: () => number): number {
    if (retry <= 1) return 0;
    const pause = this.isLinear ? FIRST_MS * (retry - 1) : FIRST_MS * 2 ** (retry - 2);
    return Math.min(pause, LONGEST_MS) * (0.5 + random());
  }

  end(): void {
    this.cancelTimer?.();
    this.stop();
  }
}
