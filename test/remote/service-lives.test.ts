import {expect} from 'chai';
import {Signal} from 'signal-polyfill';
import {FrameSender} from '../../lib/tab/frame-sender.js';
import {PROTOCOL_VERSION, greetingChannelName} from '../../lib/protocol/version.js';
import type {Channel} from '../../lib/platform/platform.js';
import type {Hello} from '../../lib/protocol/frames.js';
import {RemoteError, connectionOf, service, type Remote} from '../../lib/remote.js';
import {signalHandler, statusSignal} from '../../lib/signals.js';
import type {ServiceHost} from '../../lib/worker.js';
import {settled} from '../waiting/settled.js';
import {turn} from '../waiting/turn.js';
import {until} from '../waiting/until.js';
import {MODES, ServiceStage, memoryStore, type StageOptions} from './service-stage.js';
import {rejection} from './stage.js';

interface Deferred {
  promise: Promise<unknown>;
  resolve(value?: unknown): void;
}

function deferred(): Deferred {
  let resolve!: (value?: unknown) => void;
  return {promise: new Promise(done => { resolve = done; }), resolve};
}

/** A service that edits a document and does not wait for the server. */
async function adder({connection}: ServiceHost): Promise<{add(): void}> {
  const doc = connection.get<{n: number}>('docs', 'one');
  await settled(done => doc.subscribe(done));
  return {add: () => void doc.submitOp([{p: ['n'], na: 1}])};
}

describe('calls of a service', function () {
  this.timeout(120_000);
  let stage: ServiceStage;
  /** The number of hosts that have made the service, and the calls that the service has received. */
  let made: number;
  let called: string[];
  let gate: Deferred;

  class Notes {
    readonly number = ++made;
    readonly callbacks: ((text: string) => PromiseLike<unknown>)[] = [];
    constructor(private readonly host: ServiceHost) {}

    which(): number {
      return this.number;
    }

    async hang(text: string): Promise<string> {
      called.push(`${text} ${this.number}`);
      await gate.promise;
      return `${text} of ${this.number}`;
    }

    listen(callback: (text: string) => PromiseLike<unknown>): number {
      called.push(`listen ${this.number}`);
      return this.callbacks.push(callback);
    }

    tell(text: string): Promise<unknown> {
      return Promise.all(this.callbacks.map(callback => callback(text)));
    }

    get isAborted(): boolean {
      return this.host.signal.aborted;
    }
  }

  beforeEach(() => {
    made = 0;
    called = [];
    gate = deferred();
  });

  const services = {notes: (host: ServiceHost) => new Notes(host)};
  const start = (options: Partial<StageOptions> = {}): ServiceStage => (stage = new ServiceStage({services, ...options}));
  afterEach(() => stage.close());

  it('keep their host in use; calls of an unknown service do not', async () => {
    start();
    const connection = stage.tab();
    await rejection(service<Notes>(connection, 'nothing').which());
    expect(stage.host!.isDispensable).to.equal(true);
    await service<Notes>(connection, 'notes').which();
    expect(stage.host!.isDispensable).to.equal(false);
  });

  describe('when their host is replaced', () => {
    it('are rejected at once with mayHaveRun; later calls wait for the next host', async () => {
      start();
      const connection = stage.tab();
      const notes = service<Notes>(connection, 'notes');
      expect(await notes.which()).to.equal(1);
      const pending = Array.from({length: 20}, (_, i) => rejection(notes.hang(`call ${i}`)));
      await until('the calls are there', () => called.length === 20);
      stage.host!.close();
      for (const error of await Promise.all(pending)) {
        expect(error).to.be.instanceOf(RemoteError).with.property('code', 'ERR_REMOTE_CLOSED');
        expect(error.mayHaveRun).to.equal(true);
      }
      const meanwhile = notes.which();
      await turn();
      stage.startHost();
      expect(await meanwhile).to.equal(2);
      expect(await notes.which()).to.equal(2);
    });

    it('are rejected without mayHaveRun if they were not posted', async () => {
      start({mode: 'broadcast'});
      const connection = stage.tab();
      const notes = service<Notes>(connection, 'notes');
      const doc = await stage.doc(connection, 'one', {n: 0});
      await notes.which();
      void doc.submitOp([{p: ['n'], na: 1}], () => {});
      const error = rejection(notes.hang('late'));
      // The frame waits for the position of the op, which the host does not send any more.
      await undefined;
      stage.host!.close();
      stage.startHost();
      expect((await error).mayHaveRun).to.equal(false);
      expect(called).to.eql([]);
      expect(await notes.which()).to.be.a('number');
    });

    it('are repeated with the next host if they are idempotent, with their original arguments', async () => {
      start();
      const notes = service<Notes>(stage.tab(), 'notes', {idempotent: ['hang']});
      const list = ['text'];
      const result = notes.hang(list as never);
      list[0] = 'changed since';
      await until('the call is there', () => called.length === 1);
      await stage.replaceHost();
      await until('the call is made again', () => called.length === 2);
      await stage.replaceHost();
      await until('the call is made again', () => called.length === 3);
      gate.resolve();
      expect(await result).to.equal('text of 3');
      expect(called).to.eql(['text 1', 'text 2', 'text 3']);
    });

    it('of idempotent methods can be chained', async () => {
      start();
      const notes = service<Notes>(stage.tab(), 'notes', {idempotent: ['hang']});
      const length = (notes.hang('text') as unknown as {length: PromiseLike<number>}).length;
      gate.resolve();
      expect(await length).to.equal('text of 1'.length);
    });

    it('call onHost first, once for each host', async () => {
      start();
      const heard: string[] = [];
      let hosts = 0;
      const onHost = (notes: Remote<Notes>): void => {
        hosts++;
        void notes.listen((text: string) => { heard.push(text); return Promise.resolve(); });
      };
      const connection = stage.tab();
      const notes = service<Notes>(connection, 'notes', {onHost});
      await notes.tell('one');
      stage.host!.close();
      await until('the host is lost', () => connection.hostState !== 'connected');
      const told = notes.tell('two');
      await turn();
      stage.startHost();
      await told;
      await stage.replaceHost();
      await notes.tell('three');
      expect(heard).to.eql(['one', 'two', 'three']);
      expect(hosts).to.equal(3);
      expect(called).to.eql(['listen 1', 'listen 2', 'listen 3']);
    });

    it('leave stubs of the earlier host that reject with the reason', async () => {
      start({services: {notes: () => ({open: () => new Map([['key', 1]]) && {get: () => 1}})}});
      const remote = service<{open(): {get(): number}}>(stage.tab(), 'notes');
      const opened = await remote.open();
      expect(await opened.get()).to.equal(1);
      await stage.replaceHost();
      await remote.open();
      expect((await rejection(opened.get())).code).to.equal('ERR_REMOTE_CLOSED');
    });

    it('may end during a change to a newer build; new ones are refused, and those that hang are rejected with mayHaveRun', async () => {
      start({host: {build: '1'}});
      const connection = stage.tab();
      const notes = service<Notes>(connection, 'notes');
      const quick = notes.hang('quick');
      await until('the call is there', () => called.length === 1);
      const greetings = stage.channel(greetingChannelName('default'));
      greetings.postMessage({type: 'candidate', protocol: PROTOCOL_VERSION, build: '2'});
      await until('the service is told', () => notes.isAborted.then(isAborted => isAborted, () => true));
      const refused = await rejection(notes.which());
      expect(refused).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: false});
      gate.resolve();
      expect(await quick).to.equal('quick of 1');
      greetings.close();
      await stage.replaceHost({build: '2'});
      expect(await notes.which()).to.equal(2);
    });
  });

  it('are rejected when the connection is closed, and from then on', async () => {
    start();
    const connection = stage.tab();
    const notes = service<Notes>(connection, 'notes', {idempotent: ['hang']});
    const pending = [rejection(notes.hang('one')), rejection(notes.which()), rejection(notes.hang('two'))];
    connection.close();
    pending.push(rejection(notes.which()), rejection(service<Notes>(connection, 'notes').which()));
    for (const error of await Promise.all(pending)) expect(error.code).to.equal('ERR_REMOTE_CLOSED');
  });

  it('wait for a worker that answers later than the first greeting waits', async () => {
    start();
    const greetings: [Hello, Channel][] = [];
    const connection = stage.slowTab((hello, port) => greetings.push([hello, port]));
    const heard: string[] = [];
    const onHost = (notes: Remote<Notes>): void => {
      void notes.listen((text: string) => { heard.push(text); return Promise.resolve(); });
    };
    const notes = service<Notes>(connection, 'notes', {onHost});
    const results = [notes.which(), notes.tell('text')];
    await until('the tab has greeted again', () => greetings.length === 2);
    results.push(notes.which());
    for (const [hello, port] of greetings) stage.host!.admit(hello, port);
    expect(await Promise.all(results)).to.eql([1, [undefined], 1]);
    expect(heard).to.eql(['text']);
  });

  for (const mode of ['broadcast', 'port'] as const) {
    it(`are rejected when the connection is closed before a host has answered: ${mode}`, async () => {
      start({mode});
      stage.host!.close();
      const connection = mode === 'port' ? stage.slowTab(() => {}) : stage.tab();
      const errors = [rejection(service<Notes>(connection, 'notes').which()), rejection(service<Notes>(connection, 'notes', {idempotent: ['which']}).which())];
      await turn();
      connection.close();
      for (const error of await Promise.all(errors)) expect(error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: false});
    });
  }

  it('are rejected by their time-out even without a host, and are not made later', async () => {
    start();
    stage.host!.close();
    const connection = stage.tab();
    const notes = service<Notes>(connection, 'notes', {timeout: 20});
    const error = await rejection(notes.hang('late'));
    expect(error).to.include({code: 'ERR_REMOTE_TIMEOUT', mayHaveRun: false});
    stage.startHost();
    await until('there is a host', () => connection.hostState === 'connected');
    await notes.which();
    expect(called).to.eql([]);
  });

  it('are rejected with the reason if the service can\'t be created, and the next ones try again', async () => {
    let tries = 0;
    start({services: {notes: () => {
      if (++tries === 1) throw Object.assign(new Error('no luck'), {code: 'E_LUCK'});
      return {which: () => tries};
    }}});
    const notes = service<Notes>(stage.tab(), 'notes');
    const errors = await Promise.all([rejection(notes.which()), rejection(notes.which())]);
    for (const error of errors) expect(error).to.have.property('code', 'E_LUCK');
    await until('the service can be called', () => notes.which().then(() => true, () => false));
    expect(tries).to.equal(2);
  });

  it('are rejected with the reason if services can\'t be loaded, and the next ones try again', async () => {
    let tries = 0;
    start({services: async () => {
      if (++tries === 1) throw new Error('no network');
      return services;
    }});
    const notes = service<Notes>(stage.tab(), 'notes');
    const error = await rejection(notes.which());
    expect(error).to.have.property('code', 'ERR_REMOTE_CLOSED');
    expect(error.message).to.include('no network');
    expect(await notes.which()).to.equal(1);
  });

  for (const mode of MODES.filter(each => each !== 'direct')) {
    it(`into a tab are rejected when the tab closes or is suspended, and work again when it returns: ${mode}`, async () => {
      const errors: unknown[] = [];
      class Caller extends Notes {
        callAll(): void {
          for (const callback of this.callbacks.splice(0)) callback('hello').then(() => errors.push('answered'), (error: unknown) => errors.push(error));
        }
      }
      start({mode, services: {notes: host => new Caller(host)}});
      const connection = stage.tab();
      let hosts = 0;
      const onHost = (notes: Remote<Caller>): void => {
        hosts++;
        void notes.listen(() => new Promise(() => {}));
      };
      service<Caller>(connection, 'notes', {onHost});
      const notes = service<Caller>(stage.tab(), 'notes');
      await until('the service has the callback', () => called.length === 1);
      await notes.callAll();
      connection.hostClient.suspend();
      await until('the callback is rejected', () => errors.length === 1);
      expect(errors[0]).to.have.property('code', 'ERR_REMOTE_CLOSED');
      connection.hostClient.resume();
      await until('the tab has told its callback again', () => called.length === 2);
      expect(hosts).to.equal(2);
      await notes.callAll();
      connection.close();
      await until('the callback is rejected', () => errors.length === 2);
    });
  }

  it('do not see ops in time without the rule of order', async () => {
    const {prototype} = FrameSender as unknown as {prototype: {flushDocs(): unknown[]}};
    const {flushDocs} = prototype;
    const count = {count: async ({connection}: ServiceHost) => {
      const doc = connection.get<{n: number}>('docs', 'one');
      await settled(done => doc.subscribe(done));
      return {add: () => void doc.submitOp([{p: ['n'], na: 1}]), read: () => doc.data!.n};
    }};
    start({services: count});
    const connection = stage.tab();
    const doc = await stage.doc<{n: number}>(connection, 'one', {n: 0});
    const remote = service<{add(): void; read(): number}>(connection, 'count');
    await remote.read();
    let shown = 0;
    let seen = 0;
    try {
      prototype.flushDocs = () => [];
      for (let i = 0; i < 100; i++) {
        const before = doc.data!.n;
        await remote.add();
        if (doc.data!.n > before) shown++;
        void doc.submitOp([{p: ['n'], na: 1}]);
        const own = doc.data!.n;
        if (await remote.read() >= own) seen++;
      }
    } finally {
      prototype.flushDocs = flushDocs;
    }
    expect(Math.min(shown, seen)).to.be.below(50);
  });

  it('show signals of the service when they resolve, 1,000 of 1,000', async () => {
    const handlers = [signalHandler(Signal as never)];
    class Counter {
      readonly count = new Signal.State(0);
      increment(): void {
        this.count.set(this.count.get() + 1);
      }
    }
    start({services: {counter: () => new Counter()}, serviceOptions: {handlers}});
    const remote = service<Counter>(stage.tab(), 'counter', {handlers});
    const count = (await remote.count) as unknown as Signal.State<number>;
    let right = 0;
    for (let n = 1; n <= 1000; n++) {
      await remote.increment();
      if (count.get() === n) right++;
    }
    expect(right).to.equal(1000);
  });

  it('show the status of that moment when they resolve', async () => {
    start({serverDelay: 25, services: {one: adder}});
    const connection = stage.tab();
    await stage.doc(connection, 'one', {n: 0});
    const signal = statusSignal(Signal as never, connection);
    const remote = service<{add(): void}>(connection, 'one');
    await until('nothing is pending', () => connection.status.pendingOps === 0);
    await remote.add();
    expect(connection.status.pendingOps).to.be.above(0);
    expect((signal.get() as {pendingOps: number}).pendingOps).to.be.above(0);
  });

  it('show a status that continues as in other tabs, if the server answers within the 20 ms between two of them', async () => {
    start({serverDelay: 5, services: {one: adder}});
    const connection = stage.tab();
    const doc = await stage.doc(connection, 'one', {n: 0});
    const remote = service<{add(): void}>(connection, 'one');
    await until('nothing is pending', () => connection.status.pendingOps === 0);
    for (let i = 0; i < 5; i++) {
      await remote.add();
      await until('the edit is saved', () => connection.status.pendingOps === 0 && doc.saveState === 'saved' && connection.saveState === 'saved');
    }
  });

  it('show the changes of queries and presence that the host had by then', async () => {
    start({services: {one: ({connection}: ServiceHost) => ({
      async create(id: string) {
        const doc = connection.get('docs', id);
        await settled(done => doc.create({title: id}, done));
      },
      async show(value: unknown) {
        const presence = connection.getPresence('room');
        await settled(done => presence.create('service').submit(value as never, done));
      },
      changeAndSettle: () => {}
    })}});
    const connection = stage.tab();
    const query = connection.createSubscribeQuery('docs', {});
    await query.whenReady();
    const presence = connection.getPresence('room');
    await settled(done => presence.subscribe(done));
    const remote = service<{create(id: string): Promise<void>; show(value: unknown): Promise<void>}>(connection, 'one');
    await remote.show({x: 1});
    expect((presence as unknown as {remotePresences: Record<string, unknown>}).remotePresences).to.have.property('service').that.eql({x: 1});
    await remote.create('new');
    await until('the query tells of it', () => query.results.length === 1);
  });

  it('wait for the server with settled(), and for queries', async () => {
    start({serverDelay: 10, services: {one: (host: ServiceHost) => ({
      async create(id: string) {
        const doc = host.connection.get('docs', id);
        void doc.create({title: id});
        await host.settled({queries: true});
        return doc.hasPending();
      }
    })}});
    const connection = stage.tab();
    const query = connection.createSubscribeQuery('docs', {});
    await query.whenReady();
    const remote = service<{create(id: string): Promise<boolean>}>(connection, 'one');
    for (let n = 1; n <= 10; n++) {
      expect(await remote.create(`new ${n}`)).to.equal(false);
      expect(query.results.map(({id}) => id)).to.include(`new ${n}`);
    }
  });

  for (const mode of MODES) {
    it(`clone their arguments, and transfer transferables: ${mode}`, async () => {
      const kept: {list: number[]}[] = [];
      start({mode, services: {one: () => ({
        keep: (value: {list: number[]}) => kept.push(value) && value,
        length: (bytes: Uint8Array) => bytes.byteLength,
        async count(stream: ReadableStream<Uint8Array>) {
          let bytes = 0;
          for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) bytes += chunk.byteLength;
          return bytes;
        },
        post: (port: MessagePort) => port.postMessage('hello')
      })}});
      interface One {
        keep(value: {list: number[]}): {list: number[]};
        length(bytes: Uint8Array): number;
        count(stream: ReadableStream<Uint8Array>): Promise<number>;
        post(port: MessagePort): void;
      }
      const connection = stage.tab();
      const remote = service<One>(connection, 'one');
      const value = {list: [1]};
      const returned = await remote.keep(value);
      value.list.push(2);
      returned.list.push(3);
      expect(kept).to.eql([{list: [1]}]);
      expect(await remote.length(new Uint8Array(200_000))).to.equal(200_000);
      let left = 20;
      const stream = new ReadableStream<Uint8Array>({pull: controller => (left-- ? controller.enqueue(new Uint8Array(1000)) : controller.close())});
      expect(await remote.count(stream)).to.equal(20_000);
      const {port1, port2} = new MessageChannel();
      try {
        if (mode === 'broadcast') {
          expect((await rejection(remote.post(port2))).code).to.equal('ERR_REMOTE_UNCLONEABLE');
        } else {
          const heard = new Promise(resolve => { port1.onmessage = ({data}) => resolve(data); });
          await remote.post(port2);
          expect(await heard).to.equal('hello');
        }
      } finally {
        port1.close();
        port2.close();
      }
    });
  }

  it('are not delayed by a paused document, nor by one that is not loaded', async () => {
    start();
    const connection = stage.tab();
    const doc = await stage.doc(connection, 'one', {n: 0});
    const notes = service<Notes>(connection, 'notes');
    doc.pause();
    void doc.submitOp([{p: ['n'], na: 1}], () => {});
    expect(await notes.which()).to.equal(1);
    doc.resume();
  });

  it('leave nothing behind: 1,000 callbacks', async () => {
    start({services: {plain: () => ({call: async (callback: () => PromiseLike<number>) => {
      using released = callback as unknown as Disposable & (() => PromiseLike<number>);
      return await released();
    }})}});
    const remote = service<{call(callback: () => number): PromiseLike<number>}>(stage.tab(), 'plain');
    for (let i = 0; i < 1000; i++) await remote.call(() => i);
    await turn();
    await until('all is released', () => connectionOf(remote).inspect().references === 0);
  });

  it('survive a store, with ops of the service in its journal', async () => {
    start({store: memoryStore(), services: {one: async ({connection}: ServiceHost) => {
      const doc = connection.get<{n: number}>('docs', 'one');
      await settled(done => doc.subscribe(done));
      return {add: () => void doc.submitOp([{p: ['n'], na: 1}], () => {})};
    }}});
    const connection = stage.tab();
    const doc = await stage.doc<{n: number}>(connection, 'one', {n: 0});
    const remote = service<{add(): void}>(connection, 'one');
    await remote.add();
    stage.disconnect();
    await remote.add();
    expect(doc.data!.n).to.equal(2);
    await stage.replaceHost();
    await remote.add();
    expect(doc.data!.n).to.equal(3);
    await until('the server has all', async () => {
      const other = stage.backend.connect().get('docs', 'one');
      await settled(done => other.fetch(done));
      return other.data.n === 3;
    });
  });
});
