import {ClearingMark} from '../../lib/connect/clearing-mark.js';
import type {Clearing} from '../../lib/protocol/clearing.js';
import type {ProxyDoc} from '../../lib/index.js';
import {isFarewell} from './local-notes.js';
import type {Page} from './page.js';
import type {World} from './world.js';

/** Each user has a document there, which only that user's pages open. */
const DIARIES = 'diaries';
/** Each user's pages write to the same local document. */
const LOCAL_DIARIES = 'local:diaries';

/**
 * Users who sign out in the middle of a walk, with `clear()`, and the users after them. Nothing of the former users may be left in the
 * browser, and nobody's ops may be sent on another user's connection.
 */
export class SignOuts {
  /** The number of the present user. */
  user = 1;
  /** Pages of former users that were not closed by the user. */
  former: Page[] = [];
  private readonly users = new Map<string, number>();
  private leaving: Page | undefined;
  /** Whether the last `clear()` has failed, and no host has stored the mark since. Then the app must not delete the mark in localStorage. */
  private needsMark = false;

  constructor(private readonly world: World) {}

  /** Whether a user is signing out: no page is opened, and no host begins. */
  get isLeaving(): boolean {
    return !!this.leaving;
  }

  /** The last clearing, as each page reads it in localStorage. */
  get cleared(): Clearing | undefined {
    return new ClearingMark('default', () => this.world.storage, 0).read();
  }

  /** From now on each op that a host sends is checked. */
  begin(): void {
    const {server, ledger} = this.world;
    server.watchOps((op, user) => {
      const text = JSON.stringify(op);
      for (const {word, writer} of ledger.written) {
        const author = this.users.get(writer);
        if (author !== undefined && author !== user && text.includes(word)) ledger.problem(`${word} of user ${author} was sent as user ${user}`);
      }
      for (const [, author] of text.matchAll(SECRET)) if (Number(author) !== user) ledger.problem(`the diary of user ${author} was sent as user ${user}`);
    });
  }

  /** A page of the present user opens the diaries. */
  open(page: Page): void {
    const {user, world: {ledger}} = this;
    this.users.set(page.name, user);
    for (const doc of this.diaries(page)) {
      doc.on('error', (error: Error & {code?: string}) => {
        if (error.code !== 'ERR_DOC_ALREADY_CREATED' && !isFarewell(error)) ledger.problem(`${page.name}, ${doc.collection}: ${error.stack}`);
      });
      doc.on('load', () => this.look(page, doc));
      doc.on('op', () => this.look(page, doc));
      doc.subscribe(error => {
        this.look(page, doc);
        if (!error && !doc.type) doc.create({}, 'json0', () => {});
      });
    }
    page.connection.on('deadletter', letter => {
      const text = JSON.stringify(letter);
      for (const {word, writer} of ledger.written) {
        const author = this.users.get(writer);
        if (author !== undefined && author !== user && text.includes(word)) ledger.problem(`${page.name} of user ${user} gets a dead letter of user ${author}`);
      }
    });
  }

  /** A page writes to its diaries. */
  write(page: Page): void {
    const {random} = this.world;
    const user = this.users.get(page.name)!;
    const doc = random.pick(this.diaries(page));
    if (doc.type && page.connection.state !== 'closed') doc.submitOp([{p: [`${random.below(1000)}`], oi: secretOf(user)}], {}, () => {});
  }

  /** A page signs out. When that is done, the next user opens pages. */
  signOut(page: Page): void {
    if (this.leaving) return;
    const {ledger, machine: {clock}} = this.world;
    this.leaving = page;
    // Events before and after a sign-out have different times.
    clock.now++;
    const {walk, random} = this.world;
    const when = walk.clearsStorage ? random.pick(['never', 'before', 'at once', 'afterwards']) : 'never';
    if (when === 'before') this.clearStorage();
    const done = page.signOut();
    this.tell(page, MARK);
    if (when === 'at once') this.clearStorage();
    done.then(() => {
      this.needsMark = false;
      if (when === 'afterwards') this.clearStorage();
      this.judgeRemains('right after clear()');
    }, (error: {code?: string}) => {
      this.needsMark = true;
      if (error.code !== 'ERR_TABS_NOT_CLEARED') ledger.problem(`clear() of ${page.name}: ${String(error)}`);
    }).finally(() => this.change());
  }

  /** Sends the event of localStorage to all pages but the one that has changed it. */
  private tell(by: Page | undefined, key: string | null): void {
    const {storage, pages, machine: {agenda}} = this.world;
    const newValue = key === null ? null : storage.getItem(key);
    for (const page of [...pages, ...this.former]) {
      if (page !== by && !page.isAway) agenda.some(`${page.name} hears of localStorage`, () => page.hearOfStorage({key, newValue}), page.process);
    }
  }

  /** The app calls `localStorage.clear()`. Ops that pages had left there are lost with it. */
  clearStorage(): void {
    const {storage, ledger, pages} = this.world;
    if (this.needsMark && !pages.some(({connection}) => connection.status.durable)) return;
    this.needsMark = false;
    const left = Array.from({length: storage.length}, (_, i) => storage.key(i)!);
    for (const {name, connection} of [...pages, ...this.former]) if (left.some(key => key.endsWith(`:orphaned-ops:${connection.id}`))) ledger.givenUp.add(name);
    storage.clear();
    this.tell(undefined, null);
  }

  /** Waits until nobody is signing out. */
  async settle(): Promise<void> {
    if (this.leaving) await this.world.until('somebody has signed out', () => !this.leaving);
  }

  /** The next user signs in, and opens as many pages. */
  private change(): void {
    const {world} = this;
    this.leaving = undefined;
    const {pages} = world;
    this.user++;
    world.machine.clock.now++;
    for (const page of pages) world.forget(page);
    this.former.push(...pages);
    world.server.user = this.user;
    world.election.resume();
    pages.forEach(() => world.openPage());
  }

  /** Nothing that belongs to a former user is on the disk, or in localStorage. */
  judgeRemains(when: string): void {
    const {world: {ledger, storage, election: {disk}}} = this;
    const items = Array.from({length: storage.length}, (_, i) => storage.getItem(storage.key(i)!));
    const content = JSON.stringify([disk.content.dump(), items]);
    for (const [, author] of content.matchAll(SECRET)) {
      if (Number(author) <= this.user - (this.leaving ? 0 : 1)) return ledger.problem(`the diary of user ${author} is still stored ${when}, of user ${this.user}`);
    }
  }

  /** Pages of former users are closed, and all that they waited for has ended. Those of the present user are not. */
  judge(): void {
    const {former, world: {ledger, pages}} = this;
    for (const {name, connection} of pages) if (connection.state === 'closed') ledger.problem(`${name} of the present user is closed`);
    this.judgeRemains('at the end');
    for (const {name, connection} of former) {
      if (connection.state !== 'closed') ledger.problem(`${name} of user ${this.users.get(name)} is not closed, but ${connection.state}`);
      const open = [...ledger.calls.filter(({client}) => client === name), ...ledger.written.filter(({writer}) => writer === name)].filter(({callbacks}) => callbacks.length !== 1);
      for (const call of open) ledger.problem(`${name}: ${'what' in call ? call.what : call.word} was called back ${call.callbacks.length} times`);
    }
    const [first, ...others] = pages.map(page => JSON.stringify(this.diaries(page).map(({data}) => Object.entries(data ?? {}).sort())));
    for (const other of others) if (other !== first) ledger.problem(`pages show other diaries: ${first} ${other}`);
  }

  private look(page: Page, doc: ProxyDoc): void {
    const user = this.users.get(page.name)!;
    for (const [, author] of JSON.stringify(doc.data ?? null).matchAll(SECRET)) {
      if (Number(author) !== user) this.world.ledger.problem(`${page.name} of user ${user} shows the diary of user ${author}`);
    }
  }

  private diaries({name, connection}: Page): ProxyDoc[] {
    return [connection.get(DIARIES, `user ${this.users.get(name)}`), connection.get(LOCAL_DIARIES, 'one')];
  }
}

const MARK = 'sharedb-tabs:default:cleared';
const SECRET = /secret of user (\d+)/g;
const secretOf = (user: number): string => `secret of user ${user}`;
