import {isDeepStrictEqual} from 'node:util';
import {SharedRecord, transaction, type Transaction} from '../../lib/collections/index.js';
import type {ProxyDoc} from '../../lib/index.js';
import {isFarewell} from './local-notes.js';
import type {Page} from './page.js';
import {REJECT} from './server.js';
import type {World} from './world.js';

const ACCOUNTS = 'accounts';
const IDS = ['first', 'second', 'third'] as const;
/** The channels of accounts: see `Server.listenTo`. */
export const ACCOUNT_CHANNELS = [ACCOUNTS, ...IDS.map(id => `${ACCOUNTS}.${id}`)];

interface Account {
  sum: number;
  /** The number of transfers. Only transactions change it: they read it, and write one more. */
  transfers: number;
  log: Record<string, string>;
}

interface Transfer {
  word: string;
  writer: string;
  ids: string[];
  /** The error that the function throws, if any. */
  failure: Error | undefined;
  /** The server refuses its ops. */
  isDoomed: boolean;
  /** Whether it ends when the server has answered. */
  awaitsServer: boolean;
  outcomes: (Error | 'done')[];
}

/** Transactions of pages over plain documents, and watchers of these documents. */
export class PlainTransactions {
  private readonly transfers: Transfer[] = [];
  private readonly docs = new Map<Page, ProxyDoc<Account>[]>();
  /** The content of each account as a page computes it from events alone. */
  private readonly mirrors = new Map<ProxyDoc, Record<string, unknown>>();
  private words = 0;

  constructor(private readonly world: World) {}

  /** Transactions pause for a random time before they run again. */
  async during<Result>(act: () => Promise<Result>): Promise<Result> {
    const {random} = Math;
    Math.random = () => this.world.random.below(1000) / 1000;
    try {
      return await act();
    } finally {
      Math.random = random;
    }
  }

  async begin(): Promise<void> {
    const {world} = this;
    const first = world.server.backend.connect();
    const start: Account = {sum: 0, transfers: 0, log: {}};
    for (const id of IDS) await world.done(`create account ${id}`, done => first.get(ACCOUNTS, id).create(start, 'json0', done));
    first.close();
  }

  open(page: Page): void {
    const {ledger} = this.world;
    const docs = IDS.map(id => page.connection.get<Account>(ACCOUNTS, id));
    this.docs.set(page, docs);
    page.connection.startBulk();
    for (const doc of docs) {
      doc.on('error', (error: Error) => { if (!isFarewell(error)) ledger.problem(`${page.name}, account ${doc.id}: ${error.stack}`); });
      const done = ledger.call(page.name, `subscribe to account ${doc.id}`);
      doc.subscribe(error => {
        done(error as Error);
        if (!error) this.watch(page, doc);
      });
    }
    page.connection.endBulk();
  }

  private watch(page: Page, doc: ProxyDoc<Account>): void {
    const {ledger} = this.world;
    if (this.mirrors.has(doc)) return;
    const record = SharedRecord.from<Account>(doc);
    const mirror: Record<string, unknown> = structuredClone(record.toObject()) as never;
    this.mirrors.set(doc, mirror);
    record.on(({key, oldValue, newValue}) => {
      if (key !== 'log' && oldValue !== mirror[key]) ledger.problem(`${page.name} is told that ${key} of ${doc.id} was ${String(oldValue)}, and it was ${String(mirror[key])}`);
      mirror[key] = structuredClone(newValue);
      this.look(page);
    });
  }

  /** A page that shows all accounts shows no half of a transfer. */
  private look(page: Page): void {
    const docs = this.docs.get(page)!;
    // The server answers the parts of a transaction one after the other, and the host takes each back when it is refused.
    if (docs.some(({type}) => !type) || this.world.walk.refusals) return;
    const sum = docs.reduce((total, {data}) => total + data!.sum, 0);
    if (sum) this.world.ledger.problem(`${page.name} shows accounts with the sum ${sum}: ${JSON.stringify(docs.map(({data}) => data!.sum))}`);
  }

  /** A page transfers something between two accounts, in one or several turns. */
  transfer(page: Page): void {
    const {random} = this.world;
    const docs = this.docs.get(page)!;
    if (docs.some(({type}) => !type) || page.connection.state === 'closed') return;
    const [from, to] = [0, 1].map(i => docs[(random.below(3) + i) % 3]!) as [ProxyDoc<Account>, ProxyDoc<Account>];
    if (from === to) return;
    const failure = random.below(8) === 0 ? new Error('not wanted') : undefined;
    const isDoomed = random.below(100) < (this.world.walk.refusals ?? 0);
    const awaitsServer = random.below(2) === 0;
    const word = `transfer ${isDoomed ? REJECT : ''}${this.words++}`;
    const transfer: Transfer = {word, writer: page.name, ids: [from.id, to.id], failure, isDoomed, awaitsServer, outcomes: []};
    this.transfers.push(transfer);
    const amount = 1 + random.below(9);
    const turns = random.below(3);
    const move = (tx: Transaction, doc: ProxyDoc<Account>, by: number): void => {
      const account = tx.in(doc);
      const {transfers} = account.data!;
      account.submitOp([{p: ['sum'], na: by}, {p: ['transfers'], od: transfers, oi: transfers + 1}]);
      account.submitOp([{p: ['log', transfer.word], oi: page.name}]);
    };
    const act = (tx: Transaction): void => {
      move(tx, from, -amount);
      move(tx, to, amount);
      if (failure) throw failure;
    };
    const actSlowly = async (tx: Transaction): Promise<void> => {
      move(tx, from, -amount);
      for (let left = turns; left > 0; left--) await new Promise<void>(resolve => { page.process.clock.after(5, resolve); });
      move(tx, to, amount);
      if (failure) throw failure;
    };
    transaction<void>(turns ? actSlowly : act, {timeout: Infinity, maxRetries: 1000, until: awaitsServer ? 'server' : 'host'})
      .then(() => transfer.outcomes.push('done'), (error: Error) => transfer.outcomes.push(error));
  }

  /** A page, or another client, notes something in an account without a transaction. */
  note(page: Page | undefined): void {
    const {random, server} = this.world;
    const note = (doc: Pick<ProxyDoc<Account>, 'submitOp'>, done: () => void): void => doc.submitOp([{p: ['log', `note ${this.words++}`], oi: 'a note'}], {}, done) as unknown as void;
    if (page) {
      const doc = random.pick(this.docs.get(page)!);
      if (doc.type && page.connection.state !== 'closed') note(doc, () => {});
      return;
    }
    const connection = server.backend.connect();
    const doc = connection.get(ACCOUNTS, random.pick(IDS));
    doc.fetch(() => note(doc as never, () => connection.close()));
  }

  /** Each transfer is in both accounts or in none, as its page was told, and each was made on the one before. */
  async judge(): Promise<void> {
    const {ledger, pages, server} = this.world;
    const logs = new Map<string, string[]>();
    let total = 0;
    for (const id of IDS) {
      logs.set(id, (await server.ops(ACCOUNTS, id)).map(op => JSON.stringify(op)));
      const {v, data} = server.database.snapshotOf(ACCOUNTS, id) as {v: number; data: Account};
      total += data.sum;
      const count = Object.keys(data.log).filter(word => word.startsWith('transfer')).length;
      // A transfer that was made on a refused one counts it, too.
      if (count !== data.transfers && !this.world.walk.refusals) ledger.problem(`account ${id} has ${count} transfers, and counts ${data.transfers}`);
      for (const page of pages) {
        const doc = this.docs.get(page)!.find(doc => doc.id === id)!;
        if (!isDeepStrictEqual(doc.data, data) || doc.version !== v) ledger.problem(`${page.name}, account ${id}: has ${JSON.stringify(doc.data)} at ${doc.version}, the server ${JSON.stringify(data)} at ${v}`);
        if (!isDeepStrictEqual(this.mirrors.get(doc), data)) ledger.problem(`${page.name}, account ${id}: events lead to ${JSON.stringify(this.mirrors.get(doc))}, the server has ${JSON.stringify(data)}`);
      }
    }
    if (total) ledger.problem(`the sum of the accounts is ${total}`);
    for (const transfer of this.transfers) {
      const {word, writer, ids, failure, outcomes, isDoomed} = transfer;
      const problem = (what: string): void => ledger.problem(`${word} of ${writer} ${what}`);
      const times = ids.map(id => logs.get(id)!.filter(op => op.includes(`"${word}"`)).length);
      if (times[0] !== times[1]) problem(`is there ${times.join(' and ')} times`);
      if (times[0]! > 1) problem(`is there ${times[0]} times`);
      const [outcome] = outcomes;
      if (isDoomed) this.judgeRefused(transfer, times[0]!);
      else if (!outcome) {
        if (!ledger.gone.has(writer)) problem('has not ended');
      } else if (outcome === 'done') {
        if (failure || !times[0]) problem(`has resolved, and is there ${times[0]} times`);
      } else if (outcome === failure ? times[0] : !ledger.gone.has(writer)) problem(`was rejected with ${outcome.stack}, and is there ${times[0]} times`);
    }
  }

  /** The author of a refused transfer gets the error, or a dead letter for each account. */
  private judgeRefused({word, writer, ids, failure, outcomes: [outcome], awaitsServer}: Transfer, times: number): void {
    const {ledger} = this.world;
    const problem = (what: string): void => ledger.problem(`${word} of ${writer}, which was to be refused, ${what}`);
    if (times) problem(`is there ${times} times`);
    if (ledger.gone.has(writer)) return;
    if (!outcome) return problem('has not ended');
    if (outcome === failure) return undefined;
    if (outcome !== 'done' && (outcome as {code?: string}).code !== 'ERR_REJECTED') problem(`was rejected with ${outcome.stack}`);
    if (outcome === 'done' && awaitsServer) problem('has resolved');
    const left = ids.filter(id => !ledger.letters.some(letter => letter.includes(`"${word}"`) && (JSON.parse(letter) as {doc: string}).doc === id));
    if (left.length) problem(`has no dead letter for ${left.join()}`);
    return undefined;
  }
}
