import {TabsError, decodeError} from '../protocol/errors.js';
import type {ArgsOfCall, CollectionCalls} from '../protocol/calls.js';
import type {OutcomeMessage, TransactionPart} from '../protocol/transactions.js';
import {closed} from './document.js';
import {isLost} from './lost-host.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';

export interface Outcome {
  raced: OutcomeMessage['raced'];
  rejected: {c: string; d: string; error: Error}[];
}

interface Waiting {
  docs: [string, string][];
  resolve(outcome: Outcome | undefined): void;
}

const committers = new WeakMap<ProxyConnection, Committer>();

export function committerOf(connection: ProxyConnection): Committer {
  let committer = committers.get(connection);
  if (!committer) committers.set(connection, (committer = new Committer(connection)));
  return committer;
}

/** Sends the transactions of one connection to the host, one at a time. So a host can find by a transaction's number whether it has it. */
export class Committer {
  private seq = 0;
  private last: Promise<void> = Promise.resolve();
  private readonly waiting = new Map<number, Waiting>();
  /** Called when the connection is closed. */
  readonly ends = new Set<(error: Error) => void>();

  constructor(private readonly connection: ProxyConnection) {
    connection.on('shared', message => this.onOutcome(message as OutcomeMessage));
    connection.on('hostState', state => {
      if (state === 'connected') this.askAgain();
      else if (state === 'closed') {
        for (const end of this.ends) end(closed('The connection'));
        for (const {resolve} of this.waiting.values()) resolve(undefined);
        this.waiting.clear();
      }
    });
  }

  get isClosed(): boolean {
    return this.connection.hostState === 'closed';
  }

  /**
   * Resolves when it is the caller's turn.
   * @returns a function that ends the turn
   */
  async takeTurn(): Promise<() => void> {
    const before = this.last;
    let end: () => void = () => {};
    this.last = new Promise<void>(resolve => { end = resolve; });
    await before;
    return end;
  }

  /**
   * Commits a transaction.
   * @param isAsync whether its function is async
   * @returns its number if the host has it and it is durable; undefined if other changes touched its reads
   * @throws the host's error; ERR_TABS_TX_UNKNOWN if the host was lost, and `isOver` returns true or the connection is closed before the next one
   *   has answered
   */
  async commit(id: string, parts: TransactionPart[], isAsync: boolean, isOver: () => boolean): Promise<number | undefined> {
    const seq = ++this.seq;
    const docs = parts.filter(({step}) => step).map(({c, d}): [string, string] => [c, d]);
    let answer = await this.ask('shared.commit', {seq, id, parts, isAsync});
    // Only the next host can answer whether the commit was made.
    while (!answer) {
      await this.connected(isOver);
      answer = await this.ask('shared.committed', {seq, docs});
    }
    return answer.committed ? seq : undefined;
  }

  /** The outcome of a transaction at the server; undefined if the connection is closed before it is known. */
  async outcome(seq: number, docs: [string, string][]): Promise<Outcome | undefined> {
    if (this.isClosed) return undefined;
    return new Promise(resolve => {
      this.waiting.set(seq, {docs, resolve});
      this.ask('shared.outcome', {seq, docs}).catch(() => {});
    });
  }

  /**
   * @returns undefined if the session ended without an answer
   * @throws the host's error
   */
  private async ask<Name extends keyof CollectionCalls>(name: Name, ...args: ArgsOfCall<Name>): Promise<CollectionCalls[Name]['result'] | undefined> {
    try {
      return await this.connection.callHost(name, ...args);
    } catch (error) {
      if (isLost(error)) return undefined;
      throw error;
    }
  }

  /** Resolves when there is a session with a host. */
  private async connected(isOver: () => boolean): Promise<void> {
    const {connection} = this;
    while (connection.hostState !== 'connected' || !connection.canSend) {
      if (isOver() || this.isClosed) {
        throw new TabsError('ERR_TABS_TX_UNKNOWN', 'The host was lost before it answered, so the transaction may have been made. Check the data');
      }
      await new Promise<void>(resolve => { connection.clock.after(10, resolve); });
    }
  }

  private askAgain(): void {
    for (const [seq, {docs}] of this.waiting) void this.ask('shared.outcome', {seq, docs}).catch(() => {});
  }

  private onOutcome({a, seq, raced, rejected}: OutcomeMessage): void {
    if (a !== 'shared.outcome') return;
    const waiting = this.waiting.get(seq);
    this.waiting.delete(seq);
    waiting?.resolve({raced, rejected: rejected.map(({error, ...rest}) => ({...rest, error: decodeError(error)}))});
  }
}
