import {expect} from 'chai';
import {SharedMap, SharedQueue, transaction} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {Random} from '../support/random.js';
import {until} from '../waiting/until.js';
import {turn} from '../waiting/node-turn.js';
import {QueueLedger} from './queue-ledger.js';
import {TroubledStorage} from '../store/troubled-storage.js';
import {CollectionsStage, eachWithTwoTabs, rejection} from './stage.js';

const SEED = Number(process.env['SEED'] ?? 1);

describe('a queue', () => {
  let stage: CollectionsStage;
  let tab: ProxyConnection;
  let other: ProxyConnection;
  eachWithTwoTabs((...all) => { [tab, other, stage] = all; });

  const open = (name: string, options = {}): Promise<[SharedQueue<string>, SharedQueue<string>]> =>
    Promise.all([SharedQueue.open<string>(tab, name, options), SharedQueue.open<string>(other, name, options)]);

  it('gives each item to one consumer, in order', async () => {
    const [mine, theirs] = await open('work');
    mine.enqueueMany(['a', 'b', 'c', 'd']);
    expect([mine.size, mine.peek(), mine.isEmpty]).to.eql([4, 'a', false]);
    const taken = [await theirs.dequeue(), await mine.dequeue(), await theirs.tryDequeue(), await mine.tryDequeue(), await mine.tryDequeue()];
    expect(taken).to.eql(['a', 'b', 'c', 'd', undefined]);
    await until('it is empty, with nothing in flight', () => [mine, theirs].every(queue => queue.isEmpty && queue.inFlight === 0));
  });

  it('gives a tab the items that it has just added, in a call that does not wait', async () => {
    const [mine] = await open('work');
    mine.enqueueMany(['a', 'b']);
    expect([await mine.tryDequeue(), await mine.tryDequeue(), await mine.tryDequeue()]).to.eql(['a', 'b', undefined]);
    mine.enqueueMany(['c', 'd']);
    expect(await Promise.all([mine.tryDequeue(), mine.tryDequeue(), mine.tryDequeue()])).to.eql(['c', 'd', undefined]);
  });

  it('returns a released item to its place, whichever view has added it', async () => {
    const [mine] = await open('work');
    const view = await SharedQueue.open<string>(tab, 'work');
    await transaction(tx => { for (const item of ['a', 'b', 'c']) tx.in(mine).enqueue(item); });
    view.enqueueMany(['d', 'e']);
    const leases = [await mine.take(), await mine.take(), await mine.take(), await mine.take()];
    for (const lease of leases.reverse()) await lease.release();
    expect(await mine.dequeueMany(9)).to.eql(['a', 'b', 'c', 'd', 'e']);
  });

  it('has leases that are longer than a timer', async () => {
    const [mine] = await open('work', {leaseTimeout: 2 ** 40});
    mine.enqueueMany(['a', 'b']);
    const [first, second] = [await mine.take(), await mine.take()];
    await second.extend(2 ** 41);
    await new Promise(resolve => { setTimeout(resolve, 20); });
    expect([first.signal.aborted, second.signal.aborted, mine.inFlight]).to.eql([false, false, 2]);
  });

  it('serves waiting consumers in the order of their calls', async () => {
    const [mine, theirs] = await open('work');
    const got: string[] = [];
    const wait = async (queue: SharedQueue<string>, name: string): Promise<void> => { got.push(`${name} ${await queue.dequeue()}`); };
    const first = wait(theirs, 'first');
    await theirs.tryDequeue();
    const all = [first, wait(mine, 'second')];
    await mine.tryDequeue();
    all.push(wait(theirs, 'third'));
    await theirs.tryDequeue();
    mine.enqueue('a');
    mine.enqueue('b');
    await until('two are served', () => got.length === 2);
    theirs.enqueue('c');
    await Promise.all(all);
    expect(got.sort()).to.eql(['first a', 'second b', 'third c']);
  });

  for (const scope of ['local', 'synced'] as const) {
    it(`gives each item to one of several views in a tab, also to one that is opened later, ${scope}`, async () => {
      stage.close();
      stage = new CollectionsStage({online: true});
      tab = stage.openTab();
      const views = [await SharedQueue.open<string>(tab, 'views', {scope}), await SharedQueue.open<string>(tab, 'views', {scope})] as const;
      const taken = [views[0].dequeue(), views[1].dequeue(), views[0].dequeue(), views[1].dequeue()];
      views[0].enqueueMany(['a', 'b', 'c', 'd', 'e', 'f']);
      expect(await Promise.all(taken)).to.eql(['a', 'b', 'c', 'd']);
      const lease = await views[0].take();
      await views[1].close();
      const later = await SharedQueue.open<string>(tab, 'views', {scope});
      expect([lease.value, await later.dequeue()]).to.eql(['e', 'f']);
      await lease.done();
    });
  }

  it('gives several items at once, and waits no longer than the time-out', async () => {
    const [mine] = await open('work');
    expect((await rejection(mine.dequeue({timeout: 10}))).code).to.equal('ERR_TABS_TIMEOUT');
    const abort = new AbortController();
    const aborted = rejection(mine.dequeue({signal: abort.signal}));
    abort.abort(new Error('enough'));
    expect((await aborted).message).to.equal('enough');
    const many = mine.dequeueMany(3);
    mine.enqueueMany(['a', 'b', 'c', 'd']);
    expect(await many).to.eql(['a', 'b', 'c']);
    expect(await mine.dequeueMany(3)).to.eql(['d']);
  });

  it('keeps nothing of calls that were cancelled', async () => {
    const [mine] = await open('work');
    const held = (): number => Object.values(mine['consumer']).reduce<number>((sum, part) => sum + (part instanceof Map || part instanceof Set ? part.size : 0), 0);
    for (let call = 0; call < 50; call++) {
      const abort = new AbortController();
      const cancelled = rejection(mine.dequeue({signal: abort.signal}));
      if (call % 2) await turn();
      abort.abort(new Error('enough'));
      expect((await cancelled).message).to.equal('enough');
    }
    mine.enqueue('a');
    expect(await mine.dequeue()).to.equal('a');
    expect(held()).to.equal(0);
  });

  for (const scope of ['local', 'synced'] as const) {
    it(`returns an item whose call was cancelled while the host died, ${scope}`, async () => {
      stage.close();
      const storage = new TroubledStorage();
      stage = new CollectionsStage({online: scope === 'synced', store: {storage}});
      tab = stage.openTab();
      other = stage.openTab();
      const [mine, theirs] = await open('work', {scope});
      const abort = new AbortController();
      const cancelled = rejection(theirs.dequeue({signal: abort.signal}));
      await theirs.tryDequeue();
      const {write} = storage;
      // The host dies when it has written the claim. The tab does not get the item.
      storage.write = function (changes, epoch) {
        const written = write.call(this, changes, epoch);
        if (JSON.stringify(changes).replaceAll('\\', '').includes(`"t":"${other.id}"`)) {
          storage.write = write;
          stage.killHost();
        }
        return written;
      };
      mine.enqueue('a');
      await until('the host has died', () => storage.write === write);
      abort.abort(new Error('enough'));
      expect((await cancelled).message).to.equal('enough');
      await turn();
      stage.startHost();
      expect(await mine.dequeue({timeout: 5000})).to.equal('a');
    });
  }

  it('sends nothing without a host for calls that were cancelled, and reports items when there is one', async () => {
    const [mine, theirs] = await open('work');
    mine.enqueue('a');
    const lease = await theirs.take();
    stage.host.close();
    await until('the tabs know', () => [tab, other].every(({hostState}) => hostState !== 'connected'));
    const calls: string[] = [];
    for (const connection of [tab, other]) {
      const callHost = connection.callHost.bind(connection);
      connection.callHost = ((...args: Parameters<typeof callHost>) => {
        calls.push(args[0]);
        return callHost(...args);
      }) as typeof callHost;
    }
    const reported = lease.done();
    const rejected = await Promise.all(Array.from({length: 50}, () => rejection(mine.dequeue({timeout: 10}))));
    expect(rejected.map(({code}) => code as string)).to.eql(Array(50).fill('ERR_TABS_TIMEOUT'));
    await new Promise(resolve => { setTimeout(resolve, 100); });
    calls.length = 0;
    await new Promise(resolve => { setTimeout(resolve, 300); });
    expect(calls.length).to.equal(0);
    stage.startHost();
    await reported;
    expect(calls.filter(name => name === 'shared.cancel').length).to.equal(0);
    mine.enqueue('b');
    expect(await mine.dequeue()).to.equal('b');
    await until('both are reported', () => mine.isEmpty && mine.inFlight === 0);
  });

  it('can be iterated until it is closed', async () => {
    const [mine, theirs] = await open('work');
    const got: string[] = [];
    const reading = (async () => { for await (const item of theirs) got.push(item); })();
    mine.enqueueMany(['a', 'b']);
    await until('they are read', () => got.length === 2);
    await theirs.close();
    await reading;
    mine.enqueue('c');
    expect(await mine.dequeue()).to.equal('c');
  });

  it('leases an item until it is done, released or failed', async () => {
    const [mine, theirs] = await open('work', {maxAttempts: 2});
    mine.enqueueMany(['a', 'b']);
    const lease = await theirs.take();
    expect([lease.value, lease.attempts]).to.eql(['a', 0]);
    await until('others see it', () => mine.inFlight === 1 && mine.size === 1);
    await lease.release();
    await until('it is back in its place', () => mine.peek() === 'a' && mine.inFlight === 0);
    await (await theirs.take()).fail(new Error('no'));
    const again = await mine.take();
    expect([again.value, again.attempts]).to.eql(['a', 1]);
    await again.fail('never');
    await until('it was given up', () => mine.dead.length === 1);
    expect(mine.dead).to.eql([{value: 'a', attempts: 2, error: 'never'}]);
    const done = await mine.take();
    await done.done();
    expect((await rejection(done.done())).code).to.equal('ERR_TABS_LEASE_LOST');
    theirs.requeueDead();
    const last = await mine.take();
    expect([last.value, last.attempts]).to.eql(['a', 0]);
    await last[Symbol.asyncDispose]();
    await until('it is back', () => theirs.peek() === 'a');
  });

  it('takes the leases of an ended tab back', async () => {
    const [mine, theirs] = await open('work');
    mine.enqueueMany(['a', 'b']);
    const lost = await theirs.take();
    const waiting = mine.take();
    expect((await waiting).value).to.equal('b');
    const again = mine.take();
    other.close();
    const lease = await again;
    expect([lease.value, lease.attempts, lost.value]).to.eql(['a', 1, 'a']);
  });

  it('takes a lease back at its end, and aborts its signal', async () => {
    const theirs = await SharedQueue.open<string>(other, 'work', {leaseTimeout: 20});
    const mine = await SharedQueue.open<string>(tab, 'work', {leaseTimeout: 60_000});
    mine.enqueue('a');
    const lease = await theirs.take();
    const again = await mine.take();
    expect(again.value).to.equal('a');
    await until('its holder knows', () => lease.signal.aborted);
    expect((await rejection(lease.done())).code).to.equal('ERR_TABS_LEASE_LOST');
    await again.extend(60_000);
    await again.done();
  });

  it('takes part in transactions', async () => {
    const [mine, theirs] = await open('work');
    const done = await SharedMap.open<string, number>(tab, 'done');
    mine.enqueue('a');
    const item = await transaction(tx => {
      const value = tx.in(mine).tryDequeue();
      tx.in(done).set(value!, 1);
      tx.in(mine).enqueue('b');
      return value;
    });
    expect([item, done.get('a'), [...[mine.peek()]], mine.size]).to.eql(['a', 1, ['b'], 1]);
    await until('the other tab has it', () => theirs.peek() === 'b');
  });

  it('emits added and removed items to watchers', async () => {
    const [mine] = await open('work');
    const events = mine.watchAll();
    mine.enqueue('a');
    await turn();
    expect((await events.next()).value).to.deep.include({type: 'splice', index: 0, inserted: ['a'], deleted: []});
    await mine.dequeue();
    expect((await events.next()).value).to.deep.include({type: 'splice', index: 0, inserted: [], deleted: ['a']});
    mine.enqueueMany(['b', 'c']);
    mine.clear();
    expect(mine.size).to.equal(0);
  });

  it('survives a restart, with its leased items', async () => {
    const [mine] = await open('work');
    mine.enqueueMany(['a', 'b']);
    await mine.take();
    await mine.flush();
    await stage.restart();
    const again = await SharedQueue.open<string>(stage.openTab(), 'work');
    expect([again.size, again.inFlight]).to.eql([1, 1]);
    expect(await again.dequeue()).to.equal('b');
    // The tab that had the item has not come back.
    expect(await again.dequeue({timeout: 15_000})).to.equal('a');
  }).timeout(20_000);
});

describe('the ledger of a queue', function () {
  this.timeout(120_000);

  it('has each item done once, through deaths of hosts and tabs, except items that a tab had taken', async () => {
    for (let seed = SEED; seed < SEED + 3; seed++) {
      const random = new Random(seed);
      const stage = new CollectionsStage();
      const ledger = new QueueLedger(random, stage.errors);
      const {done, unsure} = ledger;
      let isOver = false;
      try {
        const producer = await SharedQueue.open<number>(stage.openTab(), 'ledger', {maxAttempts: 1000});
        const begin = async (): Promise<() => void> => {
          const tab = stage.openTab();
          const queue = await SharedQueue.open<number>(tab, 'ledger', {maxAttempts: 1000});
          void ledger.work(queue);
          return () => {
            tab.close();
            stage.tabs.splice(stage.tabs.indexOf(tab), 1);
          };
        };
        const consumers = [await begin(), await begin(), await begin()];
        const disturbing = (async () => {
          while (!isOver) {
            for (let turns = 30 + random.below(200); turns && !isOver; turns--) await turn();
            if (isOver) return;
            if (random.below(3)) stage.replaceHost();
            else {
              consumers.shift()!();
              consumers.push(await begin());
            }
          }
        })();
        for (let n = 0; n < 60; n++) {
          producer.enqueue(n);
          await turn();
        }
        await until('all are done', () => stage.errors.length > 0 || Array.from({length: 60}, (_, n) => n).every(n => done.has(n) || unsure.has(n)));
        isOver = true;
        await disturbing;
        expect(stage.errors, `SEED=${seed}`).to.eql([]);
        const twice = [...done].filter(([, times]) => times > 1);
        expect(twice, `SEED=${seed}`).to.eql([]);
      } finally {
        isOver = true;
        stage.close();
      }
    }
  });
});
