import {TabsError, decodeError} from '../protocol/errors.js';
import type {OutcomeMessage, TransactionPart} from '../protocol/transactions.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';

export interface Outcome {
  raced: OutcomeMessage['raced'];
  rejected: {c: string; d: string; error: Error}[];
}

interface Waiting {
  docs: [string, string][];
  resolve(outcome: Outcome): void;
}

const committers = new WeakMap<ProxyConnection, Committer>();

export function committerOf(connection: ProxyConnection): Committer {
  let committer = committers.get(connection);
  if (!committer) committers.set(connection, (committer = new Committer(connection)));
  return committer;
}

/** Hands the transactions of one connection to the host, one at a time: so the host can tell by their numbers which it has. */
export class Committer {
  private seq = 0;
  private last: Promise<void> = Promise.resolve();
  private readonly waiting = new Map<number, Waiting>();

  constructor(private readonly connection: ProxyConnection) {
    connection.on('shared', message => this.hear(message as OutcomeMessage));
    connection.on('hostState', state => { if (state === 'connected') this.askAgain(); });
  }

  /** Resolves when it is the caller's turn. @returns ends the turn */
  async takeTurn(): Promise<() => void> {
    const before = this.last;
    let end: () => void = () => {};
    this.last = new Promise<void>(resolve => { end = resolve; });
    await before;
    return end;
  }

  /**
   * @returns its number where the host has it, durable; undefined where what was read had changed
   * @throws ERR_TABS_TX_UNKNOWN when `isOver` says so before there is an answer
   */
  async commit(id: string, parts: TransactionPart[], isOver: () => boolean): Promise<number | undefined> {
    const seq = ++this.seq;
    const docs = parts.filter(({step}) => step).map(({c, d}): [string, string] => [c, d]);
    let answer = await this.ask('shared.commit', {seq, id, parts});
    // Whether the host has it, only the next one knows.
    while (!answer) {
      await this.connected(isOver);
      answer = await this.ask('shared.asked', {seq, docs});
    }
    return answer.committed ? seq : undefined;
  }

  /** What becomes of it at the server. */
  outcome(seq: number, docs: [string, string][]): Promise<Outcome> {
    return new Promise(resolve => {
      this.waiting.set(seq, {docs, resolve});
      this.ask('shared.outcome', {seq, docs}).catch(() => {});
    });
  }

  /** @returns undefined where there is no answer @throws the host's error */
  private async ask(name: string, args: unknown): Promise<{committed: boolean} | undefined> {
    try {
      return await this.connection.callHost(name, args) as {committed: boolean};
    } catch (error) {
      const {code} = error as {code?: unknown};
      if (code === 'ERR_TABS_SESSION_ENDED' || code === 'ERR_TABS_TIMEOUT') return undefined;
      throw error;
    }
  }

  /** Resolves when there is a session with a host. */
  private async connected(isOver: () => boolean): Promise<void> {
    const {connection} = this;
    while (connection.hostState !== 'connected' || !connection.canSend) {
      if (isOver() || connection.state === 'closed') {
        throw new TabsError('ERR_TABS_TX_UNKNOWN', 'The host was lost before it answered: the transaction may have been made, or not. Look at what it would have changed');
      }
      await new Promise<void>(resolve => { connection.clock.after(10, resolve); });
    }
  }

  private askAgain(): void {
    for (const [seq, {docs}] of this.waiting) void this.ask('shared.outcome', {seq, docs}).catch(() => {});
  }

  private hear({a, seq, raced, rejected}: OutcomeMessage): void {
    if (a !== 'shared.outcome') return;
    const waiting = this.waiting.get(seq);
    this.waiting.delete(seq);
    waiting?.resolve({raced, rejected: rejected.map(({error, ...rest}) => ({...rest, error: decodeError(error)}))});
  }
}
