import {expect} from 'chai';
import {evaluate, transfer, wrap} from '../../lib/remote.js';
import {ERROR, FLOW, HELLO, PROTOCOL, RETURN} from '../../lib/remote/wire.js';
import {until} from '../waiting/until.js';
import {closeAll, connect, rejection, type ConnectedPair} from './stage.js';

const echo = {echo: (value: unknown) => value, call: (fn: (...args: unknown[]) => unknown, ...args: unknown[]) => fn(...args)};
/** More parts than are copied before the frame is posted. */
const many = (): {i: number}[] => Array.from({length: 1500}, (_, i) => ({i}));
/** Structured clone refuses it, but nothing shows that before. */
const unposted = (): object => new Proxy(new Date(), {});

const isEmpty = ({here, there}: ConnectedPair<unknown>): boolean =>
  [here, there].every(side => side.inspect().streams === 0 && side.inspect().references === 0);

async function read(stream: ReadableStream): Promise<unknown[]> {
  const chunks = [];
  for await (const chunk of stream as unknown as AsyncIterable<unknown>) chunks.push(chunk);
  return chunks;
}

const oneChunk = (): ReadableStream => new ReadableStream({start(controller) {
  controller.enqueue(7);
  controller.close();
}});

describe('odd values', () => {
  afterEach(closeAll);

  it('are found in keys and values of Maps and Sets that contain themselves', async () => {
    const {remote} = connect<any>(echo);
    const fn = (): number => 5;
    const map = new Map<unknown, unknown>([[fn, [fn]], ['set', new Set([fn])]]);
    map.set('self', map).set(map, 1);
    const arrived = await remote.echo(map);
    expect(arrived.get(fn)).to.eql([fn]);
    expect(arrived.get('set').has(fn)).to.equal(true);
    expect(arrived.get('self')).to.equal(arrived);
    expect(arrived.get(arrived)).to.equal(1);
  });

  it('that a value contains twice are one object there', async () => {
    const {remote} = connect<any>(echo);
    for (const part of [new Error('x'), new URL('http://a/'), Promise.resolve(1), oneChunk(), new AbortController().signal]) {
      expect(await remote.call((one: unknown, {two}: {two: unknown}) => one === two, part, {two: part}), String(part)).to.equal(true);
    }
  });

  it('arrive whole in a large value, which keeps nothing when it is released', async () => {
    const stage = connect<any>({...echo, large: () => ({fn: () => 3, stream: oneChunk(), many: many()})});
    const {remote} = stage;
    async function *items(): AsyncIterable<number> {
      yield 1;
      yield 2;
    }
    const count = async ({stream, list}: {stream: ReadableStream; list: AsyncIterable<number>}): Promise<unknown> => {
      const found = [];
      for await (const item of list) found.push(item);
      return [...await read(stream), ...found];
    };
    expect(await remote.call(count, {stream: oneChunk(), list: items(), many: many()})).to.eql([7, 1, 2]);
    const result = await remote.large();
    expect(await result.fn()).to.equal(3);
    expect(await read(result.stream)).to.eql([7]);
    result[Symbol.dispose]();
    await until('the result is released', () => stage.there.inspect().references === 0);
    expect(stage.here.inspect().streams + stage.there.inspect().streams).to.equal(0);
  });

  it('leave the streams beside them to the app if they can\'t be sent', async () => {
    for (const bad of [Symbol('x'), unposted()]) {
      const stage = connect<any>(echo);
      const stream = oneChunk();
      const written: unknown[] = [];
      const sink = new WritableStream({write: chunk => void written.push(chunk)});
      let ended = 0;
      async function *items(): AsyncIterable<number> {
        try {
          yield 1;
        } finally {
          ended++;
        }
      }
      const failed = await rejection(stage.remote.echo([stream, sink, items(), Promise.resolve(), new AbortController().signal, () => {}, bad]));
      expect(failed).to.have.property('code', 'ERR_REMOTE_UNCLONEABLE');
      expect(isEmpty(stage)).to.equal(true);
      expect(ended).to.equal(0);
      expect(await stage.remote.call(read, stream)).to.eql([7]);
      const writer = sink.getWriter();
      await writer.write(1);
      expect(written).to.eql([1]);
    }
  });

  it('end the stream that they are a chunk of, on both sides', async () => {
    for (const [what, chunk] of [['refused at once', Symbol('x')], ['refused when posted', unposted()]] as const) {
      const ends: unknown[] = [];
      const stage = connect<any>({
        sink: () => new WritableStream({abort: reason => void ends.push(reason)}),
        read: async (stream: ReadableStream) => { await stream.getReader().read(); }
      });
      const writer = (await stage.remote.sink()).getWriter();
      writer.closed.catch(() => {});
      await Promise.allSettled([writer.write(chunk), writer.write(1)]);
      await until(`the sink is aborted: ${what}`, () => ends.length === 1);
      await rejection(stage.remote.read(new ReadableStream({pull: controller => controller.enqueue(chunk), cancel: reason => void ends.push(reason)})));
      await until(`the source is cancelled: ${what}`, () => ends.length === 2);
      expect(isEmpty(stage), what).to.equal(true);
    }
  });

  it('that are transferred twice in a turn arrive in both calls', async () => {
    const {remote} = connect<any>(echo);
    const buffer = new ArrayBuffer(8);
    const arrived = await Promise.all([remote.call((moved: ArrayBuffer) => moved.byteLength, transfer(buffer)), remote.call((moved: ArrayBuffer) => moved.byteLength, buffer)]);
    expect(arrived).to.eql([8, 8]);
    expect(buffer.byteLength).to.equal(0);
  });

  it('that are thrown always end the call', async () => {
    const revoked = (): object => {
      const {proxy, revoke} = Proxy.revocable({}, {});
      revoke();
      return proxy;
    };
    const {remote} = connect<any>({
      ...echo,
      throwRevoked: () => { throw revoked(); },
      rejectRevoked: async () => { throw revoked(); },
      returnRevoked: revoked,
      throwGetter: () => { throw Object.defineProperty(new RangeError('whole'), 'bad', {enumerable: true, get() { throw new Error('getter'); }}); }
    });
    for (const method of ['throwRevoked', 'rejectRevoked', 'returnRevoked']) expect(await rejection(remote[method]()), method).to.be.instanceOf(Error);
    const failed = await rejection(remote.throwGetter());
    expect(failed).to.be.instanceOf(RangeError);
    expect(failed.message).to.equal('whole');
    expect(await remote.echo(1)).to.equal(1);
  });

  it('that are errors with themselves in their causes and errors arrive so, and soon', async () => {
    const {remote} = connect<any>(echo);
    const error = new AggregateError([], 'cyclic');
    error.errors.push(error, error, error);
    error.cause = error;
    const arrived = await remote.echo(error);
    expect(arrived).to.be.instanceOf(AggregateError);
    expect(arrived.cause).to.equal(arrived);
    expect(arrived.errors).to.eql([arrived, arrived, arrived]);
  });

  it('of a hostile peer that describe many errors, or no number, cost nothing', async () => {
    const {port1, port2} = new MessageChannel();
    const remote = wrap<any>(port2, {onError: () => {}});
    const result = remote.anything();
    let wire: unknown[] = ['Error', 'Error', 'many', undefined, undefined];
    for (let i = 0; i < 16; i++) wire = ['Error', 'Error', 'many', undefined, undefined, undefined, Array.from({length: 10}, () => wire)];
    port1.postMessage([PROTOCOL, 0, [[HELLO, '', [], 'hostile']]]);
    // No number can be made of these credits. What comes with them is still handled.
    port1.postMessage([PROTOCOL, 0, [[FLOW, 1, 1, [[{valueOf: 1, toString: 1}, 1]]], [RETURN, 1, [undefined, [[[], ERROR, wire]]]]]]);
    expect(await result).to.have.property('message', 'many');
    port1.close();
  });

  it('that reject tell nobody else if an operation that is awaited was built on them', async () => {
    const {remote, errors} = connect<any>({...echo, later: async () => {
      await new Promise(resolve => setImmediate(resolve));
      throw new RangeError('later');
    }});
    expect(await rejection(remote.echo({deep: [remote.later()]}))).to.be.instanceOf(RangeError);
    expect(errors).to.eql([]);
    remote.echo(remote.later());
    await until('it is told once if nobody awaits it', () => errors.length > 0);
    await remote.echo(1);
    expect(errors.map(({error}) => error.message)).to.eql(['later']);
  });

  it('that are reasons of an aborted signal arrive as errors of their class', async () => {
    const {remote} = connect<any>(echo);
    const reason = Object.assign(new TypeError('why'), {code: 'WHY'});
    const arrived = await remote.call(({reason: there}: AbortSignal) => there instanceof TypeError && (there as typeof reason).code, AbortSignal.abort(reason));
    expect(arrived).to.equal('WHY');
  });

  it('that are arrays keep holes, members and a great length, beside functions, too', async () => {
    const {remote} = connect<any>({...echo, shape: (list: unknown[]) => [list.length, Object.entries(list)]});
    const sparse = (length: number, members: object): unknown[] => Object.assign([], members, {length});
    const lists = [
      sparse(3, {1: undefined}), sparse(2, {0: 'a', x: 'b'}), sparse(2, {0: 1, 1: 2, index: 0, input: 'a', groups: undefined}), sparse(2, {1: 'a', x: 'b'}),
      sparse(4e9, {7: 'seven', 3999999998: 'last', x: {deep: [1]}}), sparse(4e9, {}), sparse(9000, {x: [1]}), [undefined, 1], /b/.exec('abc')!
    ];
    for (const list of lists) {
      const expected = [list.length, Object.entries(list)];
      for (const arrived of [await remote.echo(list), (await remote.echo({deep: [list], fn: () => 1})).deep[0]]) {
        expect([arrived.length, Object.entries(arrived)]).to.eql(expected);
      }
      expect(await remote.shape(list)).to.eql(expected);
    }
    const list = await remote.echo(sparse(4e9, {7: () => 7, x: Object.assign([1], {f: () => 8})}));
    expect(list.length).to.equal(4e9);
    expect([await list[7](), await list.x.f(), list.x[0]]).to.eql([7, 8, 1]);
    const cyclic = sparse(2, {x: 1});
    cyclic[0] = cyclic;
    expect(await remote.call((there: any) => there[0] === there && there.x === 1, cyclic)).to.equal(true);
    const {length, 1: one, x} = await evaluate(sparse(3, {1: (await remote.echo({f: () => 1})).f, x: 2}) as any) as any;
    expect([length, typeof one, x]).to.eql([3, 'function', 2]);
  });

  it('that are Proxies of platform objects are refused, with their class and place', async () => {
    const {remote, here, there} = connect<any>({...echo, make: (what: string) => ({deep: [new Proxy(proxied[what]!, {})]})});
    // Node's streams and signals work behind a Proxy.
    const proxied: Record<string, object> = {
      Map: new Map([[1, 2]]), Set: new Set(), URL: new URL('http://a/'), Headers: new Headers(), Promise: Promise.resolve(), ArrayBuffer: new ArrayBuffer(1)
    };
    for (const [what, object] of Object.entries(proxied)) {
      for (const [path, call] of [['0.deep.0', remote.echo({deep: [new Proxy(object, {})]})], ['deep.0', remote.make(what)]] as const) {
        const failed = await rejection(call);
        expect(failed, what).to.include({name: 'RemoteError', code: 'ERR_REMOTE_UNCLONEABLE', path});
        expect(failed.message).to.equal(`Can't send a Proxy of the class ${what} (at ${path})`);
      }
    }
    for (const object of [new Uint8Array(1), new DataView(new ArrayBuffer(1)), new Date(), /x/]) {
      expect(await rejection(remote.echo(new Proxy(object, {}))), String(object)).to.have.property('code', 'ERR_REMOTE_UNCLONEABLE');
    }
    const {proxy, revoke} = Proxy.revocable({}, {});
    revoke();
    expect(await rejection(remote.echo([proxy]))).to.include({code: 'ERR_REMOTE_UNCLONEABLE', path: '0.0'});
    // Proxies of plain objects and arrays are sent as copies, and what their own members throw stays as it is.
    expect(await remote.echo(new Proxy({a: new Proxy([1], {})}, {}))).to.eql({a: [1]});
    expect(await rejection(remote.echo([{get bad() { throw new TypeError('own'); }}]))).to.include({name: 'TypeError', message: 'own'});
    expect(await rejection(remote.echo(new Map([[1, {get bad() { throw new TypeError('own'); }}]])))).to.include({name: 'TypeError', message: 'own'});
    expect([here.inspect(), there.inspect()].map(({streams, references}) => streams + references)).to.eql([0, 0]);
  });

  it('whose own members throw a TypeError give that error', async () => {
    const own = (): never => {
      throw new TypeError('own');
    };
    class Promised extends Promise<void> {
      override then = own;
    }
    const throwing: Record<string, () => object> = {
      'then of a class': () => new (class { then = own; })(),
      'then of a subclass of Promise': () => new Promised(() => {}),
      'then of a promise': () => Object.assign(Promise.resolve(), {then: own}),
      'getter of then': () => new (class { get then() { return own(); } })(),
      'getter of constructor': () => Object.create(Object.create({}, {constructor: {get: own}}) as object) as object,
      'getter of asyncIterator': () => new (class { get [Symbol.asyncIterator]() { return own(); } })()
    };
    const {remote, here, there} = connect<any>({...echo, make: (what: string) => ({deep: [throwing[what]!()]})});
    for (const [what, make] of Object.entries(throwing)) {
      for (const call of [remote.echo([make()]), remote.make(what)]) {
        expect(await rejection(call), what).to.include({name: 'TypeError', message: 'own'});
      }
    }
    class Derived extends Promise<void> {}
    expect(await rejection(remote.echo(new Proxy(Derived.resolve(), {})))).to.have.property('code', 'ERR_REMOTE_UNCLONEABLE');
    expect([here.inspect(), there.inspect()].map(({streams, references}) => streams + references)).to.eql([0, 0]);
  });
});
