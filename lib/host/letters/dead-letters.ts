import {encodeError, withCode} from '../../protocol/errors.js';
import type {DeadLetter, LostOp} from '../../protocol/messages.js';
import type {DurableStore} from '../../store/durable-store.js';
import {isHistoryGone} from '../doc/op-errors.js';
import type {Step} from '../../ot/history-entry.js';

/** The prefix of the names in the store under which earlier releases kept single letters, without the ops that they were made on. */
const SINGLE = 'dead letter: ';
const CHAIN = 'dead letters: ';

/** An op that is given up. Without an error it is not a letter, but kept because later ops were made on it. */
export interface LostStep {
  step: Step;
  /** The op's identity at the server, if it was assigned. */
  src?: string | undefined;
  seq?: number | undefined;
  type: string | null;
  error?: Error | undefined;
}

/** Ops of one document that are given up together, each made on the one before. */
export interface LostSteps {
  collection: string;
  doc: string;
  /** The server's version that the first op was made on; null if it is unknown, or if the server has another history. */
  v: number | null;
  ops: LostStep[];
}

/** A stored op. The server recognizes it by `src` and `seq`. */
export interface KeptOp {
  step: DeadLetter['step'];
  src: string;
  seq: number;
  type: string | null;
  /** Set if the op is a letter that the app has not retried or discarded. */
  letter?: Pick<DeadLetter, 'id' | 'error' | 'time'> | undefined;
}

/** Stored ops of one document, each made on the one before. */
export interface Chain {
  id: string;
  collection: string;
  doc: string;
  v: number | null;
  ops: KeptOp[];
}

interface Kept {
  chain: Chain;
  op: KeptOp;
}

export interface DeadLettersOptions {
  store: DurableStore | undefined;
  randomId: () => string;
  now: () => number;
  onLetter: (letter: DeadLetter) => void;
  /** The number of letters has changed. */
  onChange: () => void;
}

/** The promise of a letter's op that is submitted again. It rejects if the op is refused. */
interface Waiting {
  resolve: () => void;
  reject: (error: Error) => void;
}

/**
 * Keeps ops that could not be saved until the app retries or discards them. Ops that were made on each other are kept together, with
 * the version that the first one was made on. Both are necessary to rebase the ops to a later state.
 */
export class DeadLetters {
  private readonly chains = new Map<string, Chain>();
  private readonly letters = new Map<string, Kept>();
  /** The letters by `src` and `seq`. */
  private readonly byOp = new Map<string, Kept>();
  private readonly waiting = new Map<string, Waiting>();

  constructor(private readonly options: DeadLettersOptions) {}

  get size(): number {
    return this.letters.size;
  }

  /** Reads the letters that earlier hosts have stored. @param kept the store's small values, by name */
  load(kept: Record<string, string>): void {
    const found: Chain[] = [];
    for (const [name, value] of Object.entries(kept)) {
      try {
        if (name.startsWith(CHAIN)) found.push(JSON.parse(value) as Chain);
        else if (name.startsWith(SINGLE)) found.push(chainOf(JSON.parse(value) as DeadLetter));
      } catch {
        // The value is not a letter of this library. It stays in the store.
      }
    }
    found.sort((one, other) => timeOf(one) - timeOf(other) || (one.v ?? 0) - (other.v ?? 0));
    for (const chain of found) if (!this.chains.has(chain.id)) this.insert(chain);
  }

  /** Returns all letters. Those of one document are in the order in which they can be submitted again. */
  list(): DeadLetter[] {
    const byDoc = new Map<string, DeadLetter[]>();
    for (const {chain, op} of this.letters.values()) {
      const key = JSON.stringify([chain.collection, chain.doc]);
      byDoc.set(key, [...byDoc.get(key) ?? [], letterOf(chain, op)]);
    }
    return [...byDoc.values()].flat();
  }

  /** Returns the letter's op, and the ops before it that it was made on. */
  find(id: string): Chain | undefined {
    const kept = this.letters.get(id);
    return kept && {...kept.chain, ops: kept.chain.ops.slice(0, kept.chain.ops.indexOf(kept.op) + 1)};
  }

  /** Adds ops that the host gives up. An op that is already a letter keeps its letter's id, with the new version that it was made on. */
  add({collection, doc, v, ops}: LostSteps): void {
    const {randomId, now, onLetter, onChange} = this.options;
    const isLetter = ({src, seq, error}: LostStep): boolean => !!error || this.isWaitingFor(src, seq);
    const last = ops.findLastIndex(isLetter);
    if (last < 0) return;
    const id = randomId();
    const fresh: KeptOp[] = [];
    const refused: [id: string, error: Error][] = [];
    const chainOps = ops.slice(0, last + 1).map((lost, i): KeptOp => {
      const {step, src = id, seq = i + 1, type} = lost;
      const op: KeptOp = {step: step as DeadLetter['step'], src, seq, type};
      if (!isLetter(lost)) return op;
      const error = lost.error ?? silentRefusal();
      const before = this.byOp.get(keyOf(src, seq))?.op.letter;
      op.letter = {id: before?.id ?? randomId(), error: encodeError(error), time: now()};
      if (before) refused.push([before.id, error]);
      else fresh.push(op);
      return op;
    });
    for (const [letterId] of refused) this.remove(letterId);
    const chain: Chain = {id, collection, doc, v: ops.some(({error}) => isHistoryGone(error)) ? null : v, ops: chainOps};
    this.insert(chain);
    this.write(chain);
    for (const op of fresh) onLetter(letterOf(chain, op));
    for (const [letterId, error] of refused) this.settle(letterId, error);
    onChange();
  }

  /** Adds an op that a tab gives up. A letter that the tab has already reported is ignored. */
  addOfTab({id, collection, doc, step, type, error, v, after}: LostOp): void {
    if (this.letters.has(id)) return;
    const op: KeptOp = {step, src: id, seq: 1, type, letter: {id, error, time: this.options.now()}};
    const before = after === undefined ? undefined : this.letters.get(after)?.chain;
    const isNext = before && before.ops.at(-1)?.letter?.id === after;
    const chain: Chain = isNext ? before
      : {id, collection, doc, v: after === undefined && !isHistoryGone(error) ? v ?? null : null, ops: []};
    chain.ops.push(op);
    this.insert(chain);
    this.write(chain);
    this.options.onLetter(letterOf(chain, op));
    this.options.onChange();
  }

  /**
   * Removes the versions of a document's letters up to `version`, because the server has another history: there the same number may be
   * another state.
   */
  loseBase({collection, id}: {collection: string; id: string}, version: number): void {
    for (const chain of this.chains.values()) {
      if (chain.collection !== collection || chain.doc !== id || chain.v === null || chain.v > version) continue;
      chain.v = null;
      this.write(chain);
    }
  }

  discard(id: string): void {
    if (!this.letters.has(id)) return;
    this.remove(id);
    this.settle(id);
    this.options.onChange();
  }

  /** Removes the letter of an op that the server has, if there is one. */
  noteSaved(src: string | undefined, seq: number | undefined): void {
    const kept = this.byOp.size && src !== undefined && seq !== undefined ? this.byOp.get(keyOf(src, seq)) : undefined;
    if (kept) this.discard(kept.op.letter!.id);
  }

  /** Resolves when the letter is removed. Rejects when its op is refused again. */
  whenOver(id: string): Promise<void> {
    return new Promise((resolve, reject) => this.waiting.set(id, {resolve, reject}));
  }

  private isWaitingFor(src: string | undefined, seq: number | undefined): boolean {
    if (src === undefined || seq === undefined) return false;
    const id = this.byOp.get(keyOf(src, seq))?.op.letter?.id;
    return id !== undefined && this.waiting.has(id);
  }

  private settle(id: string, error?: Error): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) waiting?.reject(error);
    else waiting?.resolve();
  }

  private insert(chain: Chain): void {
    this.chains.set(chain.id, chain);
    for (const op of chain.ops) {
      if (!op.letter) continue;
      this.letters.set(op.letter.id, {chain, op});
      this.byOp.set(keyOf(op.src, op.seq), {chain, op});
    }
  }

  /** Removes a letter. Its op stays in the chain while later letters were made on it. */
  private remove(id: string): void {
    const {chain, op} = this.letters.get(id)!;
    this.letters.delete(id);
    this.byOp.delete(keyOf(op.src, op.seq));
    op.letter = undefined;
    chain.ops.length = chain.ops.findLastIndex(({letter}) => letter) + 1;
    if (!chain.ops.length) this.chains.delete(chain.id);
    this.write(chain);
  }

  private write(chain: Chain): void {
    const {store} = this.options;
    if (!store) return;
    if (store.kept[SINGLE + chain.id] !== undefined) store.keep(SINGLE + chain.id, undefined);
    store.keep(CHAIN + chain.id, chain.ops.length ? JSON.stringify(chain) : undefined);
  }
}

const keyOf = (src: string, seq: number): string => `${seq} ${src}`;

function letterOf({collection, doc, v, ops}: Chain, op: KeptOp): DeadLetter {
  const {id, error, time} = op.letter!;
  const before = ops[ops.indexOf(op) - 1]?.letter?.id;
  return {
    id, collection, doc, step: op.step, type: op.type, error, time, ...(v !== null && {v}), ...(before !== undefined && {after: before})
  };
}

function chainOf({id, collection, doc, step, type, error, time}: DeadLetter): Chain {
  return {id, collection, doc, v: null, ops: [{step, src: id, seq: 1, type, letter: {id, error, time}}]};
}

const timeOf = ({ops}: Chain): number => ops.find(({letter}) => letter)?.letter?.time ?? 0;

function silentRefusal(): Error & {code: string} {
  return withCode('ERR_OP_SUBMIT_REJECTED', 'The server rejected the op without an error for its author');
}

