import {TabsError} from '../protocol/errors.js';
import type {Clock} from '../platform/platform.js';

/** The options of a transaction. */
export interface TransactionOptions {
  /** How often the function is run again because others changed what it had read. Default 16. */
  maxRetries?: number | undefined;
  /** How the pauses between runs grow, from 4 ms to 1 s. Default 'exponential'. */
  backoff?: 'linear' | 'exponential' | undefined;
  /** In ms, for all runs together. Default 10,000. */
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
  /** 'server': resolves when the server has acknowledged all of it. Default 'host'. */
  until?: 'host' | 'server' | undefined;
}

const MAX_RETRIES = 16;
const TIMEOUT_MS = 10_000;
const FIRST_MS = 4;
const LONGEST_MS = 1000;

/** How long a transaction may take, how often it is tried, and who ends it. */
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
    if (timeout !== Infinity) this.cancelTimer = clock.after(timeout, () => this.fail(undefined));
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  }

  get isOver(): boolean {
    return !!this.failure;
  }

  /** The host may have it from now on: it can't be said any more that nothing is written. */
  noteSent(isSent: boolean): void {
    this.isSent = isSent;
  }

  private fail(reason: unknown): void {
    if (this.failure) return;
    this.failure = {reason};
    // What is on its way is waited for: the committer knows when there is no answer to be had.
    if (this.isSent) return;
    this.abort.abort(this.reason);
    for (const reject of this.waiting) reject(this.reason);
  }

  private get reason(): unknown {
    return this.failure?.reason ?? new TabsError('ERR_TABS_TX_TIMEOUT',
      `The transaction was not made within ${this.timeout} ms. Nothing was written: run it again, or give it more time`);
  }

  /** @throws the reason of the end */
  check(): void {
    if (this.failure) throw this.reason;
  }

  /** The same, but rejects at the end. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.failure) return reject(this.reason as Error);
      this.waiting.add(reject);
      promise.finally(() => this.waiting.delete(reject)).then(resolve, reject);
    });
  }

  /** The pause before a run, in ms; none before the second one, as by then what happened is here. */
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
