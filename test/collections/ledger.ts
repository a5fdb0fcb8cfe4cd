import {isDeepStrictEqual} from 'node:util';
import {readTransaction, transaction, type SharedArray, type SharedMap} from '../../lib/collections.js';
import type {Random} from '../support/random.js';
import {Reader, readArray, readMap} from './readers.js';
import type {Value} from './models.js';
import type {VirtualTime} from './virtual-time.js';

const TOKENS = [1, 2, 3, 4];
const OPTIONS = {maxRetries: 1000, timeout: 60_000};

/** The collections of a ledger, as one tab has them. */
export interface Books {
  /** 'count' is only incremented, and 'sum' only updated. 'log' holds the ids of the transactions that changed it. */
  sums: SharedMap<string, Value>;
  /** Each token is either on the shelf or, as a key, on the table. */
  shelf: SharedArray<Value>;
  table: SharedMap<string, Value>;
}

type Log = {n: number[]};

/** What several tabs change in transactions only, or with ops that merge, so that each state that any tab shows must be right. */
export class Ledger {
  readonly faults: unknown[] = [];
  private count = 0;
  private sum = 0;
  private made = 0;
  private readonly added: number[] = [];
  private readonly pending = new Set<Promise<unknown>>();
  private readonly readers: {ask(): void; drain(): boolean}[] = [];
  /** For each tab: what its watchers told of the ledger. */
  private readonly read: (() => object)[] = [];
  private readonly logs: Log[] = [];

  private constructor(private readonly all: readonly Books[], private readonly time: VirtualTime) {}

  static async open(all: readonly Books[], time: VirtualTime): Promise<Ledger> {
    const [{sums, shelf}] = all as [Books];
    await time.settled(transaction(() => {
      sums.setMany([['count', 0], ['sum', 0], ['log', {n: []}]]);
      shelf.push(...TOKENS);
    }));
    await time.until('all have the ledger', () => all.every(books => books.shelf.length === TOKENS.length && books.sums.size === 3));
    const ledger = new Ledger(all, time);
    for (const books of all) ledger.watch(books);
    return ledger;
  }

  private watch(books: Books): void {
    const {sums, shelf, table} = books;
    // Listeners run when all documents are up to date.
    for (const one of [sums, table]) one.on(() => this.look(books, 'in a listener'));
    shelf.on(() => this.look(books, 'in a listener'));
    const [sumsReader, shelfReader, tableReader] = [readMap(sums, this.faults), readArray(shelf, this.faults), readMap(table, this.faults)];
    const logReader = new Reader(sums.watch('log', {immediate: true}), {length: -1}, (seen, {newValue}) => {
      const log = newValue as Log;
      if (log.n.length <= seen.length) throw new Error(`the log went back to ${JSON.stringify(log)}`);
      seen.length = log.n.length;
      this.logs.push(structuredClone(log));
    }, this.faults);
    this.readers.push(sumsReader, shelfReader, tableReader, logReader);
    this.read.push(() => ({
      sums: Object.fromEntries(sumsReader.shown), shelf: shelfReader.shown, table: Object.fromEntries(tableReader.shown), log: logReader.shown.length
    }));
  }

  private same(what: string, is: unknown, expected: unknown): void {
    if (!isDeepStrictEqual(is, expected)) this.faults.push(`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(expected)}`);
  }

  private tokensOf(shelf: Iterable<Value>, table: Iterable<string>): number[] {
    return [...shelf as Iterable<number>, ...[...table].map(Number)].sort((a, b) => a - b);
  }

  private look({shelf, table}: Books, where: string): void {
    this.same(`the tokens, ${where}`, this.tokensOf(shelf, table.keys()), TOKENS);
  }

  private expect<T>(promise: Promise<T>, check: (value: T) => void): void {
    const seen = promise.then(check).catch((error: unknown) => { this.faults.push(error); }).finally(() => this.pending.delete(seen));
    this.pending.add(seen);
  }

  /** Makes one call in a tab. Transactions go on after it. */
  step(random: Random): void {
    const books = random.pick(this.all);
    this.look(books, 'between turns');
    for (const reader of this.readers) if (random.below(4) === 0) reader.ask();
    const {sums, shelf, table} = books;
    const by = 1 + random.below(5);
    switch (random.below(7)) {
      case 0: {
        this.count += by;
        // An increment merges, in a transaction, too.
        if (random.below(2)) return sums.increment('count', by);
        return this.expect(transaction(() => { sums.increment('count', by); }, OPTIONS), () => {});
      }
      case 1: {
        this.sum += by;
        let made: Value | undefined;
        return this.expect(sums.update('sum', value => (made = (value as number) + by), OPTIONS), value => this.same('the result of update', value, made));
      }
      case 2: {
        const id = ++this.made;
        this.added.push(id);
        return this.expect(sums.update('log', log => ({n: [...(log as Log).n, id]}), OPTIONS), log => { this.logs.push(log as Log); });
      }
      case 3: {
        const length = shelf.length;
        if (length > 1) shelf.move(random.below(length), random.below(length));
        return;
      }
      case 4: return this.expect(readTransaction(async tx => {
        const onShelf = tx.in(shelf).toArray();
        if (random.below(2)) await this.time.turn();
        return this.tokensOf(onShelf as Value[], tx.in(table).keys());
      }), tokens => this.same('the tokens, as a transaction read them', tokens, TOKENS));
      case 5: {
        const draw = random.below(100);
        return this.expect(transaction(() => this.moveToken(shelf, table, draw), OPTIONS), () => {});
      }
      default: {
        const draw = random.below(100);
        return this.expect(transaction(async tx => {
          await null;
          this.moveToken(tx.in(shelf) as SharedArray<Value>, tx.in(table) as SharedMap<string, Value>, draw);
        }, OPTIONS), () => {});
      }
    }
  }

  private moveToken(shelf: SharedArray<Value>, table: SharedMap<string, Value>, draw: number): void {
    const keys = [...table.keys()];
    const at = draw % TOKENS.length;
    if (at < shelf.length) {
      const [token] = shelf.splice(at, 1);
      table.set(String(token), draw);
    } else {
      const key = keys[at - shelf.length]!;
      table.delete(key);
      shelf.splice(draw % (shelf.length + 1), 0, Number(key));
    }
  }

  /** Waits for all transactions. */
  async settle(): Promise<void> {
    await this.time.until('all transactions are made', () => !this.pending.size);
  }

  /** Checks the end. All tabs show the same. */
  async end(): Promise<void> {
    for (const books of this.all) this.look(books, 'at the end');
    const {sums} = this.all[0]!;
    const final = (sums.get('log') as Log).n;
    this.same('count and sum', [sums.get('count'), sums.get('sum')], [this.count, this.sum]);
    this.same('the ids of the log', [...final].sort((a, b) => a - b), this.added);
    for (const {n} of this.logs) this.same('a log that was shown', n, final.slice(0, n.length));
    const shown = this.all.map(({sums: one, shelf, table}) => structuredClone({sums: Object.fromEntries(one), shelf: [...shelf], table: Object.fromEntries(table), log: final.length}));
    for (const {sums: one, shelf, table} of this.all) for (const collection of [one, shelf, table]) void collection.close();
    await this.time.until('the watchers are done', () => !this.readers.filter(reader => !reader.drain()).length);
    this.read.forEach((read, i) => this.same('what watchers told', read(), shown[i]));
  }
}
