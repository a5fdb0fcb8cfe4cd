import {isDeepStrictEqual} from 'node:util';
import Backend from 'sharedb';
import {logger, type Connection as UpstreamConnection} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {Random} from '../karma/random.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {CrashingStorage} from './crashing-storage.js';
import type {Edits} from './edits.js';
import {Wires} from './wires.js';

export const COLLECTION = 'docs';
const REJECT = 'reject';

// The server logs every rejected op with its stack, clients every ack that overtakes; here both are meant.
logger.setMethods({info: () => {}, warn: () => {}});

interface Written {
  word: string;
  writer: string;
  /** The page that wrote it is gone: nobody is there to be called back. */
  isOrphan?: boolean;
  /** Meant to be rejected by the server. */
  doomed: boolean;
  callbacks: (Error | null | undefined)[];
}

/** What a page does with its connection when it goes away, and when it comes. */
interface TabAtItsEnd {
  lastWord(): object | undefined;
  offerLastWord(word: object): Promise<unknown>;
}

interface Writer {
  kill?: () => void;
  name: string;
  doc: ProxyDoc;
  connection: {whenNothingPending(callback: () => void): unknown};
}

export interface Walk {
  seed: number;
  edits: Edits;
  tabs?: number;
  remotes?: number;
  steps?: number;
  /** Of 100 ops, how many the server rejects. */
  rejections?: number;
  /** Whether the host loses its server now and then. */
  outages?: boolean;
  /** Whether the host dies now and then, and another one takes over from its disk. */
  crashes?: boolean;
  /** Whether pages go away now and then, each with a last word, and others come. */
  pagesGo?: boolean;
  /** Whether sessions between tabs and host break now and then. */
  breaks?: boolean;
}

/**
 * Some tabs on one host, and remote clients, all of them typing into one document of a real ShareDB
 * server: one seed decides who does what when, and which message arrives next.
 */
export class World {
  readonly random: Random;
  readonly wires = new Wires();
  readonly backend = new Backend();
  host!: Host;
  readonly tabs: ProxyConnection[] = [];
  readonly written: Written[] = [];
  readonly problems: string[] = [];
  private real!: UpstreamConnection;
  private killHost: () => void = () => {};
  private readonly disk = new InMemoryStorage();
  private readonly writers: Writer[] = [];
  private readonly waiting: (() => void)[] = [];
  private readonly words: object[] = [];
  private isCalm = false;

  constructor(private readonly walk: Walk) {
    this.random = new Random(walk.seed);
    this.backend.use('submit', (context, next) => {
      this.whenever(() => next(JSON.stringify(context.op).includes(REJECT) ? codedError('ERR_REJECTED') : undefined));
    });
    this.startHost();
    for (let i = 0; i < (walk.tabs ?? 3); i++) this.openTab(`tab ${i}`);
    for (let i = 0; i < (walk.remotes ?? 2); i++) this.addRemote(`remote ${i}`);
  }

  /** A host in a process of its own, on the disk that the last one left. */
  private startHost(): void {
    const {open, kill} = this.wires.process();
    const real = (this.real = this.backend.connect());
    const storage = new CrashingStorage(this.disk, callback => this.whenever(callback), () => this.random.below(2) === 0);
    this.host = new Host({connection: real, channel: open, warn: this.warn, store: this.walk.crashes ? {storage} : false});
    this.killHost = () => {
      kill();
      storage.kill();
      real.close();
    };
  }

  private restartHost(): void {
    this.killHost();
    this.startHost();
  }

  openTab(name: string): ProxyConnection {
    const {open, kill} = this.wires.process();
    const tab = new ProxyConnection({channel: open, warn: this.warn});
    this.tabs.push(tab);
    this.addWriter({name, doc: tab.get(COLLECTION, 'one'), connection: tab, kill});
    return tab;
  }

  /** A page goes away in the middle of it all; another one is opened, and offers what the first has left. */
  private replaceTab(): void {
    const writer = this.random.pick(this.writers.filter(({kill}) => kill));
    const tab = writer.connection as unknown as TabAtItsEnd;
    const word = tab.lastWord();
    writer.kill!();
    this.writers.splice(this.writers.indexOf(writer), 1);
    this.tabs.splice(this.tabs.indexOf(writer.connection as ProxyConnection), 1);
    for (const written of this.written) if (written.writer === writer.name) written.isOrphan = true;
    const next = this.openTab(`${writer.name}'`);
    next.get(COLLECTION, 'one').subscribe(() => {});
    if (word) this.words.push(word);
  }

  /** Every word is offered until a host has taken it. */
  private async offerWords(): Promise<void> {
    for (const word of this.words.splice(0)) {
      let taken = false;
      for (let tries = 0; !taken; tries++) {
        if (tries > 500) throw new Error(`seed ${this.walk.seed}: a last word is never taken`);
        const heir = this.tabs[0] as unknown as TabAtItsEnd;
        const offer = heir.offerLastWord(word).then(() => { taken = true; }, () => {});
        await this.settle(done => void offer.then(() => done()));
      }
    }
  }

  /** Lets everybody open the document, and runs the walk. @returns what went wrong */
  async run(): Promise<string[]> {
    const {edits, steps = 60} = this.walk;
    this.isCalm = true;
    const first = this.backend.connect().get(COLLECTION, 'one');
    await this.settle(done => first.create(edits.start, edits.type, done));
    for (const {doc} of this.writers) await this.settle(done => doc.subscribe(done));
    this.isCalm = false;
    for (let step = 0; step < steps; step++) await this.step();
    await this.calmDown();
    this.judge();
    return this.problems;
  }

  private async step(): Promise<void> {
    const {random, walk} = this;
    const dice = random.below(100);
    if (dice < 30) this.write(random.pick(this.writers));
    else if (dice < 75) this.wires.deliverOne(random);
    else if (dice < 90) this.passOne();
    else if (dice < 93 && walk.outages) this.switchServer();
    else if (dice < 94 && walk.crashes) this.restartHost();
    else if (dice < 95 && walk.pagesGo) this.replaceTab();
    else if (dice < 96 && walk.breaks) (random.pick(this.tabs) as unknown as {reconnect(reason: string): void}).reconnect('chance');
    if (random.below(3) === 0) await tick();
  }

  private write({name, doc, connection}: Writer): void {
    const {edits, rejections = 0} = this.walk;
    if (!doc.type) return;
    // Upstream's own client takes a writer's other ops back with a rejected one, for most types.
    const doomed = connection instanceof ProxyConnection && this.random.below(100) < rejections;
    const word = `[${doomed ? REJECT : ''}${this.written.length}]`;
    const op = edits.next(doc.data, this.random, word);
    const before = JSON.stringify(doc.data);
    const written: Written = {word, writer: name, doomed, callbacks: []};
    this.written.push(written);
    let ownEvents = 0;
    const onOp = (_op: unknown, source: unknown): void => { if (source === name) ownEvents++; };
    doc.on('op', onOp);
    // Composed, a doomed op would take others of its own writer along.
    doc.preventCompose = rejections > 0;
    doc.submitOp(op, {source: name}, error => written.callbacks.push(error));
    doc.off('op', onOp);
    if (ownEvents !== 1) this.problems.push(`${name}: ${ownEvents} op events with its source for ${word}`);
    if (edits.count(doc.data, word) !== 1 || JSON.stringify(doc.data) === before) {
      this.problems.push(`${name}: ${word} is not in the data right after submitOp`);
    }
  }

  private judge(): void {
    const {edits} = this.walk;
    const server = this.backend.connect().get(COLLECTION, 'one');
    server.ingestSnapshot(this.snapshot!);
    const truth = plain(server.data);
    for (const {name, doc} of this.writers) {
      if (!isDeepStrictEqual(plain(doc.data), truth)) {
        this.problems.push(`${name} has ${JSON.stringify(doc.data)}, the server ${JSON.stringify(truth)}`);
      }
      if (doc.version !== server.version) this.problems.push(`${name} is at version ${doc.version}, the server at ${server.version}`);
      if (doc.hasPending()) this.problems.push(`${name} has something pending`);
    }
    for (const {word, doomed, callbacks, isOrphan} of this.written) {
      const times = edits.count(server.data, word);
      if (times !== (doomed ? 0 : 1)) this.problems.push(`${word} is there ${times} times`);
      if (isOrphan) continue;
      if (callbacks.length !== 1) this.problems.push(`${word} was called back ${callbacks.length} times`);
      const code = (callbacks[0] as {code?: string} | null | undefined)?.code;
      if (doomed ? code !== 'ERR_REJECTED' : callbacks[0]) this.problems.push(`${word} was called back with ${String(code ?? callbacks[0])}`);
    }
  }

  // ---- the server and the network

  private snapshot: {v: number; type: string; data?: unknown} | undefined;

  private addRemote(name: string): void {
    const connection = this.backend.connect();
    this.addWriter({name, doc: connection.get(COLLECTION, 'one') as unknown as ProxyDoc, connection});
  }

  private addWriter(writer: Writer): void {
    writer.doc.on('error', (error: Error) => this.problems.push(`${writer.name}: ${error.stack}`));
    writer.doc.on('op', (_op: unknown, source: unknown) => {
      if (source !== false && source !== writer.name) this.problems.push(`${writer.name} hears of an op with source ${String(source)}`);
    });
    this.writers.push(writer);
  }

  private switchServer(): void {
    if (this.real.state === 'connected') this.real.close();
    else if (this.real.state === 'closed') this.backend.connect(this.real);
  }

  /** What the server has to do is done in the order and at the time that chance likes. */
  private whenever(callback: () => void): void {
    if (this.isCalm) callback();
    else this.waiting.push(callback);
  }

  private passOne(): void {
    if (!this.waiting.length) return;
    const [callback] = this.waiting.splice(this.random.below(this.waiting.length), 1);
    callback!();
  }

  private async calmDown(): Promise<void> {
    this.isCalm = true;
    if (this.real.state === 'closed') this.backend.connect(this.real);
    await this.offerWords();
    for (const {connection} of this.writers) await this.settle(done => connection.whenNothingPending(() => done()));
    for (const {doc} of this.writers) await this.settle(done => doc.fetch(done));
    await this.settle(done => {
      this.backend.connect().fetchSnapshot(COLLECTION, 'one', null, (error, snapshot) => {
        this.snapshot = snapshot as never;
        done(error);
      });
    });
    await this.drain(20);
  }

  /** Waits for a callback while everything moves on. */
  private async settle(start: (done: (error?: unknown) => void) => void): Promise<void> {
    let done = false;
    let failure: unknown;
    start(error => {
      done = true;
      failure = error;
    });
    for (let turns = 0; !done; turns++) {
      if (turns > 5000) throw new Error(`seed ${this.walk.seed}: something is never called back`);
      await this.drain(1);
    }
    if (failure) throw failure as Error;
  }

  private async drain(turns: number): Promise<void> {
    for (let turn = 0; turn < turns; turn++) {
      while (this.waiting.length) this.waiting.shift()!();
      while (this.wires.deliverOne(this.random));
      await tick();
    }
  }

  private readonly warn = (message: string, detail: unknown): void => {
    this.problems.push(`${message}: ${String(detail)}`);
  };
}

function codedError(code: string): Error {
  return Object.assign(new Error(code), {code});
}

/** What the data is on the wire: the order of keys and the class of a Delta tell nothing. */
function plain(data: unknown): unknown {
  return JSON.parse(JSON.stringify(data));
}

function tick(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
