import type {ProxyConnection, ProxyDoc} from '../../lib/index.js';
import type {HostOptions} from '../../lib/host.js';
import {service, type Remote} from '../../lib/remote.js';
import * as running from '../../lib/services/running-services.js';
import {serviceCode, serviceSource} from '../../lib/services/service-source.js';
import type {ServiceHost} from '../../lib/services/service-types.js';
import {isFarewell} from './local-notes.js';
import type {Page} from './page.js';
import type {World} from './world.js';

const COLLECTION = 'services';
const ID = 'one';

type Words = Record<string, string>;

interface Call {
  word: string;
  caller: string;
  isIdempotent: boolean;
  outcomes: ('resolved' | 'rejected')[];
  /** The call was rejected and certainly did not run. */
  hasNotRun?: boolean;
}

// A dynamic import would take turns of the event loop that the walk does not count.
serviceCode.running = () => Promise.resolve(running);

/** A service that adds words to a document of the server. */
class Board {
  constructor(private readonly doc: ProxyDoc<Words>) {}

  /** @returns whether the document shows the caller's earlier word */
  add(word: string, own: string | undefined): boolean {
    this.submit(word);
    return own === undefined || own in this.doc.data!;
  }

  addAgain(word: string, own: string | undefined): boolean {
    return this.add(word, own);
  }

  fail(word: string): never {
    this.submit(word);
    throw new RangeError(word);
  }

  async tell(word: string, listener: (word: string) => PromiseLike<void>): Promise<boolean> {
    this.submit(word);
    await listener(word);
    return true;
  }

  private submit(word: string): void {
    this.doc.submitOp([{p: [word], oi: 'service'}], {}, () => {});
  }
}

/** Calls from pages to a service of the hosts, with checks of the page's state at each step. */
export class ServiceCalls {
  private readonly calls: Call[] = [];
  private readonly stubs = new WeakMap<Page, Remote<Board>>();
  private words = 0;

  constructor(private readonly world: World) {}

  source(): HostOptions['services'] {
    return serviceSource({board: async ({connection}: ServiceHost) => {
      const doc = connection.get<Words>(COLLECTION, ID);
      // An op that is rolled back with its host's history has no other listener.
      doc.on('error', () => {});
      await new Promise<void>((resolve, reject) => doc.subscribe(error => (error ? reject(error) : resolve())));
      return new Board(doc);
    }});
  }

  async begin(first: ProxyConnection | ReturnType<World['server']['backend']['connect']>): Promise<void> {
    await this.world.done('create the document of the service', done => void (first as ProxyConnection).get(COLLECTION, ID).create({}, 'json0', done));
  }

  open(page: Page): void {
    const {ledger} = this.world;
    const doc = this.doc(page);
    doc.on('error', (error: Error) => { if (!isFarewell(error)) ledger.problem(`${page.name}, service: ${error.stack}`); });
    doc.subscribe(error => { if (error && !isFarewell(error)) ledger.problem(`${page.name}, service: ${String(error)}`); });
    this.stubs.set(page, service<Board>(page.connection, 'board', {
      idempotent: ['addAgain'], onError: error => ledger.problem(`${page.name}: nobody awaits ${String(error)}`)
    }));
  }

  call(page: Page): void {
    const {random, ledger} = this.world;
    const doc = this.doc(page);
    if (!doc.type) return;
    const stub = this.stubs.get(page)!;
    const word = `call ${this.words++}`;
    const call: Call = {word, caller: page.name, isIdempotent: false, outcomes: []};
    this.calls.push(call);
    const shows = (when: string): void => {
      if (doc.type && !(word in doc.data!)) ledger.problem(`${page.name} does not show ${word} ${when}`);
    };
    const way = random.below(5);
    let own: string | undefined;
    if (way < 3 && random.below(2)) {
      own = `own ${this.words++}`;
      doc.submitOp([{p: [own], oi: page.name}], {source: page.name}, () => {});
    }
    call.isIdempotent = way === 0;
    const result = way === 0 ? stub.addAgain(word, own) : way < 3 ? stub.add(word, own) : way === 3 ? stub.fail(word) : stub.tell(word, async told => {
      if (told !== word) ledger.problem(`${page.name} was told ${told}, not ${word}`);
      shows('in its callback');
    });
    (result as PromiseLike<boolean>).then(seen => {
      call.outcomes.push('resolved');
      shows('when its call resolves');
      if (!seen) ledger.problem(`the service does not see ${own} of ${page.name}`);
    }, (error: Error & {code?: string; mayHaveRun?: boolean}) => {
      call.outcomes.push('rejected');
      if (error instanceof RangeError) return shows('when its call rejects');
      if (error.code !== 'ERR_REMOTE_CLOSED') return ledger.problem(`${word} of ${page.name} was rejected with ${error.stack}`);
      if (error.mayHaveRun === false) call.hasNotRun = true;
    });
  }

  /** Checks that each call has ended once, and that its op is there at most once, or at least once if it is idempotent. */
  async judge(): Promise<void> {
    const {ledger, pages, server, walk} = this.world;
    const ops = (await server.ops(COLLECTION, ID)).map(op => JSON.stringify(op));
    const hostsEnd = !!walk.crashes || !!walk.usurpers;
    for (const {word, caller, isIdempotent, outcomes, hasNotRun} of this.calls) {
      const times = ops.filter(op => op.includes(`"${word}"`)).length;
      if (outcomes.length !== 1 && !ledger.gone.has(caller)) ledger.problem(`${word} of ${caller} ended ${outcomes.length} times`);
      if (times > 1 && !isIdempotent) ledger.problem(`${word} of ${caller} ran ${times} times`);
      if (times && hasNotRun) ledger.problem(`${word} of ${caller} was said not to have run, and has`);
      // Ops that a host has not written are lost when it dies.
      if (!times && outcomes[0] === 'resolved' && !hostsEnd) ledger.problem(`${word} of ${caller} has ended, and is not there`);
    }
    const [first, ...others] = pages.map(page => JSON.stringify(Object.entries(this.doc(page).data ?? {}).sort()));
    for (const other of others) if (other !== first) ledger.problem(`pages show other words of the service: ${first} ${other}`);
  }

  private doc({connection}: Page): ProxyDoc<Words> {
    return connection.get<Words>(COLLECTION, ID);
  }
}
