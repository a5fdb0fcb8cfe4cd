import {TabsError} from '../protocol/errors.js';
import {isLocal} from '../protocol/local.js';
import type {TransactionPart} from '../protocol/transactions.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import {browserPlatform} from '../platform/browser.js';
import type {Clock} from '../platform/platform.js';
import {checkOptions, FLAG, NUMBER, oneOf, SIGNAL} from '../tab/check-options.js';
import {committerOf, type Committer, type Outcome} from './committer.js';
import {currentTransaction, noteLoaded, runIn} from './current-transaction.js';
import {closed, openConnections, outcomes} from './document.js';
import type {Access} from './json0.js';
import {shownKey} from './keys.js';
import {readOnly} from './overlay.js';
import {RetryPolicy, type TransactionOptions} from './retry.js';
import {Run, type Transaction, type TransactionOutcome} from './run.js';
import {Snapshot} from './snapshot.js';

export type {TransactionOptions} from './retry.js';

/**
 * Runs `fn` in a transaction. `fn` may run several times, so it must have no other effects. Resolves with its result when the
 * writes are durable in the host. No other code sees a write before that, and the writes of a run that was ended are never seen.
 * @throws ERR_TABS_BAD_OPTION at once. The promise rejects with the error of `fn`, the reason of an abort, an ERR_TABS_TX_* error, or
 *   ERR_TABS_CLOSED; see `docs/collections.md`.
 */
export function transaction<T>(fn: (tx: Transaction) => T | Promise<T>, options: TransactionOptions = {}): Promise<T> {
  checkOptions('transaction', options, {maxRetries: NUMBER, backoff: oneOf('linear', 'exponential'), timeout: NUMBER, signal: SIGNAL, until: oneOf('host', 'server')});
  const outer = currentTransaction();
  if (outer instanceof Run) return join(outer, fn);
  return new TransactionRunner(fn, options).start();
}

noteLoaded(transaction);

/** Inside a synchronous function, a nested transaction is a part of the outer one. If it fails, the outer one fails, too. */
function join<T>(outer: Run, fn: (tx: Transaction) => T | Promise<T>): Promise<T> {
  const fail = (error: unknown): never => {
    outer.givenUp ??= {by: 'abort', reason: error};
    throw error;
  };
  try {
    return Promise.resolve(fn(outer)).catch(fail);
  } catch (error) {
    return fail(error);
  }
}

/** Whether this code runs synchronously within a transaction's function. */
export function isInTransaction(): boolean {
  return currentTransaction() instanceof Run;
}

/** The id of the transaction whose function this code runs in synchronously; null outside of one. */
export function getTransactionId(): string | null {
  const current = currentTransaction();
  return current instanceof Run ? current.id : null;
}

const platform = browserPlatform({});

/** The first part of the ids of this page's transactions. */
let page: string | undefined;
let made = 0;
const newId = (): string => `${page ??= platform.randomId()}.${++made}`;

/** The clock of an open connection that has collections; without one, the platform's clock. */
function clockOfPage(): Clock {
  for (const {hostState, clock} of openConnections()) if (hostState !== 'closed') return clock;
  return platform.clock;
}

const NOT_COMMITTED: TransactionOutcome = {committed: false, acknowledged: false, raced: [], rejected: []};

class TransactionRunner<T> {
  private readonly policy: RetryPolicy;
  private readonly id = newId();
  /** The first call counts. */
  private settle: (outcome: TransactionOutcome | Promise<TransactionOutcome>) => void = () => {};
  private readonly outcome = new Promise<TransactionOutcome>(resolve => { this.settle = resolve; });
  private attempt = 0;
  /** How many runs failed because others had changed what they read, without those that {@link again} repeats at once. */
  private conflicts = 0;
  private isAsync = false;
  private endTurn: (() => void) | undefined;
  private readonly end = (reason: unknown): void => this.policy.fail(reason);
  private committer: Committer | undefined;

  constructor(private readonly fn: (tx: Transaction) => T | Promise<T>, private readonly options: TransactionOptions) {
    this.policy = new RetryPolicy(options, clockOfPage());
  }

  async start(): Promise<T> {
    try {
      for (;;) {
        const done = await this.tryOnce();
        if (done) return await this.finish(done);
      }
    } catch (error) {
      this.policy.reject(error);
      this.settle(NOT_COMMITTED);
      throw error;
    } finally {
      this.release();
      this.committer?.ends.delete(this.end);
      this.policy.end();
    }
  }

  /** @returns undefined if the function must run again */
  private async tryOnce(): Promise<{value: T; run: Run; seq: number | undefined; parts: TransactionPart[]} | undefined> {
    this.policy.check();
    const run = new Run({id: this.id, attempt: ++this.attempt, signal: this.policy.signal, outcome: this.outcome});
    try {
      const value = await this.run(run);
      const {connection} = run;
      const committer = connection && (this.committer = committerOf(connection));
      committer?.ends.add(this.end);
      if (run.givenUp) return await this.giveUp(run);
      if (!committer) return {value: value as T, run, seq: undefined, parts: []};
      if (committer.isClosed) throw closed('The connection');
      await this.takeTurn(committer);
      while (!run.isStale && !run.isSettled) await this.policy.race(run.whenSettled());
      if (run.isStale) return this.again(run);
      const parts = run.parts();
      if (!parts.some(({step}) => step)) return {value: value as T, run, seq: undefined, parts};
      this.policy.noteSent(true);
      const seq = await committer.commit(this.id, parts, this.isAsync, () => this.policy.isOver);
      this.policy.noteSent(false);
      return seq === undefined ? await this.conflict(run, parts) : {value: value as T, run, seq, parts};
    } finally {
      run.close();
    }
  }

  private async run(run: Run): Promise<T | undefined> {
    try {
      const result = runIn(run, () => this.fn(run));
      if (!isPromise(result)) return result;
      await checkAsync(run, result);
      this.isAsync = true;
      // While this transaction waits, other transactions of the tab can run.
      this.release();
      return await this.policy.race(result);
    } catch (error) {
      if (run.givenUp) return undefined;
      // An async function may have seen a mix of two states, so its error means nothing.
      if (run.isStale && this.isAsync) {
        run.givenUp = {by: 'retry'};
        return undefined;
      }
      throw error;
    } finally {
      run.end();
    }
  }

  private async giveUp(run: Run): Promise<undefined> {
    const {givenUp} = run;
    if (givenUp?.by === 'abort') throw givenUp.reason ?? new DOMException('The transaction was aborted', 'AbortError');
    this.release();
    await this.policy.race(run.whenStale());
    return undefined;
  }

  /** Only one transaction of a tab commits at a time. */
  private async takeTurn(committer: Committer): Promise<void> {
    if (this.endTurn) return;
    const turn = committer.takeTurn();
    try {
      this.endTurn = await this.policy.race(turn);
    } catch (error) {
      void turn.then(end => end());
      throw error;
    }
  }

  /**
   * Others changed the reads before anything was sent. A synchronous function runs again at once and keeps its turn to commit, so this does not
   * count as a conflict.
   */
  private again(run: Run): undefined {
    if (this.isAsync) this.countConflict(run, []);
    return undefined;
  }

  private async conflict(run: Run, parts: TransactionPart[]): Promise<undefined> {
    this.countConflict(run, parts);
    const {clock} = run.connection!;
    const ms = this.policy.pauseBefore(this.conflicts, Math.random);
    if (this.isAsync) this.release();
    if (ms) await this.policy.race(new Promise<void>(resolve => { clock.after(ms, resolve); }));
    return undefined;
  }

  private countConflict(run: Run, parts: TransactionPart[]): void {
    if (++this.conflicts <= this.policy.maxRetries) return;
    const docs = run.docs.map(({collection, id}) => `${collection}/${id}`).join(', ');
    throw Object.assign(new TabsError('ERR_TABS_TX_CONFLICT',
      `Others changed what the transaction had read, ${this.attempt} times in a row: ${docs}. Nothing was written`),
    {keys: parts.flatMap(({reads}) => reads.map(read => read.slice(1))), attempts: this.attempt});
  }

  private release(): void {
    this.endTurn?.();
    this.endTurn = undefined;
  }

  private async finish({value, run, seq, parts}: {value: T; run: Run; seq: number | undefined; parts: TransactionPart[]}): Promise<T> {
    this.release();
    const docs = parts.filter(({step}) => step).map(({c, d}): [string, string] => [c, d]);
    // Only the host decides about local documents, so no other answer follows.
    const isDecided = seq === undefined || docs.every(([collection]) => isLocal(collection));
    const outcome = isDecided
      ? Promise.resolve({...NOT_COMMITTED, committed: true, acknowledged: true})
      : this.committer!.outcome(seq, docs).then(outcomeOf);
    this.settle(outcome);
    for (const callback of run.callbacks) {
      if (run.connection) run.connection.guarded(callback);
      else callback();
    }
    if (isDecided) return value;
    for (const doc of run.docs) outcomes.set(doc, Promise.all([outcomes.get(doc), outcome]).then(() => {}));
    if (this.options.until !== 'server') return value;
    this.policy.noteCommitted();
    const {rejected} = await this.policy.race(outcome);
    if (!rejected.length) return value;
    if (rejected.length === docs.length) throw rejected[0]!.error;
    throw Object.assign(new TabsError('ERR_TABS_TX_TORN',
      `The server rejected the transaction's part of ${rejected.map(({collection, name}) => `${collection}/${name}`).join(', ')} and accepted the others. ` +
      'The rejected ops are in connection.deadLetters'), {rejected});
  }
}

function outcomeOf(outcome: Outcome | undefined): TransactionOutcome {
  if (!outcome) return {...NOT_COMMITTED, committed: true};
  const {raced, rejected} = outcome;
  return {
    committed: true, acknowledged: !rejected.length,
    raced: raced.map(({c, d, read}) => ({collection: c, name: d, ...(read.startsWith('=') && {key: shownKey(read.slice(1))})})),
    rejected: rejected.map(({c, d, error}) => ({collection: c, name: d, error}))
  };
}

/** The options of a transaction that only reads. */
export interface ReadOptions {
  /** Waits for an answer of the host first, so that earlier writes of other tabs are visible. Default false. */
  fresh?: boolean | undefined;
  /** The time in ms after which the read rejects with ERR_TABS_TX_TIMEOUT. Default 10,000. */
  timeout?: number | undefined;
}

/**
 * Reads collections and documents in one consistent state, even in an async function. `tx.in(doc).data` is a copy if the type is json0.
 * @throws ERR_TABS_TX_READONLY for a write, ERR_TABS_TX_TIMEOUT, ERR_TABS_TX_ASYNC, ERR_TABS_BAD_OPTION, or the error of `fn`
 */
export async function readTransaction<T>(fn: (tx: Pick<Transaction, 'id' | 'in' | 'signal'>) => T | Promise<T>, options: ReadOptions = {}): Promise<T> {
  checkOptions('readTransaction', options, {fresh: FLAG, timeout: NUMBER});
  const {fresh, timeout} = options;
  const outer = currentTransaction() as Run | undefined;
  const policy = new RetryPolicy({timeout}, clockOfPage());
  let snapshot: Snapshot | undefined;
  let run: Run | undefined;
  try {
    const open = (): ProxyConnection[] => [...openConnections()].filter(({hostState}) => hostState !== 'closed');
    if (fresh) await policy.race(Promise.all(open().map(connection => connection.callHost('host.ping'))));
    const kept = (snapshot = new Snapshot());
    run = new Run({
      id: newId(), attempt: 1, signal: policy.signal, outcome: Promise.resolve(NOT_COMMITTED), isReadOnly: true,
      // Inside a transaction, it reads what the transaction has written, and its reads are the transaction's.
      accessFor: base => (outer ? Object.create(outer.access(base, false), {submit: {value: readOnly}}) as Access : kept.access(base, readOnly)),
      dataOf: doc => (outer ? outer.in(doc).data : kept.dataOf(doc))
    });
    const own = run;
    const result = runIn(own, () => fn(own));
    if (isPromise(result)) {
      // Documents may change from now on.
      for (const connection of open()) kept.add(connection);
      await checkAsync(own, result);
    }
    return await policy.race(Promise.resolve(result));
  } catch (error) {
    policy.reject(error);
    throw error;
  } finally {
    run?.close();
    snapshot?.close();
    policy.end();
  }
}

/** @throws ERR_TABS_TX_ASYNC if an async function has used a collection directly, and its promise is not settled */
async function checkAsync({usedDirectly}: Run, result: Promise<unknown>): Promise<void> {
  if (!usedDirectly || await isSettled(result)) return;
  result.then(() => {}, () => {});
  throw new TabsError('ERR_TABS_TX_ASYNC', 'An async function used a collection directly: use tx.in(collection). Nothing was written');
}

const isPromise = (value: unknown): value is Promise<any> => typeof (value as Promise<unknown> | null)?.then === 'function';

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const sentinel = {};
  return await Promise.race([promise.then(() => true, () => true), Promise.resolve(sentinel).then(() => Promise.resolve(sentinel))]) === true;
}
