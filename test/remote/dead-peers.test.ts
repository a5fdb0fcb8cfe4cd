import {expect} from 'chai';
import type {Locks} from '../../lib/platform/platform.js';
import {connectionOf, expose, wrap, type Connection, type Endpoint, type Remote} from '../../lib/remote.js';
import {Peer} from '../../lib/remote/connection.js';
import {transportOf} from '../../lib/remote/endpoints.js';
import {resolveOptions} from '../../lib/remote/options.js';
import {Browser, type Process} from '../support/browser.js';
import {Random} from '../support/random.js';
import {HandClock} from '../waiting/hand-clock.js';
import {until} from '../waiting/until.js';
import {rejection} from './stage.js';

const service = {
  add: (a: number, b: number) => a + b,
  never: () => new Promise<never>(() => {}),
  call: (callback: () => Promise<unknown>) => callback().then(() => undefined, (error: unknown) => (error as {code: string}).code)
};

/** One end of a port, as a browser has it: it tells nothing when the other end is gone. */
class WebPort extends EventTarget {
  readonly posted: any[] = [];

  constructor(private readonly port: MessagePort, private readonly process: {readonly state: string}) {
    super();
    port.onmessage = ({data}) => {
      if (process.state !== 'dead') this.dispatchEvent(Object.assign(new Event('message'), {data}));
    };
  }

  postMessage(message: unknown, transfer: Transferable[]): void {
    if (this.process.state === 'dead') return;
    this.posted.push(message);
    this.port.postMessage(message, transfer);
  }

  /** The features of each greeting that was posted. */
  get features(): string[][] {
    return this.posted.flatMap(frame => frame[2]).filter(message => message[0] === 0).map(message => message[2]);
  }
}

/** The nonce of a side, which names its lock. */
const nonceOf = ({posted}: WebPort): string => posted[0][2][0][3];

/** More than the time in which the last messages of a dead side may arrive. */
const later = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 150));

describe('a connection whose other side dies without a word', () => {
  const globals = new Map(['navigator', 'document', 'addEventListener', 'removeEventListener'].map(name => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));
  let browser: Browser;
  let here: Process;
  let there: Process;
  let ports: [WebPort, WebPort];
  let channel: MessageChannel;
  const connections: Connection[] = [];

  const define = (name: string, value: unknown): unknown => Object.defineProperty(globalThis, name, {value, configurable: true, writable: true});
  const restore = (name: string): void => {
    const descriptor = globals.get(name);
    if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    else delete (globalThis as Record<string, unknown>)[name];
  };

  beforeEach(() => {
    browser = new Browser(new Random(1));
    [here, there] = [browser.process(), browser.process()];
    channel = new MessageChannel();
    ports = [new WebPort(channel.port1, here), new WebPort(channel.port2, there)];
  });

  afterEach(() => {
    for (const connection of connections.splice(0)) connection.close();
    channel.port1.close();
    channel.port2.close();
    for (const name of globals.keys()) restore(name);
  });

  /** Runs a function as code of a context that has these locks. */
  function among<T>(locks: Locks | undefined, run: () => T): T {
    define('navigator', {locks});
    try {
      return run();
    } finally {
      restore('navigator');
    }
  }

  function connect(locks: [Locks | undefined, Locks | undefined] = [here.locks, there.locks], endpoint: Endpoint = ports[0]): {remote: Remote<typeof service>; ours: Connection; theirs: Connection} {
    const theirs = among(locks[1], () => expose(service, ports[1]));
    const remote = among(locks[0], () => wrap<typeof service>(endpoint));
    const ours = connectionOf(remote);
    connections.push(theirs, ours);
    return {remote, ours, theirs};
  }

  /** Waits until each side waits for the lock of the other one. */
  const watched = (): Promise<void> => until('both sides hold a lock and await one', () => inUse().length === 4);
  const inUse = (): string[] => browser['machine'].locks.inUse;

  it('rejects the calls under way, and every later one', async () => {
    const {remote, ours} = connect();
    expect(await remote.add(1, 2)).to.equal(3);
    const calls = [remote.never(), remote.never()].map(rejection);
    await watched();
    there.kill();
    for (const error of await Promise.all(calls)) expect(error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
    expect(await ours.closed).to.have.property('message').that.includes('the other side has died');
    expect(await rejection(remote.add(1, 2))).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: false});
    await until('no lock is held or awaited', () => inUse().length === 0);
  });

  it('rejects a callback into it, and releases what it held', async () => {
    const {remote, theirs} = connect();
    let error: unknown;
    await remote.call(() => Promise.resolve());
    void theirs.closed.then(reason => error = reason);
    void remote.call(() => new Promise(() => {})).then(() => {}, () => {});
    await watched();
    here.kill();
    await until('the other side knows', () => error !== undefined);
    expect(theirs.inspect()).to.include({references: 0, stubs: 0, pending: 0});
  });

  it('receives messages that the dead side had posted before', async () => {
    const {remote} = connect();
    await watched();
    const result = Promise.resolve(remote.add(1, 2));
    await until('it has answered', () => ports[1].posted.some(frame => frame[2].some((message: unknown[]) => message[0] === 2)));
    there.kill();
    expect(await result).to.equal(3);
  });

  it('receives what arrives up to 50 ms after its lock is free', async () => {
    const clock = new HandClock();
    const theirs = among(there.locks, () => expose(service, ports[1]));
    const ours = among(here.locks, () => new Peer(transportOf(ports[0]), resolveOptions(), clock));
    connections.push(theirs, ours);
    await watched();
    const {port1} = channel;
    const late: MessageEvent[] = [];
    const deliver = port1.onmessage!;
    port1.onmessage = event => late.push(event);
    const result = Promise.resolve((ours.root as unknown as Remote<typeof service>).add(1, 2));
    await until('its answer is under way', () => late.length > 0);
    there.kill();
    await until('its lock is free', () => inUse().length === 1);
    await later();
    clock.pass(49);
    expect(ours.state).to.equal('open');
    for (const event of late) deliver.call(port1, event);
    expect(await result).to.equal(3);
    clock.pass(1);
    expect(ours.state).to.equal('closed');
  });

  it('announces its lock when it holds it, and no call waits for that', async () => {
    let grant!: () => void;
    const slow: Locks = {request: (name, options, callback) => new Promise((resolve, reject) => {
      grant = () => here.locks.request(name, options, callback).then(resolve, reject);
    })};
    const {remote} = connect([slow, undefined]);
    expect(await remote.add(1, 2)).to.equal(3);
    expect(ports[0].features.flat()).not.to.include('lock');
    grant();
    await until('it says so', () => ports[0].features.length === 3);
    expect(ports[0].features.at(-1)).to.eql(['lock']);
  });

  it('rejects open calls if it dies after its lock was granted, and before it announces it', async () => {
    // The browser has granted the lock, but the thread has not got to know it.
    const silent: Locks = {request: (name, options, callback) => there.locks.request(name, options, lock => options.ifAvailable ? callback(lock) : new Promise(() => {}))};
    const {remote, ours, theirs} = connect([here.locks, silent]);
    expect(await remote.add(1, 2)).to.equal(3);
    const error = rejection(remote.never());
    await watched();
    expect(ports[1].features.flat()).not.to.include('lock');
    there.kill();
    expect(await error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
    expect([ours.state, theirs.state]).to.eql(['closed', 'open']);
  });

  describe('before the browser knows its request for a lock', () => {
    const unheard: Locks = {request: () => new Promise(() => {})};
    let clock: HandClock;

    /** Connects a side whose requests for locks are on their way, with a clock that the test turns. */
    async function connectUnheard(locks: Locks): Promise<{remote: Remote<typeof service>; ours: Connection}> {
      clock = new HandClock();
      const ours = among(here.locks, () => new Peer(transportOf(ports[0]), resolveOptions(), clock));
      const theirs = among(locks, () => expose(service, ports[1]));
      connections.push(ours, theirs);
      const remote = ours.root as unknown as Remote<typeof service>;
      expect(await remote.add(1, 2)).to.equal(3);
      await later();
      return {remote, ours};
    }

    it('rejects open calls after 30 s', async () => {
      const {remote} = await connectUnheard(unheard);
      let error: any;
      remote.never().then(() => {}, reason => error = reason);
      there.kill();
      clock.pass(299_000);
      await later();
      expect(error).to.equal(undefined);
      clock.pass(1_000);
      await until('it is rejected', () => error);
      expect(error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
    });

    it('is not taken for dead if the browser knows it by then', async () => {
      const arrivals: (() => unknown)[] = [];
      const {remote, ours} = await connectUnheard({request: (name, options, callback) => options.ifAvailable
        ? there.locks.request(name, options, callback)
        : new Promise((resolve, reject) => arrivals.push(() => there.locks.request(name, options, callback).then(resolve, reject)))});
      for (const arrive of arrivals) arrive();
      await later();
      clock.pass(600_000);
      await later();
      expect(ours.state).to.equal('open');
      const error = rejection(remote.never());
      await watched();
      there.kill();
      await until('it is noticed', () => {
        clock.pass(100);
        return ours.state === 'closed';
      });
      expect(await error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
    });

    it('is not taken for dead if it is denied, or is in another storage partition', async () => {
      for (const locks of [{request: () => Promise.reject(new DOMException('denied', 'SecurityError'))}, new Browser(new Random(2)).process().locks]) {
        const {ours} = await connectUnheard(locks);
        clock.pass(600_000);
        await later();
        expect(ours.state).to.equal('open');
        ours.close();
        await later();
        ports = [new WebPort((channel = new MessageChannel()).port1, here), new WebPort(channel.port2, there)];
      }
    });
  });

  it('releases its locks when it is closed on one side', async () => {
    const {ours, theirs} = connect();
    await watched();
    ours.close();
    expect(await theirs.closed).to.have.property('message').that.includes('closed here');
    await until('no lock is held or awaited', () => inUse().length === 0);
  });

  it('requests no lock that it would hold after it was closed', async () => {
    const {ours, theirs} = connect();
    ours.close();
    theirs.close();
    await until('no lock is held or awaited', () => inUse().length === 0);
    await later();
    expect(inUse()).to.eql([]);
  });

  it('posts nothing and leaves no timer if a request for a lock is answered after it was closed', async () => {
    const clock = new HandClock();
    let answer!: () => void;
    const slow: Locks = {request: (_name, {ifAvailable, signal}, callback) => new Promise((resolve, reject) => {
      if (ifAvailable) answer = () => resolve(callback({}));
      else signal!.addEventListener('abort', () => reject(signal!.reason as Error));
    })};
    const ours = among(slow, () => new Peer(transportOf(ports[0]), resolveOptions(), clock));
    connections.push(among({request: () => new Promise(() => {})}, () => expose(service, ports[1])));
    await until('it looks for the other lock', () => answer !== undefined);
    ours.close();
    const posted = ports[0].posted.length;
    answer();
    await later();
    expect([ports[0].posted.length, clock.isWaiting]).to.eql([posted, false]);
  });

  it('requests no lock if nothing can be posted', async () => {
    ports[0].postMessage = () => {
      throw new Error('no');
    };
    const {ours} = connect([here.locks, undefined]);
    expect(ours.state).to.equal('closed');
    await later();
    expect(inUse()).to.eql([]);
  });

  for (const [why, locks] of [
    ['there are no locks', undefined],
    ['the browser denies locks', {request: () => Promise.reject(new DOMException('denied', 'SecurityError'))}]
  ] as [string, Locks | undefined][]) {
    for (const [where, of] of [['on its side', () => [here.locks, locks]], ['on this side', () => [locks, there.locks]]] as const) {
      it(`continues as before if ${why} ${where}`, async () => {
        const {remote, ours} = connect(of() as [Locks, Locks]);
        expect(await remote.add(1, 2)).to.equal(3);
        await later();
        expect(await remote.add(3, 4)).to.equal(7);
        expect(ours.state).to.equal('open');
      });
    }
  }

  it('is not treated as dead if it has locks of its own, as in another storage partition', async () => {
    const {remote, ours} = connect([here.locks, new Browser(new Random(2)).process().locks]);
    await later();
    expect(await remote.add(1, 2)).to.equal(3);
    expect(ours.state).to.equal('open');
  });

  it('works with a peer of an older version, which has no features', async () => {
    const frames: any[] = [];
    channel.port2.onmessage = ({data}) => frames.push(data);
    const remote = among(here.locks, () => wrap<typeof service>(ports[0]));
    connections.push(connectionOf(remote));
    channel.port2.postMessage([1, 0, [[0, '', [], 'old']]]);
    await until('it greets again, with a lock', () => frames.some(([, , [hello]]) => hello[0] === 0 && hello[2].includes('lock')));
    const nonces = frames.flatMap(frame => frame[2]).filter(message => message[0] === 0).map(message => message[3]);
    // An older peer ignores a greeting with the nonce that it knows.
    expect(new Set(nonces).size).to.equal(1);
    const sum = remote.add(1, 2);
    void sum.then(() => {}, () => {});
    await until('the call is posted', () => frames.some(frame => frame[2][0][0] === 1));
    const [, id] = frames.find(frame => frame[2][0][0] === 1)[2][0];
    channel.port2.postMessage([1, 0, [[2, id, [3]]]]);
    expect(await sum).to.equal(3);
  });

  for (const [why, greeting] of [
    ['a nonce that is too long for a lock', [0, '', ['lock'], 'x'.repeat(100)]], ['features that are none', [0, '', 'lock', 'short']], ['a nonce that is no text', [0, '', ['lock'], 1]]
  ] as const) {
    it(`treats a greeting with ${why} as malformed`, async () => {
      channel.port2.onmessage = () => {};
      const errors: unknown[] = [];
      const remote = among(here.locks, () => wrap<typeof service>(ports[0], {onError: error => errors.push(error)}));
      connections.push(connectionOf(remote));
      channel.port2.postMessage([1, 0, [greeting]]);
      await until('it is reported', () => errors.length === 1);
      expect(connectionOf(remote).state).to.equal('connecting');
    });
  }

  it('skips the holes of a list of features', async () => {
    channel.port2.onmessage = () => {};
    const remote = among(here.locks, () => wrap<typeof service>(ports[0]));
    connections.push(connectionOf(remote));
    const many: string[] = [];
    many.length = 2 ** 32 - 1;
    channel.port2.postMessage([1, 0, [[0, '', many, 'x'.repeat(99)]]]);
    await until('a list of holes is none', () => connectionOf(remote).state === 'open');
  });

  it('rejects the open calls of an endpoint where another page may follow, and continues with that page', async () => {
    const [port] = ports;
    const frame = {
      postMessage: (message: unknown, transfer: Transferable[]) => port.postMessage(message, transfer),
      addEventListener: port.addEventListener.bind(port), removeEventListener: port.removeEventListener.bind(port)
    };
    const {remote, ours} = connect(undefined, frame);
    const error = rejection(remote.never());
    await watched();
    there.kill();
    expect(await error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
    expect(ours.state).to.equal('open');
    const next = browser.process();
    const reloaded = among(next.locks, () => expose(service, new WebPort(channel.port2, next)));
    connections.push(reloaded);
    await reloaded.ready;
    expect(await remote.add(1, 2)).to.equal(3);
  });

  it('detects the death of a page that followed another one, whose lock the browser knew late', async () => {
    const [port] = ports;
    const frame = {
      postMessage: (message: unknown, transfer: Transferable[]) => port.postMessage(message, transfer),
      addEventListener: port.addEventListener.bind(port), removeEventListener: port.removeEventListener.bind(port)
    };
    const {remote} = connect(undefined, frame);
    await watched();
    there.kill();
    const next = browser.process();
    let grant!: () => void;
    const slow: Locks = {request: (name, options, callback) => options.ifAvailable || name.includes(nonceOf(port)) ? next.locks.request(name, options, callback) : new Promise((resolve, reject) => {
      grant = () => next.locks.request(name, options, callback).then(resolve, reject);
    })};
    const reloaded = among(slow, () => expose(service, new WebPort(channel.port2, next)));
    connections.push(reloaded);
    await reloaded.ready;
    expect(await remote.add(1, 2)).to.equal(3);
    await later();
    grant();
    await watched();
    const error = rejection(remote.never());
    await later();
    next.kill();
    expect(await error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
  });

  describe('and a page on this side that enters the back/forward cache', () => {
    let window: EventTarget;
    const turn = (type: 'pagehide' | 'pageshow'): boolean => window.dispatchEvent(Object.assign(new Event(type), {persisted: true}));

    function connectPage(clock?: HandClock, locks = there.locks): ReturnType<typeof connect> {
      window = new EventTarget();
      const theirs = among(locks, () => expose(service, ports[1]));
      define('document', {});
      define('addEventListener', window.addEventListener.bind(window));
      define('removeEventListener', window.removeEventListener.bind(window));
      const ours = among(here.locks, () => new Peer(transportOf(ports[0]), resolveOptions(), clock));
      connections.push(theirs, ours);
      return {remote: ours.root as unknown as Remote<typeof service>, ours, theirs};
    }

    it('holds and awaits no lock there, and is not treated as dead', async () => {
      const {remote, ours, theirs} = connectPage();
      await watched();
      turn('pagehide');
      await until('it has none', () => inUse().length === 1);
      await later();
      expect([ours.state, theirs.state]).to.eql(['open', 'open']);
      expect(await remote.add(1, 2)).to.equal(3);
    });

    it('detects that the other side has died meanwhile', async () => {
      const clock = new HandClock();
      const {remote, ours} = connectPage(clock);
      await watched();
      const error = rejection(remote.never());
      turn('pagehide');
      await until('it has no lock', () => inUse().length === 1);
      there.kill();
      await later();
      expect(ours.state).to.equal('open');
      turn('pageshow');
      await later();
      clock.pass(30_000);
      expect(await error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
    });

    it('does not take a side in another storage partition for dead when it is back', async () => {
      const clock = new HandClock();
      const {ours} = connectPage(clock, new Browser(new Random(2)).process().locks);
      await later();
      turn('pagehide');
      turn('pageshow');
      await later();
      clock.pass(600_000);
      await later();
      expect(ours.state).to.equal('open');
    });

    it('requests no second lock when it is shown for the first time, and ends when it is left', async () => {
      const {ours} = connectPage();
      await watched();
      const show = (type: string): unknown => window.dispatchEvent(Object.assign(new Event(type), {persisted: false}));
      show('pageshow');
      await later();
      expect(inUse()).to.have.length(4);
      show('pagehide');
      expect(ours.state).to.equal('closed');
    });

    it('detects deaths again when it is back', async () => {
      const {remote} = connectPage();
      await watched();
      turn('pagehide');
      turn('pageshow');
      await watched();
      const error = rejection(remote.never());
      await later();
      there.kill();
      expect(await error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
    });
  });
});
