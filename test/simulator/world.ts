import type {ProxyConnection} from '../../lib/index.js';
import {pageStorage} from '../support/page-storage.js';
import {Random} from '../support/random.js';
import {takeStep} from './actions.js';
import {Client, DOCUMENTS, FLEETING, LASTING, LONELY, ROOM} from './client.js';
import {judge, judgeDurability, judgeFetched, judgeFollowed, judgeSilence, judgeTheEnd} from './judge.js';
import {Ledger} from './ledger.js';
import {LocalNotes} from './local-notes.js';
import {Machine} from './machine.js';
import type {Edits} from './edits.js';
import {HostElection} from './host-election.js';
import {Page} from './page.js';
import {SignOuts} from './sign-outs.js';
import {Replacements} from './replacements.js';
import {CARD_CHANNELS, Projections} from './projections.js';
import {ACCOUNT_CHANNELS, PlainTransactions} from './plain-transactions.js';
import {Permissions} from './permissions.js';
import {Revocations} from './revocations.js';
import {RequestBudget} from './request-budget.js';
import {inside} from './nested-edits.js';
import {fixupOf, withRemovals} from './removals.js';
import {ServiceCalls} from './service-calls.js';
import {COLLECTION, Server, type Line} from './server.js';
import {isLegible} from './slow-cipher.js';
import {UnreadableDisk} from './unreadable-disk.js';
import {hasStore, type Walk} from './walk.js';
import {WebSockets} from './web-sockets.js';

export interface Remote {
  client: Client;
  line: Line;
}

/** After this number of turns of the event loop, every callback must have been called. */
const PATIENCE = 5000;

/** A host with a WebSocket sets timers for ever. If only timers have run for this long, in ms, no other event is left. */
const QUIET_MS = 1_200_000;

/**
 * Tabs of one host, and remote clients, with a real ShareDB server. One seed decides all actions, the order of events, the deaths of
 * processes, and the time.
 */
export class World {
  readonly random: Random;
  readonly machine = new Machine();
  readonly server = new Server(this.machine.agenda);
  readonly ledger = new Ledger();
  readonly election: HostElection;
  readonly notes = new LocalNotes(this);
  readonly replacements = new Replacements(this);
  readonly services = new ServiceCalls(this);
  readonly signOuts = new SignOuts(this);
  readonly revocations = new Revocations(this);
  readonly unreadable = new UnreadableDisk(this);
  readonly permissions = new Permissions(this);
  readonly transactions = new PlainTransactions(this);
  readonly projections = new Projections(this);
  readonly sockets: WebSockets | undefined;
  remotes: Remote[] = [];
  pages: Page[] = [];
  /** All events in order. The same seed gives the same trace. */
  readonly trace: string[] = [];
  /** The `localStorage` of the pages. */
  readonly storage = pageStorage();
  private pagesOpened = 0;
  private remotesOpened = 0;
  /** States of documents that the server has put into pages. */
  private readonly states = new Map<string, object>();
  /** The walk's actions are over. */
  private isCalm = false;
  readonly budget = new RequestBudget(this.machine.clock, what => this.ledger.problem(what));

  readonly walk: Walk;

  constructor(walk: Walk) {
    this.walk = {...walk, edits: editsOf(walk)};
    this.random = new Random(walk.seed);
    this.server.database.givesLaterOps = walk.seed % 2 === 0;
    if (walk.fixups) this.server.addFixups(fixupOf(walk.edits), () => this.random.below(100) < walk.fixups!);
    this.server.hasLimit = !!walk.tooLarge;
    if (walk.slow) this.server.beSlow();
    if (walk.unpublished) this.server.losePublications(() => !this.isCalm && this.random.below(100) < walk.unpublished!);
    if (walk.revocations) this.revocations.begin();
    if (walk.permissions) this.permissions.begin();
    if (walk.signOuts) this.signOuts.begin();
    this.machine.agenda.onEvent = name => this.trace.push(name);
    if (walk.webSockets) this.sockets = new WebSockets(this);
    this.election = new HostElection({
      webLine: this.sockets && (process => this.sockets!.line(process)),
      machine: this.machine, server: this.server, random: this.random, hasStore: hasStore(walk), durability: walk.durability, warn: this.warn, isSecret: !!walk.ciphers,
      isCipherFault: () => !!walk.cipherFaults && !this.isCalm && this.random.below(8) === 0,
      onWrite: change => { if (walk.ciphers && isLegible(change)) this.ledger.problem(`the disk has this as it is: ${JSON.stringify(change)}`); },
      onSend: message => this.budget.note(message),
      onRefused: () => this.budget.noteRefusal(),
      services: walk.services ? () => this.services.source() : undefined,
      cleared: () => (walk.signOuts ? this.signOuts.cleared : undefined),
      isWanted: () => !this.signOuts.isLeaving,
      onChange: () => this.noteDisk()
    });
  }

  /** @returns the problems found */
  run(): Promise<string[]> {
    if (this.walk.transactions) return this.transactions.during(() => this.walkAndJudge());
    return this.sockets ? this.sockets.during(() => this.walkAndJudge()) : this.walkAndJudge();
  }

  private async walkAndJudge(): Promise<string[]> {
    const {steps = 80} = this.walk;
    try {
      await this.open();
      for (let step = 0; step < steps; step++) {
        this.trace.push(await takeStep(this));
        if (this.random.below(3) === 0) await tick();
      }
      await this.calmDown();
      await this.sockets?.judge();
      await judge(this);
      // A service keeps its documents as long as its host.
      if (!this.ledger.problems.length && !this.walk.services) await judgeTheEnd(this);
    } catch (error) {
      this.ledger.problem((error as Error).stack ?? String(error));
    }
    return this.ledger.problems;
  }

  get clients(): Client[] {
    return [...this.pages, ...this.remotes.map(({client}) => client)];
  }

  /** Opens a page with its documents: it follows some, and fetches others. */
  openPage(): Page {
    const {machine, ledger, walk} = this;
    const page = new Page(
      `tab ${++this.pagesOpened}`, machine, walk.edits, ledger, {...walk, storedFirst: !!walk.storedFirst && this.pagesOpened % 2 === 0}, this.storage, this.warn,
      (hello, process) => this.election.greetOnPort(hello, process)
    );
    this.pages.push(page);
    if (walk.rendered) this.render(page);
    this.look(page);
    if (this.walk.notes) this.notes.open(page);
    if (this.walk.services) this.services.open(page);
    if (this.walk.signOuts) this.signOuts.open(page);
    if (this.walk.projections) this.projections.open(page);
    if (this.walk.transactions) this.transactions.open(page);
    this.sockets?.open(page);
    return page;
  }

  /** Gives the page states of the server: the present ones, or those of the time when the page before it was opened. */
  private render(page: Page): void {
    for (const id of LASTING) {
      if (this.random.below(2)) this.states.set(id, this.server.database.snapshotOf(COLLECTION, id));
      const state = this.states.get(id);
      if (state && this.random.below(3)) page.ingest(id, structuredClone(state));
    }
  }

  /** Removes a page that has ended. */
  forget(page: Page): void {
    this.pages = this.pages.filter(other => other !== page);
    this.ledger.gone.add(page.name);
  }

  /** Runs events and timers until the condition is true. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const {machine: {agenda, clock}} = this;
    for (let turn = 0; !condition(); turn++) {
      if (turn > PATIENCE || this.budget.isExceeded) throw new Error(`${what}: does not happen`);
      await tick();
      if (condition()) return;
      if (agenda.step(this.random)) while (agenda.step(this.random));
      else if (!clock.runNext()) throw new Error(`${what}: does not happen, and nothing else will`);
    }
  }

  /**
   * Runs all events that are possible.
   * @param ms the most time that may pass
   */
  async rest(ms = Infinity): Promise<void> {
    const {machine: {agenda, clock}, sockets} = this;
    const until = clock.now + ms;
    let quietSince = clock.now;
    for (let turn = 0; turn < PATIENCE && !this.budget.isExceeded; turn++) {
      await tick();
      if (agenda.step(this.random)) {
        while (agenda.step(this.random));
        quietSince = clock.now;
      } else if (!clock.runNext(until) || (sockets && clock.now - quietSince > QUIET_MS)) return;
    }
    throw new Error('There is no end to it');
  }

  /** Waits for a function that calls back. */
  async done(what: string, start: (done: (error?: unknown) => void) => void): Promise<void> {
    let isDone = false;
    start(error => {
      isDone = true;
      if (error) this.ledger.problem(`${what}: ${String((error as Error).stack ?? error)}`);
    });
    await this.until(what, () => isDone);
  }

  /** Whether pages have left ops in localStorage. */
  private get hasOrphans(): boolean {
    return Array.from({length: this.storage.length}, (_, i) => this.storage.key(i)!).some(key => !key.endsWith(':cleared'));
  }

  private async open(): Promise<void> {
    const {edits, tabs = 3, remotes = 2} = this.walk;
    const docs = DOCUMENTS.map(id => `${COLLECTION}.${id}`);
    this.server.listenTo([COLLECTION, ...docs, ...CARD_CHANNELS, ...ACCOUNT_CHANNELS, ...[ROOM, ...docs].map(name => `$presence.${name}`)]);
    const first = this.server.backend.connect();
    for (const id of [...LASTING, LONELY]) await this.done(`create ${id}`, done => first.get(COLLECTION, id).create(structuredClone(edits.start), edits.type, done));
    if (this.walk.services) await this.services.begin(first);
    if (this.walk.projections) await this.projections.begin();
    if (this.walk.transactions) await this.transactions.begin();
    this.election.begin();
    for (let i = 0; i < tabs; i++) this.openPage();
    for (let i = 0; i < remotes; i++) this.addRemote();
    await this.until('everybody has opened its documents', () => this.ledger.calls.every(({callbacks}) => callbacks.length));
  }

  /** Replaces the remote clients. */
  replaceRemotes(): void {
    const {remotes} = this;
    this.remotes = [];
    for (const {client: {name, process}, line} of remotes) {
      this.ledger.gone.add(name);
      process.kill();
      line.die();
      this.addRemote();
    }
  }

  private addRemote(): void {
    const name = `remote ${++this.remotesOpened}`;
    const process = this.machine.start(name);
    const line = this.server.line(process);
    // ShareDB's own client takes back a writer's other ops with a rejected one. So none of its ops is meant to be rejected.
    const client = new Client(name, process, line.connection as unknown as ProxyConnection, this.walk.edits, this.ledger, {});
    this.remotes.push({client, line});
    this.look(client);
  }

  private look(client: Client): void {
    const {random} = this;
    client.subscribe(LASTING[0]);
    if (random.below(2)) client.subscribe(LASTING[1]);
    else client.fetch(LASTING[1]);
    if (random.below(2)) client.subscribe(FLEETING);
    if (random.below(3) === 0) client.switchQuery();
  }

  /** Restores the network, thaws all processes, and runs everything that is left. */
  private async calmDown(): Promise<void> {
    const {election, remotes, ledger} = this;
    this.trace.push('calm');
    this.isCalm = true;
    election.wakeAll();
    for (const page of [...this.pages, ...this.signOuts.former]) page.wake();
    await this.signOuts.settle();
    for (const {line} of remotes) line.restore();
    await this.until('a host holds the host lock', () => !!election.current);
    this.sockets?.speak();
    election.current?.line.restore();
    for (const page of this.pages) {
      page.resumeAll();
      await this.reachHost(page);
    }
    await this.outlastDisk();
    if (this.walk.unreadable) await this.unreadable.settle();
    await this.outlastFaults();
    if (this.walk.revocations) await this.revocations.settle();
    if (this.walk.permissions) await this.permissions.settle();
    await this.rest();
    // By now, living pages have handed over their orphaned ops.
    for (const page of this.pages) page.hide();
    // By now, the locks of dead pages are free: the next page finds their orphaned ops.
    if (this.hasOrphans) await this.reachHost(this.openPage());
    await this.rest();
    for (const {name, connection} of this.clients) {
      await this.done(`${name}: nothing pending`, done => void connection.whenNothingPending(() => done()));
    }
    if (this.walk.retries) await this.retryLetters();
    if (this.walk.unpublished) await this.fetchMissed();
    await this.writeLast();
    if (this.walk.projections) await this.projections.writeLast();
    if (this.walk.replacements) await this.reload();
    await judgeFollowed(this);
    for (const {name, docs} of this.clients) {
      for (const doc of docs) await this.done(`${name}: fetch`, done => void doc.fetch(done));
    }
    await this.rest();
    if (this.hasOrphans) ledger.problem('Orphaned ops are never taken');
  }

  /**
   * While the database fails, tabs report this. When it works again, they continue by themselves, except for requests that were answered with an
   * error.
   */
  private async outlastFaults(): Promise<void> {
    const {server: {database}} = this;
    if (database.state !== 'well') {
      await this.rest(20_000);
      judgeSilence(this);
    }
    database.state = 'well';
    await this.rest();
    for (const client of this.clients) client.askAgain();
  }

  /** If nothing is durable when a host begins or ends, ops that only hosts have may be lost, or be sent twice. */
  noteDisk(): void {
    if (!this.walk.disks && !this.walk.cipherFaults) return;
    const {current, disk} = this.election;
    // Until the host's message that the disk works again has arrived, a tab behaves as if it did not.
    const isDurable = current ? current.host.inspect().durable && this.pages.every(page => page.docs.every(doc => !doc.unconfirmed.onlyHost)) : disk.state === 'well';
    if (!isDurable) this.ledger.hasWarned = true;
  }

  /** While the disk accepts nothing, tabs report that their edits are not durable. */
  private async outlastDisk(): Promise<void> {
    const {election: {disk}} = this;
    if (!this.walk.disks) return;
    if (disk.state !== 'well') {
      await this.rest(30_000);
      judgeDurability(this);
    }
    disk.state = 'well';
    await this.rest();
  }

  /**
   * The server now accepts the ops that it has refused. An op that can't be made on the present state stays a dead letter, which says so.
   */
  private async retryLetters(): Promise<void> {
    const {server, ledger} = this;
    server.isStrict = false;
    const {deadLetters} = this.pages[0]!.connection;
    let letters: {id: string}[] = [];
    const list = (): Promise<void> => this.done('the dead letters', done => void deadLetters.list().then(found => {
      letters = found.filter(({doc}) => doc !== FLEETING);
      done();
    }, done));
    await list();
    for (const {id} of letters) {
      await this.done('a retry', done => void deadLetters.retry(id).then(done, (error: {code?: string}) => done(error.code === 'ERR_TABS_LETTER_BASE' ? undefined : error)));
    }
    await this.rest();
    await list();
    ledger.left.push(...letters.map(letter => JSON.stringify(letter)));
  }

  /** Loads the page that shows all documents, as users do when something seems wrong. Then all tabs have the server's state. */
  private async reload(): Promise<void> {
    const page = this.openPage();
    for (const id of DOCUMENTS) page.subscribe(id);
    await this.until('the page has its documents', () => this.ledger.calls.every(({client, callbacks}) => client !== page.name || callbacks.length));
    await this.rest();
  }

  /** A client that fetches gets the server's state, published or not. */
  private async fetchMissed(): Promise<void> {
    for (const page of this.pages) {
      for (const doc of page.docs) await this.done(`${page.name}: fetch`, done => void doc.fetch(done));
    }
    await judgeFetched(this);
  }

  /** A new client changes every document. Its followers must show that. */
  private async writeLast(): Promise<void> {
    for (const id of DOCUMENTS) await this.writeElsewhere(id);
    await this.rest();
  }

  /** A new client on another computer changes a document. */
  async writeElsewhere(id: string): Promise<void> {
    const {edits} = this.walk;
    const connection = this.server.backend.connect();
    const doc = connection.get(COLLECTION, id);
    await this.done(`somebody new looks at ${id}`, done => doc.fetch(done));
    if (doc.type) {
      const {word, callbacks} = this.ledger.write(id, 'somebody new', false, '');
      await this.done(`somebody new writes to ${id}`, done => doc.submitOp(edits.next(doc.data, this.random, word) as never, {}, error => {
        callbacks.push(error as unknown as Error);
        done(error);
      }));
    } else if (this.walk.faults || this.walk.unpublished) {
      // A creation or deletion that was committed and not published shows with the next op.
      await this.done(`somebody new creates ${id}`, done => doc.create(structuredClone(edits.start), edits.type, done));
    }
    connection.close();
  }

  /** A tab that has missed the last message of its host notices that at the next one. */
  async reachHost(page: Page): Promise<void> {
    for (let tries = 0; tries < 30; tries++) {
      await this.until(`${page.name} finds a host`, () => page.connection.hostState === 'connected');
      let answer: 'yes' | 'no' | undefined;
      page.connection.inspect().then(() => { answer = 'yes'; }, () => { answer = 'no'; });
      await this.until(`${page.name} hears of its host`, () => !!answer);
      if (answer === 'yes') return;
    }
    throw new Error(`${page.name} does not reach its host`);
  }

  private readonly warn = (message: string, detail: unknown): void => {
    if (this.walk.unreadable && message.includes('WARN_TABS_QUARANTINED')) return;
    // Once for each time that the server can't be reached.
    if (this.sockets && (detail as {code?: string} | undefined)?.code === 'ERR_TABS_SERVER_UNREACHABLE') return;
    this.ledger.problem(`${message}: ${String((detail as Error | undefined)?.stack ?? detail)}`);
  };
}

/** After a turn of the event loop, all asynchronous steps in Node and in the library are done. */
export function tick(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

function editsOf({edits, nested, removals}: Walk): Edits {
  const own = nested ? inside(edits) : edits;
  return removals ? withRemovals(own) : own;
}
