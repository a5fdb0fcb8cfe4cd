import {encodeError, withCode} from '../../protocol/errors.js';
import {isLocal} from '../../protocol/local.js';
import type {DocKey} from '../../store/storage.js';
import {isCommit, isQuestion, touchedReads, transactionAuthor, type Commit, type OutcomeMessage, type TransactionPart} from '../../protocol/transactions.js';
import {isJson0} from '../../ot/fast-json0.js';
import type {Step, WaitingOp} from '../../ot/history-entry.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import type {Clock} from '../../platform/platform.js';
import type {Tab} from '../tab.js';
import {Turns} from './turns.js';

export interface TransactionsOwner {
  readonly docs: {get(c: string, d: string): SharedDoc; find(key: DocKey): SharedDoc | undefined};
  /** Returns the tab of an id, or the author of a tab's transactions. */
  tab(id: string): Tab;
  tabs(): Iterable<Tab>;
  readonly clock: Clock;
}

interface Answer {
  committed: boolean;
}

/** A transaction whose ops the server has not all answered. */
interface Waiting {
  tab: Tab;
  seq: number;
  left: Set<SharedDoc>;
  reads: Map<SharedDoc, ReadonlySet<string>>;
  /** Whether the tab has asked for the outcome. */
  isAsked: boolean;
  raced: OutcomeMessage['raced'];
  rejected: OutcomeMessage['rejected'];
}

/**
 * Places the tabs' transactions. In one turn of the host, it checks whether data that a transaction has read have changed since,
 * and places all of the transaction's ops in the history, or none. So the transactions are serializable in the order of their places.
 */
export class Transactions {
  private readonly waiting = new Map<string, Waiting>();
  private readonly byDoc = new Map<SharedDoc, Set<Waiting>>();
  /** The number of the last transaction whose commit each tab has asked about. Those up to this number are not placed later. */
  private readonly givenUp = new WeakMap<Tab, number>();

  private readonly turns: Turns;

  constructor(private readonly owner: TransactionsOwner) {
    this.turns = new Turns(owner.clock);
  }

  answer(tab: Tab, name: string, args: unknown): Answer | Promise<Answer> {
    if (name === 'shared.commit' && isCommit(args)) return this.commit(tab, args);
    if (name === 'shared.committed' && isQuestion(args)) return this.isCommitted(tab, args.seq, args.docs);
    if (name === 'shared.outcome' && isQuestion(args)) return this.registerForOutcome(tab, args.seq, args.docs);
    throw withCode('ERR_MESSAGE_BADLY_FORMED', `Invalid call ${name}`);
  }

  private async commit(tab: Tab, commit: Commit): Promise<Answer> {
    const docs = commit.parts.map(({c, d}) => this.owner.docs.get(c, d));
    const wait = (call: () => void): boolean => this.turns.wait(tab, commit, i => hasJson0(docs[i]!), call);
    const answer = await this.together(docs, () => this.placeInTurn(tab, commit, docs), commit.isAsync ? undefined : wait);
    await tab.whenSent();
    if (!answer.committed) this.turns.hold(tab, commit);
    return answer;
  }

  private placeInTurn(tab: Tab, commit: Commit, docs: readonly SharedDoc[]): Answer {
    let isConflict = false;
    try {
      const answer = this.place(tab, commit, docs);
      isConflict = !answer.committed && !commit.isAsync;
      return answer;
    } finally {
      if (isConflict) this.turns.join(tab, commit);
      else this.turns.leave(tab, commit);
    }
  }

  /**
   * Calls `act` in a turn in which none of the documents is being restored or rolled back.
   * @param wait whether `act` has to wait for something else. It then calls `look` later
   */
  private together<T>(docs: readonly SharedDoc[], act: () => T, wait?: (look: () => void) => boolean): Promise<T> {
    for (const doc of docs) doc.retain();
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const busy = docs.find(doc => !doc.isSettled);
        if (busy) return busy.whenSettled(look);
        if (wait?.(look)) return;
        try {
          resolve(act());
        } catch (error) {
          reject(error as Error);
        } finally {
          for (const doc of docs) doc.release();
        }
      };
      look();
    });
  }

  private place(tab: Tab, {seq, id, parts}: Commit, docs: readonly SharedDoc[]): Answer {
    const author = this.owner.tab(transactionAuthor(tab.id));
    if (docs.some((doc, i) => parts[i]!.step && doc.lastSeqOf(author) >= seq)) return {committed: true};
    if (seq <= (this.givenUp.get(tab) ?? 0)) return {committed: false};
    const ops = parts.map((part, i) => this.validate(part, docs[i]!, seq, author));
    if (ops.includes('conflict')) {
      // The tab runs the function again, on the current data.
      for (const doc of docs) doc.bringUpToDate(tab);
      return {committed: false};
    }
    const waiting = this.expect(tab, seq, parts, docs);
    const ends = [...this.owner.tabs()].map(one => one.gather(id));
    try {
      ops.forEach((op, i) => { if (op) docs[i]!.place(author, op as WaitingOp, error => { if (waiting) this.settle(waiting, docs[i]!, error); }); });
      for (const doc of docs) doc.bringUpToDate(tab);
    } finally {
      for (const end of ends) end();
    }
    return {committed: true};
  }

  /** @returns the op to place, rebased to the current revision; undefined if the transaction has only read the document */
  private validate({rev, reads, step}: TransactionPart, doc: SharedDoc, seq: number, author: Tab): WaitingOp | 'conflict' | undefined {
    const {history} = doc.journaled;
    if (!history.covers(rev)) return 'conflict';
    const wanted = new Set(reads);
    if (history.after(rev).some(entry => touchedReads(entry.step, hasJson0(doc), wanted).length)) return 'conflict';
    if (!step) return undefined;
    const op = doc.prepare(step, seq, author, rev);
    return op instanceof Error ? 'conflict' : op;
  }

  // ---- after a lost host

  private isCommitted(tab: Tab, seq: number, keys: [string, string][]): Promise<Answer> {
    this.givenUp.set(tab, Math.max(seq, this.givenUp.get(tab) ?? 0));
    const docs = keys.map(([c, d]) => this.owner.docs.get(c, d));
    return this.together(docs, () => {
      const author = this.owner.tab(transactionAuthor(tab.id));
      for (const doc of docs) doc.bringUpToDate(tab);
      return {committed: docs.some(doc => doc.lastSeqOf(author) >= seq)};
    });
  }

  // ---- outcomes at the server

  /** Records a transaction until the server has answered. @returns undefined if it writes only local documents, which no server answers */
  private expect(tab: Tab, seq: number, parts: readonly TransactionPart[], docs: readonly SharedDoc[]): Waiting | undefined {
    const left = new Set(docs.filter((_, i) => parts[i]!.step));
    if ([...left].every(({collection}) => isLocal(collection))) return undefined;
    const reads = new Map(docs.map((doc, i) => [doc, new Set(parts[i]!.reads)]));
    const waiting: Waiting = {tab, seq, left, reads, isAsked: false, raced: [], rejected: []};
    this.waiting.set(nameOf(tab, seq), waiting);
    for (const doc of left) {
      const all = this.byDoc.get(doc);
      if (all) all.add(waiting);
      else this.byDoc.set(doc, new Set([waiting]));
    }
    return waiting;
  }

  /** Records a change by another device that comes before a transaction at the server and changes data that the transaction has read. */
  onServerOp(doc: SharedDoc, step: Step): void {
    for (const {reads, raced} of this.byDoc.get(doc) ?? []) {
      for (const read of touchedReads(step, hasJson0(doc), reads.get(doc)!)) {
        if (!raced.some(one => one.read === read && one.c === doc.collection && one.d === doc.id)) raced.push({c: doc.collection, d: doc.id, read});
      }
    }
  }

  private settle(waiting: Waiting, doc: SharedDoc, error?: Error | null): void {
    if (error) waiting.rejected.push({c: doc.collection, d: doc.id, error: encodeError(error) as OutcomeMessage['rejected'][number]['error']});
    waiting.left.delete(doc);
    const all = this.byDoc.get(doc);
    all?.delete(waiting);
    if (!all?.size) this.byDoc.delete(doc);
    this.sendOutcome(waiting);
  }

  private sendOutcome(waiting: Waiting): void {
    const {tab, seq, left, raced, rejected, isAsked} = waiting;
    if (left.size || !isAsked) return;
    this.waiting.delete(nameOf(tab, seq));
    tab.send({a: 'shared.outcome', seq, raced, rejected} satisfies OutcomeMessage);
  }

  /** Forgets the transactions of a tab that has ended. */
  forget(tab: Tab): void {
    this.turns.forget(tab);
    for (const [name, waiting] of this.waiting) {
      if (waiting.tab !== tab) continue;
      this.waiting.delete(name);
      for (const doc of waiting.left) this.byDoc.get(doc)?.delete(waiting);
    }
  }

  private async registerForOutcome(tab: Tab, seq: number, keys: [string, string][]): Promise<Answer> {
    let waiting = this.waiting.get(nameOf(tab, seq));
    if (!waiting) {
      // The transaction was placed by an earlier host. Changes by others are unknown, only the time when the server has it is known.
      const docs = keys.map(([c, d]) => this.owner.docs.get(c, d));
      waiting = {tab, seq, left: new Set(docs), reads: new Map(), isAsked: false, raced: [], rejected: []};
      const restored = waiting;
      void this.together(docs, () => { for (const doc of docs) doc.whenSaved(() => this.settle(restored, doc)); });
    }
    waiting.tab = tab;
    waiting.isAsked = true;
    this.sendOutcome(waiting);
    return {committed: true};
  }
}

const nameOf = ({id}: Tab, seq: number): string => `${id} ${seq}`;
const hasJson0 = ({doc: {type}}: SharedDoc): boolean => !!type && isJson0(type);
