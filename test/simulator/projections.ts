import {isDeepStrictEqual} from 'node:util';
import type {ProxyDoc} from '../../lib/index.js';
import {isFarewell} from './local-notes.js';
import type {Page} from './page.js';
import type {World} from './world.js';

const CARDS = 'cards';
/** The projection: the same documents with fewer fields. */
const TITLES = 'titles';
const FIELDS = ['title', 'marks', 'count'] as const;
/** The middleware keeps this field from hosts. */
const SECRET = 'secret';
const IDS = ['first', 'second'] as const;

/** The channels of cards: see `Server.listenTo`. */
export const CARD_CHANNELS = [CARDS, ...IDS.map(id => `${CARDS}.${id}`)];

/** The code of an op on a field that a projection does not have. */
const NOT_ALLOWED = 'ERR_OP_NOT_ALLOWED_IN_PROJECTION';

interface Card {
  title: string;
  marks: string[];
  count: number;
  body: Record<string, string>;
  secret: string[];
}

/** An op of a page on a card. */
interface Edit {
  word: string;
  writer: string;
  id: string;
  /** The projection does not have the field. */
  isForbidden: boolean;
  callbacks: (Error | null | undefined)[];
}

/** Documents that pages open through a projection, beside the whole ones, while the server hides a field of them from hosts. */
export class Projections {
  private readonly edits: Edit[] = [];
  /** Documents that are being closed: ShareDB allows no calls on them meanwhile. */
  private readonly closing = new Set<ProxyDoc>();
  /** The documents that each page follows. */
  private readonly followed = new Map<Page, Map<string, ProxyDoc<Card>>>();

  constructor(private readonly world: World) {}

  async begin(): Promise<void> {
    const {world, world: {server}} = this;
    server.project(TITLES, CARDS, FIELDS);
    server.hideField(CARDS, SECRET);
    const first = server.backend.connect();
    const start: Card = {title: '', marks: [], count: 0, body: {}, secret: ['not for hosts']};
    for (const id of IDS) await world.done(`create card ${id}`, done => first.get(CARDS, id).create(start, 'json0', done));
    first.close();
  }

  /** A page opens some cards as a whole, some through the projection, some both ways; all with one request of each collection. */
  open(page: Page): void {
    const {random} = this.world;
    this.followed.set(page, new Map());
    page.connection.startBulk();
    for (const id of IDS) {
      const ways = random.below(3);
      if (ways !== 0) this.follow(page, CARDS, id);
      if (ways !== 1) this.follow(page, TITLES, id);
    }
    page.connection.endBulk();
  }

  private follow(page: Page, collection: string, id: string): void {
    const {ledger} = this.world;
    const name = `${collection}/${id}`;
    const doc = page.connection.get<Card>(collection, id);
    this.followed.get(page)!.set(name, doc);
    doc.on('error', (error: Error) => { if (!isFarewell(error)) ledger.problem(`${page.name}, ${name}: ${error.stack}`); });
    const look = (): void => this.look(page, collection, doc);
    doc.on('load', look);
    doc.on('op', look);
    const done = ledger.call(page.name, `subscribe ${name}`);
    doc.subscribe(error => {
      done(error as Error);
      look();
    });
  }

  /** No page is shown what it may not see. */
  private look(page: Page, collection: string, {id, data}: ProxyDoc<Card>): void {
    const hidden = Object.keys(data ?? {}).filter(key => key === SECRET || (collection === TITLES && key === 'body'));
    if (hidden.length) this.world.ledger.problem(`${page.name} shows ${hidden.join(', ')} of ${collection}/${id}`);
  }

  /** A page opens or closes a card, or fetches it. */
  openOrClose(page: Page): void {
    const {random, ledger} = this.world;
    const docs = this.followed.get(page)!;
    const collection = random.pick([CARDS, TITLES]);
    const id = random.pick(IDS);
    const name = `${collection}/${id}`;
    const doc = docs.get(name);
    if (!doc) return this.follow(page, collection, id);
    if (this.closing.has(doc)) return;
    if (random.below(2)) return void doc.fetch(ledger.call(page.name, `fetch ${name}`));
    this.closing.add(doc);
    const done = ledger.call(page.name, `closing ${name}`);
    doc.destroy(error => {
      done(error as Error);
      this.closing.delete(doc);
      docs.delete(name);
    });
  }

  /** A page, or another client, edits a card. */
  edit(page: Page | undefined): void {
    const {random} = this.world;
    if (!page) return this.editElsewhere();
    const docs = [...this.followed.get(page)!.values()].filter(doc => doc.type && !this.closing.has(doc));
    if (!docs.length || page.connection.state === 'closed') return;
    const doc = random.pick(docs);
    const isForbidden = doc.collection === TITLES && random.below(8) === 0;
    const edit: Edit = {word: `card ${this.edits.length}`, writer: page.name, id: doc.id, isForbidden, callbacks: []};
    this.edits.push(edit);
    // A rejected op is rejected with all ops that it was composed with.
    doc.preventCompose = true;
    doc.submitOp(isForbidden ? [{p: ['other'], oi: edit.word}] : this.op(doc.data!, edit.word, doc.collection === CARDS), {source: page.name}, error => edit.callbacks.push(error));
  }

  private op({title, marks}: Card, word: string, hasBody: boolean): object[] {
    const {random} = this.world;
    const own = random.pick([
      {p: ['title', random.below(2) ? title.length : 0], si: `${word};`},
      {p: ['marks', random.below(marks.length + 1)], li: word},
      hasBody ? {p: ['body', word], oi: 'a page'} : {p: ['marks', 0], li: word}
    ]);
    return random.below(2) ? [own] : [{p: ['count'], na: 1}, own];
  }

  /** A client that sees all fields, on another computer. */
  private editElsewhere(): void {
    const {random, server} = this.world;
    const connection = server.backend.connect();
    const doc = connection.get(CARDS, random.pick(IDS));
    const edit: Edit = {word: `card ${this.edits.length}`, writer: 'somebody else', id: doc.id, isForbidden: false, callbacks: []};
    this.edits.push(edit);
    doc.fetch(() => {
      const data = doc.data as Card;
      const op = random.below(3) ? this.op(data, edit.word, true) : [{p: ['secret', 0], li: edit.word}, ...(random.below(2) ? [{p: ['count'], na: 1}] : [])];
      doc.submitOp(op as never, {}, error => {
        edit.callbacks.push(error as unknown as Error);
        connection.close();
      });
    });
  }

  /** Another client changes each card. All pages must see that. */
  async writeLast(): Promise<void> {
    const connection = this.world.server.backend.connect();
    for (const id of IDS) {
      const doc = connection.get(CARDS, id);
      await this.world.done(`somebody new looks at card ${id}`, done => doc.fetch(done));
      await this.world.done(`somebody new edits card ${id}`, done => doc.submitOp([{p: ['count'], na: 1}] as never, {}, done));
    }
    connection.close();
    await this.world.rest();
  }

  /** Each page shows the server's state without what it may not see, and each op is at the server once, or was rejected as it should be. */
  async judge(): Promise<void> {
    const {ledger, pages, server} = this.world;
    const ops = new Map<string, string[]>();
    for (const id of IDS) {
      ops.set(id, (await server.ops(CARDS, id)).map(op => JSON.stringify(op)));
      const {v, data} = server.database.snapshotOf(CARDS, id) as {v: number; data: Card};
      for (const page of pages) {
        for (const [collection, doc] of [CARDS, TITLES].map(collection => [collection, this.followed.get(page)!.get(`${collection}/${id}`)] as const)) {
          if (!doc) continue;
          const expected = Object.fromEntries(Object.entries(data).filter(([key]) => key !== SECRET && (collection === CARDS || FIELDS.includes(key as never))));
          if (!isDeepStrictEqual(doc.data, expected)) ledger.problem(`${page.name}, ${collection}/${id}: has ${JSON.stringify(doc.data)}, the server ${JSON.stringify(expected)}`);
          if (doc.version !== v) ledger.problem(`${page.name}, ${collection}/${id}: is at version ${doc.version}, the server at ${v}`);
          if (doc.hasPending()) ledger.problem(`${page.name}, ${collection}/${id}: has something pending`);
        }
      }
    }
    for (const edit of this.edits) this.judgeEdit(edit, ops.get(edit.id)!.filter(op => new RegExp(`"${edit.word}[";]`).test(op)).length);
  }

  private judgeEdit({word, writer, id, isForbidden, callbacks}: Edit, times: number): void {
    const {ledger} = this.world;
    const problem = (what: string): void => ledger.problem(`${word} of ${writer} in ${id} ${what}`);
    const isGone = ledger.gone.has(writer);
    const [error] = callbacks as (Error & {code?: string})[];
    if (callbacks.length > 1 || (!callbacks.length && !isGone)) problem(`was called back ${callbacks.length} times`);
    if (times > (isForbidden ? 0 : 1)) problem(`is there ${times} times`);
    if (!callbacks.length || (isGone && isFarewell(error))) return;
    if (!isForbidden) {
      if (error) problem(`was called back with ${error.stack}`);
      else if (!times) problem('was acknowledged, and is not there');
      return;
    }
    if (error?.code !== NOT_ALLOWED) problem(`was to be rejected, and was called back with ${String(error)}`);
    if (!ledger.letters.some(letter => letter.includes(`"${word}"`))) problem('was rejected, and is no dead letter');
  }
}
