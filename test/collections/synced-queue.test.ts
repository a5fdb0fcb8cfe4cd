import {expect} from 'chai';
import {SharedMap, SharedQueue, transaction, type QueueOptions} from '../../lib/collections.js';
import type {Host} from '../../lib/host.js';
import type {ProxyConnection} from '../../lib/index.js';
import {Random} from '../support/random.js';
import {until} from '../waiting/until.js';
import {turn} from '../waiting/node-turn.js';
import {QueueLedger} from './queue-ledger.js';
import {CollectionsStage, rejection} from './stage.js';

const SEED = Number(process.env['SEED'] ?? 1);
/** The number of random ledgers. */
const ROUNDS = Number(process.env['HISTORIES'] ?? 2);

type Server = ReturnType<CollectionsStage['openDevice']>['server'];

/** Two browsers, each with its own host, and one server. */
describe('a queue of two devices', () => {
  let stage: CollectionsStage;
  let tab: ProxyConnection;
  let device: {tab: ProxyConnection; host: Host; server: Server};
  beforeEach(() => {
    stage = new CollectionsStage({online: true});
    tab = stage.openTab();
    device = stage.openDevice();
  });
  afterEach(() => {
    stage.close();
    expect(stage.errors).to.eql([]);
  });

  const options = (more: QueueOptions<string> = {}): QueueOptions<string> => ({scope: 'synced', ...more});
  const open = (more?: QueueOptions<string>): Promise<[SharedQueue<string>, SharedQueue<string>]> =>
    Promise.all([SharedQueue.open<string>(tab, 'work', options(more)), SharedQueue.open<string>(device.tab, 'work', options(more))]);
  const both = (all: SharedQueue<string>[], look: (queue: SharedQueue<string>) => boolean): Promise<void> => until('both devices show it', () => all.every(look));
  const disconnect = async (server: Server, page: ProxyConnection): Promise<void> => {
    server.close();
    await until('the tab knows', () => page.state !== 'connected');
  };

  it('gives each item to one of them, in order', async () => {
    const [mine, theirs] = await open();
    mine.enqueueMany(['a', 'b', 'c', 'd']);
    await both([mine, theirs], ({size}) => size === 4);
    expect([theirs.peek(), theirs.isEmpty]).to.eql(['a', false]);
    const taken = [await theirs.dequeue(), await mine.dequeue(), await theirs.tryDequeue(), await mine.tryDequeue(), await mine.tryDequeue()];
    expect(taken).to.eql(['a', 'b', 'c', 'd', undefined]);
    await both([mine, theirs], queue => queue.isEmpty && queue.inFlight === 0);
    await until('nothing is left at the server', () => mine.memory === 4);
  });

  it('gives an item that both want at once to one of them, and the next one to the other', async () => {
    const [mine, theirs] = await open();
    for (let round = 0; round < 5; round++) {
      const waiting = [mine.dequeue(), theirs.dequeue()];
      mine.enqueueMany([`${round} a`, `${round} b`]);
      expect((await Promise.all(waiting)).sort()).to.eql([`${round} a`, `${round} b`]);
    }
    expect(await Promise.all([mine.tryDequeue(), theirs.tryDequeue()])).to.eql([undefined, undefined]);
  });

  it('gives no items without a connection, and continues with one', async () => {
    const [mine, theirs] = await open();
    mine.enqueue('a');
    await both([mine, theirs], ({size}) => size === 1);
    await disconnect(stage.server, tab);
    mine.enqueue('b');
    expect(await mine.tryDequeue()).to.equal(undefined);
    expect((await rejection(mine.dequeue({timeout: 10}))).code).to.equal('ERR_TABS_TIMEOUT');
    const waiting = mine.dequeue();
    expect(await theirs.dequeue()).to.equal('a');
    stage.backend.connect(stage.server as never);
    expect(await waiting).to.equal('b');
  });

  it('has leases that end: done, released, failed, given up', async () => {
    const [mine, theirs] = await open({maxAttempts: 2});
    mine.enqueueMany(['a', 'b']);
    await both([mine, theirs], ({size}) => size === 2);
    const lease = await theirs.take();
    expect([lease.value, lease.attempts]).to.eql(['a', 0]);
    await until('the other device sees it', () => mine.inFlight === 1 && mine.size === 1);
    await lease.release();
    await until('it is back in its place', () => mine.peek() === 'a' && mine.inFlight === 0);
    await (await theirs.take()).fail(new Error('no'));
    await until('it is back again', () => mine.peek() === 'a');
    const again = await mine.take();
    expect([again.value, again.attempts]).to.eql(['a', 1]);
    await again.extend(120_000);
    await again.fail('never');
    await both([mine, theirs], ({dead}) => dead.length === 1);
    expect(theirs.dead).to.eql([{value: 'a', attempts: 2, error: 'never'}]);
    await (await mine.take()).done();
    theirs.requeueDead();
    const last = await theirs.take();
    expect([last.value, last.attempts, theirs.dead]).to.eql(['a', 0, []]);
    await last.done();
    expect((await rejection(last.done())).code).to.equal('ERR_TABS_LEASE_LOST');
  });

  it('takes back the items of a closed tab, for the other device', async () => {
    const [mine, theirs] = await open();
    theirs.enqueue('a');
    const lost = await theirs.take();
    const waiting = mine.take();
    device.tab.close();
    const lease = await waiting;
    expect([lost.value, lease.value, lease.attempts]).to.eql(['a', 'a', 1]);
  });

  it('takes over the lease of a device that does not end it in time, and refuses its late report', async () => {
    // The other device's clock is so far ahead that each lease looks overdue to it.
    const {now, after} = tab.clock;
    const ahead = stage.openDevice({clock: {now: () => now() + 100_000, after}});
    const mine = await SharedQueue.open<string>(tab, 'work', options());
    mine.enqueueMany(['a', 'b']);
    const early = await mine.take();
    const other = await mine.take();
    await mine.flush({at: 'server'});
    const theirs = await SharedQueue.open<string>(ahead.tab, 'work', options());
    const lease = await theirs.take();
    expect([lease.value, lease.attempts]).to.eql(['a', 1]);
    await until('its holder knows', () => early.signal.aborted);
    expect((await rejection(early.done())).code).to.equal('ERR_TABS_LEASE_LOST');
    // This device reports before it hears of the other device.
    await disconnect(stage.server, tab);
    const late = rejection(other.done());
    const taken = await theirs.take();
    expect(taken.value).to.equal('b');
    stage.backend.connect(stage.server as never);
    expect((await late).code).to.equal('ERR_TABS_LEASE_LOST');
    expect(taken.signal.aborted).to.equal(false);
    await Promise.all([lease.done(), taken.done()]);
    await until('all is done', () => mine.memory === 4 && theirs.memory === 4);
  });

  it('takes part in transactions, and reports items that another device has taken as well', async () => {
    const [mine, theirs] = await open();
    const done = await SharedMap.open<string, number>(tab, 'done', {scope: 'synced'});
    mine.enqueueMany(['a', 'b']);
    const take = (): Promise<string | undefined> => transaction(tx => {
      const value = tx.in(mine).tryDequeue() as unknown as string | undefined;
      tx.in(done).set(value!, 1);
      tx.in(mine).enqueue('c');
      return value;
    });
    expect([await take(), done.get('a'), mine.peek(), mine.size]).to.eql(['a', 1, 'b', 2]);
    await both([mine, theirs], ({size}) => size === 2);
    await disconnect(stage.server, tab);
    let outcome: Promise<{raced: unknown[]}> | undefined;
    const value = await transaction(tx => {
      ({outcome} = tx);
      return tx.in(mine).tryDequeue();
    });
    expect([value, await theirs.dequeue()]).to.eql(['b', 'b']);
    stage.backend.connect(stage.server as never);
    expect((await outcome!).raced).to.have.length(1);
  });

  it('emits added and removed items to watchers', async () => {
    const [mine, theirs] = await open();
    const events = mine.watchAll();
    mine.enqueueMany(['a', 'b']);
    expect((await events.next()).value).to.deep.include({type: 'splice', index: 0, inserted: ['a', 'b'], deleted: [], isLocal: true});
    expect(await theirs.dequeue()).to.equal('a');
    expect((await events.next()).value).to.deep.include({type: 'splice', index: 0, inserted: [], deleted: ['a'], isLocal: false});
    mine.clear();
    expect((await events.next()).value).to.deep.include({type: 'splice', index: 0, inserted: [], deleted: ['b'], isLocal: true});
    await both([mine, theirs], ({isEmpty}) => isEmpty);
  });

  it('rejects when the server refuses the claim', async () => {
    const [mine] = await open();
    mine.enqueue('a');
    await mine.flush({at: 'server'});
    stage.backend.use('apply', (_request, next) => { next(Object.assign(new Error('not allowed'), {code: 'ERR_NO'})); });
    expect((await rejection(mine.dequeue())).message).to.equal('not allowed');
    await turn();
    stage.errors.length = 0;
  });

  it('does not lose items to requests that were cancelled while the server answered', async () => {
    const [mine, theirs] = await open();
    mine.enqueue('a');
    await both([mine, theirs], ({size}) => size === 1);
    let answer: (() => void) | undefined;
    stage.backend.use('apply', (_request, next) => {
      if (answer) next();
      else answer = next;
    });
    const abort = new AbortController();
    const aborted = rejection(mine.dequeue({signal: abort.signal}));
    await until('the claim is at the server', () => answer !== undefined);
    abort.abort(new Error('enough'));
    await turn();
    answer!();
    expect([(await aborted).message, await theirs.dequeue()]).to.eql(['enough', 'a']);
  });
});

describe('the ledger of a queue of two devices', function () {
  this.timeout(120_000 + ROUNDS * 5_000);

  it('has each item done once, through deaths of tabs and hosts, and lost connections', async () => {
    for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
      const random = new Random(seed);
      const stage = new CollectionsStage({online: true});
      const device = stage.openDevice();
      const ledger = new QueueLedger(random, stage.errors);
      const {done, unsure} = ledger;
      const options = {scope: 'synced', maxAttempts: 1000} as const;
      let isOver = false;
      const work = async (tab: ProxyConnection): Promise<void> => {
        await ledger.work(await SharedQueue.open<number>(tab, 'ledger', options));
      };
      try {
        const queues = await Promise.all([stage.openTab(), device.tab].map(tab => SharedQueue.open<number>(tab, 'ledger', options)));
        const consumers = [stage.openTab(), stage.openTab()];
        for (const tab of [...consumers, device.tab]) void work(tab);
        const disturbing = (async () => {
          // A host that lives for less than 5 s never returns the items of tabs that died with the last host.
          for (let n = 0; n < 12 && !isOver; n++) {
            for (let turns = 30 + random.below(150); turns && !isOver; turns--) await turn();
            if (isOver) return;
            switch (random.below(4)) {
              case 0:
                consumers[0]!.close();
                stage.tabs.splice(stage.tabs.indexOf(consumers.shift()!), 1);
                consumers.push(stage.openTab());
                void work(consumers.at(-1)!);
                break;
              case 1:
                stage.replaceHost();
                break;
              default: {
                const {server} = random.below(2) ? stage : device;
                server.close();
                for (let turns = random.below(40); turns; turns--) await turn();
                if (server === stage.server || server === device.server) stage.backend.connect(server as never);
              }
            }
          }
        })();
        for (let n = 0; n < 30; n++) {
          queues[n % 2]!.enqueue(n);
          await turn();
        }
        await until(`all are done, SEED=${seed}`, () => stage.errors.length > 0 || (
          queues.every(({size, inFlight}) => size + inFlight === 0) && Array.from({length: 30}, (_, n) => n).every(n => done.has(n) || unsure.has(n))
        ), 40_000);
        isOver = true;
        await disturbing;
        expect(stage.errors, `SEED=${seed}`).to.eql([]);
        expect([...done].filter(([, times]) => times > 1), `SEED=${seed}`).to.eql([]);
      } finally {
        isOver = true;
        stage.close();
      }
    }
  });
});
