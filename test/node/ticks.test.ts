import {expect} from 'chai';
import Backend from 'sharedb';
import upstream from 'sharedb/lib/util.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {systemClock} from '../../lib/platform/browser.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';

interface List {
  list: number[];
}

/** In a browser, each tick that ShareDB's client requests is a new MessageChannel. It costs more than the rest of the call. */
describe('the ticks that ops schedule', () => {
  const {nextTick} = upstream;
  let ticks: number;
  let isCounting: boolean;
  let backend: Backend;
  let host: Host;
  let tab: ProxyConnection;
  let doc: ProxyDoc<List>;
  let now: () => number;

  beforeEach(async () => {
    now = Date.now;
    ticks = 0;
    isCounting = false;
    upstream.nextTick = (callback: () => void) => {
      if (isCounting) ticks++;
      nextTick(callback);
    };
    const channel = memoryChannels();
    backend = new Backend();
    host = new Host({connection: backend.connect(), channel});
    tab = new ProxyConnection({channel, clock: {now: () => now(), after: systemClock.after}});
    doc = tab.get<List>('lists', 'one');
    await doc.create({list: []});
  });
  afterEach(() => {
    upstream.nextTick = nextTick;
    tab.close();
    host.close();
  });

  const insert = (n: number): object => [{p: ['list', n], li: n}];

  /** @returns the number of ticks requested during the call */
  function ticksOf(act: () => void): number {
    ticks = 0;
    isCounting = true;
    act();
    isCounting = false;
    return ticks;
  }

  async function stored(): Promise<List> {
    const remote = backend.connect().get('lists', 'one');
    await new Promise(resolve => remote.fetch(resolve));
    return remote.data as List;
  }

  it('are one for all ops of a turn, and another in the next turn', async () => {
    for (const from of [0, 20]) {
      const done: Promise<void>[] = [];
      expect(ticksOf(() => { for (let n = from; n < from + 20; n++) done.push(doc.submitOp(insert(n))); })).to.equal(1);
      await Promise.all(done);
    }
    expect((await stored()).list).to.eql(Array.from({length: 40}, (_, n) => n));
  });

  it('are one for each document', async () => {
    const other = tab.get<List>('lists', 'two');
    await other.create({list: []});
    const done: Promise<void>[] = [];
    expect(ticksOf(() => {
      for (let n = 0; n < 3; n++) done.push(doc.submitOp(insert(n)), other.submitOp(insert(n)));
    })).to.equal(2);
    await Promise.all(done);
    expect(other.data.list).to.eql([0, 1, 2]);
  });

  it('include ops that listeners submit', async () => {
    const done: Promise<void>[] = [];
    doc.on('op', () => { if (doc.data.list.length < 5) done.push(doc.submitOp(insert(doc.data.list.length))); });
    expect(ticksOf(() => done.push(doc.submitOp(insert(0))))).to.equal(1);
    await Promise.all(done);
    expect((await stored()).list).to.eql([0, 1, 2, 3, 4]);
  });

  it('are scheduled for ops submitted after a rollback', async () => {
    const lost = [doc.submitOp(insert(0)), doc.submitOp([{p: ['nowhere', 'deep'], oi: 1}])];
    expect((await Promise.allSettled(lost)).map(({status}) => status)).to.eql(['rejected', 'rejected']);
    await doc.submitOp(insert(0));
    expect((await stored()).list).to.eql([0]);
  });

  it('are none while a tab waits for ops that may be composed', async () => {
    const held: (() => void)[] = [];
    let isHolding = true;
    // No time passes: a busy machine may need more than the 16 ms for which an op is held back.
    const start = Date.now();
    now = () => start;
    backend.use('submit', (_request, next) => { if (isHolding) held.push(next); else next(); });
    const first = doc.submitOp(insert(0));
    await until('the host has it', () => !doc.hasUnsent);
    const second = doc.submitOp(insert(1));
    await new Promise(resolve => setImmediate(resolve));
    const more: Promise<void>[] = [];
    expect(ticksOf(() => { for (let n = 2; n < 5; n++) more.push(doc.submitOp(insert(n))); })).to.equal(0);
    isHolding = false;
    for (const next of held) next();
    await Promise.all([first, second, ...more]);
    expect((await stored()).list).to.eql([0, 1, 2, 3, 4]);
  });
});
