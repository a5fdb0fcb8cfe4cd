import {expect} from 'chai';
import {EventEmitter} from 'node:events';
import {Signal} from 'signal-polyfill';
import {docSignal, signalHandler} from '../../lib/signals.js';
import type {SignalNamespace} from '../../lib/signals/signal-like.js';
import {closeAll, connect} from './stage.js';

const Signals = Signal as unknown as SignalNamespace;
const both = (): [object, object] => [{handlers: [signalHandler(Signals)]}, {handlers: [signalHandler(Signals)]}];
const turns = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await new Promise(resolve => setImmediate(resolve));
};

class Service {
  readonly count = new Signal.State(0);
  readonly double = new Signal.Computed(() => this.count.get() * 2);
  readonly failing = new Signal.Computed(() => {
    if (this.count.get() % 2) throw new RangeError('odd');
    return 'even';
  });
  increment(): void {
    this.count.set(this.count.get() + 1);
  }
  fail(): void {
    this.increment();
    throw new Error('after');
  }
  tell(f: () => void): void {
    this.increment();
    f();
  }
  async *steps(): AsyncGenerator<number> {
    for (let i = 0; i < 3; i++) {
      this.increment();
      yield this.count.get();
    }
  }
}

describe('remote signals', () => {
  afterEach(closeAll);

  it('are up to date when a call resolves, 1,000 of 1,000', async () => {
    const [mine, theirs] = both();
    const {remote} = connect(new Service(), mine, theirs) as any;
    const count = await remote.count;
    const double = await remote.double;
    for (let i = 1; i <= 1000; i++) {
      await remote.increment();
      expect(count.get()).to.equal(i);
      expect(double.get()).to.equal(2 * i);
    }
  });

  it('are up to date at a rejection, in a callback and at a yield', async () => {
    const [mine, theirs] = both();
    const {remote} = connect(new Service(), mine, theirs) as any;
    const count = await remote.count;
    await remote.fail().catch(() => {});
    expect(count.get()).to.equal(1);
    let seen = 0;
    await remote.tell(() => void (seen = count.get()));
    await turns();
    expect(seen).to.equal(2);
    for await (const value of remote.steps()) expect(count.get()).to.be.at.least(value);
  });

  it('change by themselves, too, and are the same signal each time', async () => {
    const [mine, theirs] = both();
    const service = new Service();
    const {remote} = connect(service, mine, theirs) as any;
    const count = await remote.count;
    service.increment();
    await turns();
    expect(count.get()).to.equal(1);
    expect(await remote.count).to.equal(count);
    expect(() => count.set(4)).to.throw('read-only');
  });

  it('that throw do so on this side, and the others continue', async () => {
    const [mine, theirs] = both();
    const {remote} = connect(new Service(), mine, theirs) as any;
    const [count, failing] = [await remote.count, await remote.failing];
    expect(failing.get()).to.equal('even');
    await remote.increment();
    expect(() => failing.get()).to.throw('odd');
    expect(count.get()).to.equal(1);
    await remote.increment();
    expect(failing.get()).to.equal('even');
  });

  it('add nothing to a frame if nothing has changed', async () => {
    const [mine, theirs] = both();
    const {remote, ports: [port]} = connect(new Service(), mine, theirs) as any;
    await remote.count;
    const frames: any[] = [];
    const {postMessage} = port;
    port.postMessage = (...args: [any]) => {
      frames.push(args[0]);
      postMessage.apply(port, args);
    };
    await remote.steps;
    await remote.increment();
    expect(frames.map(([, ext]) => ext === 0)).to.eql([true, false]);
  });

  it('of documents follow them while they are watched, and leave no listener', async () => {
    const doc = Object.assign(new EventEmitter(), {data: {n: 1}}) as EventEmitter & {data: {n: number}};
    const signal = docSignal<{n: number}>(Signals, doc);
    expect(signal.get()!.n).to.equal(1);
    doc.data = {n: 2};
    expect(signal.get()!.n).to.equal(2);
    let told = 0;
    const watcher = new Signal.subtle.Watcher(() => told++);
    const computed = new Signal.Computed(() => signal.get()!.n);
    watcher.watch(computed);
    computed.get();
    expect(doc.listenerCount('op batch')).to.equal(1);
    doc.data = {n: 3};
    doc.emit('op batch');
    expect(told).to.equal(1);
    expect(computed.get()).to.equal(3);
    watcher.unwatch(computed);
    expect(doc.listenerCount('op batch')).to.equal(0);
  });
});
