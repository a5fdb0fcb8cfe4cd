import {expect} from 'chai';
import {service} from '../../lib/remote.js';
import {perTab, type ServiceHost} from '../../lib/worker.js';
import type {ProxyConnection, ProxyDoc} from '../../lib/index.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {MODES, ServiceStage, memoryStore, type StageOptions} from './service-stage.js';
import {rejection} from './stage.js';

interface Count {
  n: number;
}

/** A service that changes a document and returns what it sees of it. */
class Counter {
  private readonly docs = new Map<string, Promise<ProxyDoc<Count>>>();
  calls = 0;

  constructor(private readonly host: ServiceHost) {}

  async doc(id: string): Promise<ProxyDoc<Count>> {
    let doc = this.docs.get(id);
    if (!doc) this.docs.set(id, doc = open(this.host.connection, id));
    return doc;
  }

  ready = async (id: string): Promise<void> => void await this.doc(id);

  async increment(id: string): Promise<void> {
    this.calls++;
    void (await this.doc(id)).submitOp([{p: ['n'], na: 1}]);
  }

  async incrementAndThrow(id: string): Promise<never> {
    await this.increment(id);
    throw Object.assign(new RangeError('as asked for'), {code: 'E_ASKED'});
  }

  async incrementAndCall(id: string, callback: (n: number) => PromiseLike<void> | void): Promise<void> {
    await this.increment(id);
    await callback((await this.doc(id)).data!.n);
  }

  async *incrementAndYield(id: string, times: number): AsyncGenerator<number> {
    for (let i = 0; i < times; i++) {
      await this.increment(id);
      yield (await this.doc(id)).data!.n;
    }
  }

  async read(id: string): Promise<number> {
    return (await this.doc(id)).data!.n;
  }

  pure(a: number, b: number): number {
    return a + b;
  }

  get tabs(): number {
    return this.host.tabs.length;
  }

  settled(queries = false): Promise<void> {
    return this.host.settled({queries});
  }
}

async function open(connection: ProxyConnection, id: string): Promise<ProxyDoc<Count>> {
  const doc = connection.get<Count>('docs', id);
  await settled(done => doc.subscribe(done));
  return doc;
}

const counter = {counter: (host: ServiceHost) => new Counter(host)};

const FUSED: [string, () => Partial<StageOptions>][] = [
  ['without a store', () => ({store: false})],
  ['written', () => ({store: memoryStore('written')})],
  ['strict', () => ({store: memoryStore('strict')})],
  ['delayed', () => ({store: memoryStore('delayed')})],
  ['with a server 25 ms away', () => ({serverDelay: 25})],
  ['with the server gone', () => ({})]
];

describe('services in the host', function () {
  this.timeout(120_000);
  let stage: ServiceStage;
  const start = (options: Partial<StageOptions> = {}): ServiceStage => (stage = new ServiceStage({services: counter, ...options}));
  afterEach(() => stage.close());

  for (const mode of MODES) {
    describe(`of a host that is reached by ${mode}`, () => {
      it('return results and errors', async () => {
        start({mode});
        const remote = service<Counter>(stage.tab(), 'counter');
        expect(await remote.pure(1, 2)).to.equal(3);
        expect(await remote.calls).to.equal(0);
        const doc = await stage.doc<Count>(stage.tab(), 'one', {n: 0});
        const error = await rejection(remote.incrementAndThrow(doc.id));
        expect(error).to.be.instanceOf(RangeError).with.property('code', 'E_ASKED');
      });

      for (const [what, options] of FUSED) {
        it(`show their ops when a call resolves, and see their caller's: ${what}`, async () => {
          start({mode, ...options()});
          const connection = stage.tab();
          const remote = service<Counter>(connection, 'counter');
          const doc = await stage.doc<Count>(connection, 'one', {n: 0});
          await remote.ready('one');
          if (what.includes('gone')) stage.disconnect();
          const missed: string[] = [];
          for (let i = 0, n = 0; i < 50; i++) {
            await remote.increment('one');
            if (doc.data!.n !== ++n) missed.push(`${i}: ${doc.data!.n} instead of ${n}`);
            void doc.submitOp([{p: ['n'], na: 1}]);
            const seen = await remote.read('one');
            if (seen !== ++n) missed.push(`${i}: the service saw ${seen} instead of ${n}`);
          }
          expect(missed).to.eql([]);
        });
      }

      it('show them at a reject, in a callback, and with each item that is yielded', async () => {
        start({mode});
        const connection = stage.tab();
        const remote = service<Counter>(connection, 'counter');
        const doc = await stage.doc<Count>(connection, 'one', {n: 0});
        await remote.ready('one');
        for (let n = 1; n < 30;) {
          await rejection(remote.incrementAndThrow('one'));
          expect(doc.data!.n).to.equal(n++);
          let shown: number | undefined;
          await remote.incrementAndCall('one', () => { shown = doc.data!.n; });
          expect(shown).to.equal(n++);
          for await (const item of remote.incrementAndYield('one', 3)) {
            expect(doc.data!.n).to.be.at.least(item);
            n++;
          }
        }
      });

      it('reject at once under an unknown name', async () => {
        start({mode});
        const remote = service<Counter>(stage.tab(), 'other', {idempotent: ['pure']});
        expect(await rejection(remote.pure(1, 2))).to.have.property('code', 'ERR_REMOTE_NO_SERVICE');
        const error = await rejection(remote.read('one'));
        expect(error).to.have.property('code', 'ERR_REMOTE_NO_SERVICE');
        // Nothing can have run, so the app may call something else instead.
        expect(error).to.have.property('mayHaveRun', false);
        expect(error).to.have.property('message').that.does.not.include('may have run');
      });
    });
  }

  it('refuse wrong options by name', () => {
    start();
    const connection = stage.tab();
    for (const [options, says] of [
      [{idempotnt: ['pure']}, 'service: there is no option idempotnt. Did you mean idempotent?'],
      [{allow: () => true}, 'service: there is no option allow'],
      [{idempotent: 'pure'}, 'service: option idempotent takes an array of method names'],
      [{onHost: {}}, 'service: option onHost takes a function']
    ] as [object, string][]) {
      expect(() => service<Counter>(connection, 'counter', options), says).to.throw(says).with.property('code', 'ERR_REMOTE_BAD_OPTION');
    }
  });

  it('do not count as a tab', async () => {
    start();
    const connection = stage.tab();
    const remote = service<Counter>(connection, 'counter');
    expect(await remote.tabs).to.equal(1);
    await until('the status is told', () => connection.status.tabs > 0);
    expect(connection.status.tabs).to.equal(1);
    expect(stage.host!.inspect().tabList).to.have.length(1);
  });

  it('are an object for each tab with perTab, which is disposed of when the tab ends', async () => {
    const made: string[] = [];
    const gone: string[] = [];
    const services = {own: () => perTab(({id, signal}) => {
      made.push(id);
      let calls = 0;
      return {next: () => ++calls, get isAborted() { return signal.aborted; }, [Symbol.dispose]() { gone.push(id); }};
    })};
    start({services});
    const [one, two] = [stage.tab(), stage.tab()];
    const [first, second] = [one, two].map(connection => service<{next(): number}>(connection, 'own'));
    expect(await first!.next()).to.equal(1);
    expect(await first!.next()).to.equal(2);
    expect(await second!.next()).to.equal(1);
    expect(made).to.eql([one.id, two.id]);
    one.close();
    await until('the object of the closed tab is disposed of', () => gone.length > 0);
    expect(gone).to.eql([one.id]);
  });
});
