import {expect} from 'chai';
import Backend from 'sharedb';
import {Connection} from 'sharedb/lib/client/index.js';
import {ConnectGate} from '../../lib/host/server/connect-gate.js';
import {FaultInjection} from '../../lib/host/server/fault-injection.js';
import {MessageFeed} from '../../lib/host/inspection/message-feed.js';
import {SlowLink, type HookedSocket} from '../../lib/host/server/slow-link.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {HandClock} from '../waiting/hand-clock.js';
import {until} from '../waiting/until.js';

class FakeSocket implements HookedSocket {
  readyState = 1;
  readonly sent: string[] = [];
  readonly calls: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;

  send(data: string): void {
    this.sent.push(data);
  }

  close(): void {
    this.calls.push('close');
    this.readyState = 3;
    this.onclose?.({code: 1000, reason: ''});
  }

  reconnect(): void {
    this.calls.push('reconnect');
    this.readyState = 0;
  }
}

describe('a slow link', () => {
  it('delays both directions, keeps their order, and loses messages under way when it closes', () => {
    const clock = new HandClock();
    const socket = new FakeSocket();
    const received: unknown[] = [];
    const closed: unknown[] = [];
    socket.onmessage = event => received.push(event);
    socket.onclose = event => closed.push(event);
    const {sent} = socket;
    const link = new SlowLink(socket, clock);
    socket.send('at once');
    expect(sent).to.eql(['at once']);
    link.delay = 500;
    socket.send('slow');
    socket.onmessage('answer');
    link.delay = 0;
    // It must not overtake the slow one.
    socket.send('fast');
    clock.pass(499);
    expect([sent, received]).to.eql([['at once'], []]);
    clock.pass(1);
    expect([sent, received]).to.eql([['at once', 'slow', 'fast'], ['answer']]);
    link.delay = 500;
    socket.send('lost');
    socket.onmessage('lost');
    socket.onclose({code: 1006});
    clock.pass(1000);
    expect([sent.length, received.length, closed]).to.eql([3, 1, [{code: 1006}]]);
  });
});

describe('the faults of a host', () => {
  function stage({place = 'shared-worker' as 'shared-worker' | 'direct', kill = undefined as (() => void) | undefined, isGated = false, socket = new FakeSocket()} = {}) {
    const clock = new HandClock();
    const connection = new Connection(socket as never) as never;
    const gate = new ConnectGate();
    if (isGated) gate.check();
    let abandoned = 0;
    const injection = new FaultInjection({connection, access: {gate, kill}, place, clock, abandon: () => { abandoned++; }});
    return {clock, socket, gate, injection, abandoned: () => abandoned};
  }

  it('cut the network of a WebSocket of this library: it reconnects, and fails until the network is restored', () => {
    const {socket, gate, injection} = stage({isGated: true});
    expect(injection.state).to.eql({network: 'untouched', delay: 0});
    expect(injection.inject({fault: 'cut'})).to.eql({network: 'cut', delay: 0});
    expect(injection.inject({fault: 'cut'}).network).to.equal('cut');
    expect(socket.calls).to.eql(['reconnect']);
    expect(() => gate.check()).to.throw('cut in the inspector');
    expect(injection.inject({fault: 'restore'}).network).to.equal('untouched');
    expect(socket.calls).to.eql(['reconnect', 'reconnect']);
    gate.check();
  });

  it("cut the network of an app's own socket by closing it", () => {
    const {socket, injection} = stage();
    injection.inject({fault: 'cut'});
    injection.inject({fault: 'restore'});
    expect(socket.calls).to.eql(['close', 'reconnect']);
  });

  it('refuse to cut a socket that they could not restore', () => {
    const socket = new FakeSocket();
    Object.assign(socket, {reconnect: undefined});
    const {injection, gate} = stage({socket});
    expect(() => injection.inject({fault: 'cut'})).to.throw('reconnect').with.property('code', 'ERR_TABS_FAULT_REFUSED');
    expect(gate.isClosed).to.equal(false);
    expect(socket.calls).to.eql([]);
  });

  it('kill a worker after the answer was posted, or abandon a host without a worker of its own', () => {
    let killed = 0;
    const worker = stage({kill: () => { killed++; }});
    worker.injection.inject({fault: 'kill'});
    expect(killed).to.equal(0);
    worker.clock.pass(50);
    expect([killed, worker.abandoned()]).to.eql([1, 0]);
    const page = stage();
    page.injection.inject({fault: 'kill'});
    page.clock.pass(50);
    expect(page.abandoned()).to.equal(1);
    expect(() => stage({place: 'direct'}).injection.inject({fault: 'kill'})).to.throw('Reload the page').with.property('code', 'ERR_TABS_FAULT_REFUSED');
  });

  it('freeze the thread for the requested time', () => {
    const {clock, injection} = stage();
    injection.inject({fault: 'freeze', ms: 60});
    const before = performance.now();
    clock.pass(50);
    expect(performance.now() - before).to.be.at.least(60);
  });

  it('refuse unknown faults and excessive times', () => {
    const {injection, socket} = stage();
    for (const request of [null, {}, {fault: 'toString'}, {fault: 'slow'}, {fault: 'slow', ms: -1}, {fault: 'slow', ms: '5'}, {fault: 'freeze', ms: 1e9}, {fault: 'freeze', ms: NaN}]) {
      expect(() => injection.inject(request), JSON.stringify(request)).to.throw().with.property('code', 'ERR_MESSAGE_BADLY_FORMED');
    }
    expect(socket.calls).to.eql([]);
  });

  it('are refused by a host without allowFaults, which is the default', async () => {
    const channel = memoryChannels();
    const backend = new Backend();
    const host = new Host({connection: backend.connect(), channel, store: false});
    const tab = new ProxyConnection({channel});
    await tab.get('notes', 'one').create({n: 1});
    for (const fault of ['cut', 'kill', 'restore'] as const) {
      const error = await tab.callHost('host.fault', {fault}).catch((error: unknown) => error);
      expect(error).to.have.property('code', 'ERR_TABS_FAULT_REFUSED');
      expect(error).to.have.property('message').that.includes('allowFaults: true');
    }
    expect(host.inspect()).to.include({faults: false, state: 'connected'});
    await tab.get('notes', 'one').submitOp([{p: ['n'], na: 1}]);
    tab.close();
    host.close();
  });

  it('slow down a real host, and edits still arrive', async () => {
    const channel = memoryChannels();
    const backend = new Backend();
    const host = new Host({connection: backend.connect(), channel, store: false, place: 'shared-worker', mirror: false, faults: {gate: new ConnectGate()}});
    const tab = new ProxyConnection({channel});
    const doc = tab.get('notes', 'one');
    await doc.create({n: 0});
    expect(await tab.callHost('host.fault', {fault: 'slow', ms: 100})).to.eql({network: 'slow', delay: 100});
    const before = performance.now();
    await Promise.all([1, 2, 3].map(() => doc.submitOp([{p: ['n'], na: 1}])));
    expect(performance.now() - before).to.be.at.least(190);
    expect(host.inspect().faults).to.eql({network: 'slow', delay: 100});
    const other = backend.connect().get('notes', 'one');
    await until('the server has it', () => new Promise(resolve => { other.fetch(() => resolve(other.data.n === 3)); }));
    tab.close();
    host.close();
  });
});

describe('the messages that a host keeps for an inspector', () => {
  it('are limited in number, contain data only on request, and are kept only while an inspector asks', () => {
    const clock = new HandClock();
    let isIdle = false;
    let count = 0;
    const feed = new MessageFeed(clock, () => ++count, () => { isIdle = true; });
    const message = {a: 'op', c: 'notes', d: 'one', op: [{p: ['secret'], oi: 'rosebud'}]};
    for (let i = 0; i < 2000; i++) feed.note('from tab', message, 'tab');
    const entries = feed.read({since: 0, data: false});
    expect(entries).to.have.length(500);
    expect(entries.at(-1)).to.include({n: 2000, direction: 'from tab', tab: 'tab', kind: 'op', text: 'op notes/one 1 component'});
    expect(JSON.stringify(entries)).not.to.include('rosebud');
    feed.read({since: 2000, data: true});
    feed.note('to server', message);
    const [entry, ...more] = feed.read({since: 2000, data: true});
    expect(more).to.eql([]);
    expect(entry!.data).to.include('rosebud');
    expect(feed.read({since: 2000, data: false})[0], 'for another inspector').not.to.have.property('data');
    clock.pass(4000);
    feed.read(null);
    clock.pass(4000);
    expect(isIdle).to.equal(false);
    clock.pass(6000);
    expect(isIdle).to.equal(true);
  });
});
