import {getEventListeners} from 'node:events';
import {expect} from 'chai';
import {expose, RemoteError, release, wrap, connectionOf, ref, value, transfer, peek, set, isStub, handler, evaluate, port} from '../../lib/remote.js';
import {closeAll, connect, rejection} from './stage.js';
import {until} from '../waiting/until.js';

class Counter {
  count = 0;
  increment(by = 1): number {
    return (this.count += by);
  }
  later(): Promise<number> {
    return Promise.resolve(this.count);
  }
}

describe('remote calls', () => {
  afterEach(closeAll);

  it('calls methods and reads members', async () => {
    const {remote} = connect(new Counter());
    expect(await remote.increment()).to.equal(1);
    expect(await remote.increment(2)).to.equal(3);
    expect(await remote.count).to.equal(3);
    expect(await remote.later()).to.equal(3);
  });

  it('sets and deletes members, in order with calls', async () => {
    const object: {a?: number; read(): number | undefined} = {a: 1, read() {
      return this.a;
    }};
    const {remote} = connect(object);
    (remote as {a: unknown}).a = 5;
    expect(await remote.read()).to.equal(5);
    delete (remote as {a?: unknown}).a;
    expect(await remote.read()).to.equal(undefined);
    await set(remote, 'a', 7);
    expect(object.a).to.equal(7);
  });

  it('constructs, and uses the new object at once', async () => {
    const {remote} = connect({Counter});
    const counter = new remote.Counter();
    void counter.increment(4);
    expect(await counter.increment()).to.equal(5);
  });

  it('waits for the side that exposes, whoever is first', async () => {
    const {port1, port2} = new MessageChannel();
    const remote = wrap<{f(): number}>(port2);
    const result = remote.f();
    await new Promise(resolve => setTimeout(resolve, 5));
    const there = expose({f: () => 7}, port1);
    expect(await result).to.equal(7);
    there.close();
    port1.close();
  });

  it('exposes and wraps on one endpoint', async () => {
    const {port1, port2} = new MessageChannel();
    const a = wrap<{name(): string}>(port1);
    expose({name: () => 'a'}, port1);
    const b = wrap<{name(): string}>(port2);
    expose({name: () => 'b'}, port2);
    expect([await a.name(), await b.name()]).to.eql(['b', 'a']);
    connectionOf(a).close();
    port1.close();
  });

  it('keeps connections of two names on one endpoint apart', async () => {
    const {port1, port2} = new MessageChannel();
    for (const name of ['x', 'y']) expose({name: () => name}, port1, {name});
    const remotes = ['x', 'y'].map(name => wrap<{name(): string}>(port2, {name}));
    expect(await Promise.all(remotes.map(remote => remote.name()))).to.eql(['x', 'y']);
    for (const remote of remotes) connectionOf(remote).close();
    port1.close();
  });

  it('sends one message for all calls of a turn, and one with all their results', async () => {
    const {remote, here, ports: [port1, port2]} = connect({double: (n: number) => n * 2});
    await here.ready;
    let frames = 0;
    for (const each of [port1, port2]) {
      const {postMessage} = each;
      each.postMessage = (...args: [any]) => {
        frames++;
        postMessage.apply(each, args);
      };
    }
    const results = await Promise.all(Array.from({length: 100}, (_, n) => remote.double(n)));
    expect(results[99]).to.equal(198);
    expect(frames).to.equal(2);
  });

  describe('functions', () => {
    it('go both ways, as arguments, results and fields', async () => {
      const {remote} = connect({
        map: async (values: number[], f: (n: number) => number) => Promise.all(values.map(f)),
        adder: (a: number) => (b: number) => a + b,
        tools: () => ({twice: (n: number) => n * 2, more: new Map([['thrice', (n: number) => n * 3]])})
      });
      expect(await remote.map([1, 2], n => n + 1)).to.eql([2, 3]);
      const add = await remote.adder(3);
      expect(await add(4)).to.equal(7);
      expect(await remote.adder(1)(1)).to.equal(2);
      const tools = (await remote.tools()) as any;
      expect(await tools.twice(4)).to.equal(8);
      expect(await tools.more.get('thrice')(4)).to.equal(12);
    });

    it('return to their side as the original object, and are the same stub while it lives', async () => {
      const seen: unknown[] = [];
      const {remote} = connect({keep: (f: () => void) => void seen.push(f), back: (f: unknown) => f});
      const f = (): void => {};
      await remote.keep(f);
      await remote.keep(f);
      expect(seen[0]).to.equal(seen[1]);
      expect(isStub(seen[0])).to.equal(true);
      expect(await remote.back(f)).to.equal(f);
    });

    it('keep their members, and call, apply and bind', async () => {
      const {remote} = connect({f: Object.assign(function (this: {n: number}, m: number): number {
        return this.n + m;
      }, {tag: 'x'})}) as any;
      expect(await remote.f.tag).to.equal('x');
      expect(await remote.f.call({n: 1}, 2)).to.equal(3);
      expect(await remote.f.apply({n: 1}, [3])).to.equal(4);
      expect(await remote.f.bind({n: 5}, 1)()).to.equal(6);
    });
  });

  describe('values', () => {
    it('are cloned, with cycles, shared parts, Maps, Sets and dates', async () => {
      const {remote} = connect({echo: (x: any) => x});
      const shared = {a: 1};
      const cyclic: any = {shared, again: shared, date: new Date(5), undef: undefined, nan: NaN, map: new Map<any, any>([[shared, new Set([1, shared])]])};
      cyclic.self = cyclic;
      cyclic.map.set('self', cyclic.map);
      const back = await remote.echo(cyclic);
      expect(back.self).to.equal(back);
      expect(back.shared).to.equal(back.again);
      expect(back.date.getTime()).to.equal(5);
      expect('undef' in back).to.equal(true);
      expect(back.map.get('self')).to.equal(back.map);
      expect([...back.map.get(back.shared)][1]).to.equal(back.shared);
    });

    it('are as they were when they were sent, whatever is done to them in the same turn', async () => {
      const {remote} = connect({echo: (x: any) => x});
      await remote.echo(0);
      const list = [{n: 1}];
      const bytes = new Uint8Array([1, 2, 3]);
      const large = Array.from({length: 5000}, (_, n) => ({n}));
      const [a, b, c] = [remote.echo(list), remote.echo(bytes), remote.echo(large)];
      list[0]!.n = 2;
      list.length = 0;
      bytes[0] = 9;
      large[0]!.n = 9;
      expect(await a).to.eql([{n: 1}]);
      expect([...(await b)]).to.eql([1, 2, 3]);
      expect((await c)[0]).to.eql({n: 0});
    });

    it('of a result are as they were when it was returned', async () => {
      const {remote} = connect({list: [1], push(n: number) {
        this.list.push(n);
      }, get() {
        return this.list;
      }});
      const first = remote.get();
      void remote.push(2);
      const second = remote.get();
      expect(await first).to.eql([1]);
      expect(await second).to.eql([1, 2]);
    });

    it('have their getters called once', async () => {
      const {remote} = connect({echo: (x: any) => x});
      let n = 0;
      await remote.echo({get x() {
        return ++n;
      }});
      expect(n).to.equal(1);
    });

    it('may look like anything of the protocol', async () => {
      const {remote} = connect({echo: (x: any) => x});
      const value = [[[], 0, [1, 1, 'x']], {0: [1, 2]}, JSON.parse('{"__proto__": {"x": 1}}')];
      const back = await remote.echo([value, () => 1]);
      expect(back[0]).to.eql(value);
      expect(Object.hasOwn(back[0][2], '__proto__')).to.equal(true);
      expect(({} as any).x).to.equal(undefined);
    });

    it('that are class instances go by reference, by ref() and value() as is said', async () => {
      const {remote, there} = connect({
        make: () => new Counter(), plain: () => value(new Counter()), snapshot: () => ref(new Counter(), {with: ['count']}), refd: () => ref({a: 1})
      });
      const counter = await remote.make();
      expect(await counter.increment()).to.equal(1);
      expect(await remote.plain()).to.eql({count: 0});
      expect(peek((await remote.snapshot()) as any)).to.eql({count: 0});
      expect(isStub(await remote.refd())).to.equal(true);
      expect(there.inspect().names).to.include('Counter');
    });

    it('may be promises, errors, URLs and Headers', async () => {
      const {remote} = connect({echo: (x: any) => x});
      const back = await remote.echo({p: Promise.resolve(3), e: new TypeError('x'), u: new URL('https://a.b/c'), h: new Headers({a: 'b'})});
      expect(await back.p).to.equal(3);
      expect(back.e).to.be.instanceOf(TypeError);
      expect(back.u.href).to.equal('https://a.b/c');
      expect(back.h.get('a')).to.equal('b');
    });

    it('that can be neither say where they are, and fail their call alone', async () => {
      const {remote} = connect({echo: (x: any) => x, weak: () => ({a: [new WeakMap()]})});
      const good = remote.echo(1);
      const error = await rejection(remote.echo({a: [Symbol('x')]}));
      expect(error).to.include({code: 'ERR_REMOTE_UNCLONEABLE', path: '0.a.0'});
      expect(await good).to.equal(1);
      expect(await rejection(remote.weak())).to.include({code: 'ERR_REMOTE_UNCLONEABLE', path: 'a.0'});
    });

    it('are moved by transfer(), and ports by themselves', async () => {
      const {remote} = connect({length: (b: ArrayBuffer) => b.byteLength, hello: (p: MessagePort) => {
        p.postMessage('hi');
        p.close();
      }});
      const buffer = new ArrayBuffer(10);
      expect(await remote.length(buffer)).to.equal(10);
      expect(buffer.byteLength).to.equal(10);
      expect(await remote.length(transfer(buffer))).to.equal(10);
      expect(buffer.byteLength).to.equal(0);
      const {port1, port2} = new MessageChannel();
      const heard = new Promise(resolve => port1.onmessage = event => resolve(event.data));
      await remote.hello(port2);
      expect(await heard).to.equal('hi');
      expect(() => transfer(new Blob(['x']))).to.throw().with.property('code', 'ERR_REMOTE_BAD_OPTION');
    });

    it('that fail to be posted fail their call alone', async () => {
      const {remote} = connect({echo: (x: any) => x});
      await remote.echo(0);
      const bad = remote.echo(transfer({}, [{} as any]));
      const good = remote.echo(2);
      expect(await rejection(bad)).to.have.property('code', 'ERR_REMOTE_UNCLONEABLE');
      expect(await good).to.equal(2);
    });
  });

  describe('pipelining', () => {
    it('uses results that are not there yet as targets and arguments', async () => {
      const {remote, here, ports: [, mine]} = connect({
        make: async (n: number) => ref({n, plus: (m: number) => ref({n: n + m}), list: [1, 2]}), sum: (...parts: {n: number}[]) => parts.reduce((sum, {n}) => sum + n, 0)
      }) as any;
      await here.ready;
      let frames = 0;
      const {postMessage} = mine;
      mine.postMessage = (...args: [any]) => {
        frames++;
        postMessage.apply(mine, args);
      };
      const a = remote.make(1);
      const b = a.plus(2);
      expect(await remote.sum(a, b)).to.equal(4);
      expect(frames).to.equal(1);
      expect(await b.n).to.equal(3);
      expect(await a.list[1]).to.equal(2);
    });

    it('continues with a result that has arrived', async () => {
      const {remote} = connect({list: () => [3, 1, 2], make: () => new Counter()}) as any;
      const list = remote.list();
      await list;
      expect(await list.length).to.equal(3);
      expect(await list[0]).to.equal(3);
      const counter = remote.make();
      await counter;
      expect(await counter.increment()).to.equal(1);
    });

    it('fails operations on a failed result, with the same error, and reports it once if nobody awaits', async () => {
      const {remote, errors, here} = connect({fail: () => {
        throw new RangeError('no');
      }, use: (x: any) => x}) as any;
      const failed = remote.fail();
      const built = failed.a.b();
      const used = remote.use(failed);
      const error = await rejection(used);
      expect(error).to.be.instanceOf(RangeError);
      expect((await rejection(built)).message).to.equal('no');
      expect(errors).to.have.length(0);
      void remote.fail().x.y();
      expect((await rejection(here.flush())).message).to.equal('no');
      remote.fail().x();
      await remote.use(1);
      expect(errors.map(({error}: any) => error.message)).to.eql(['no']);
    });

    it('pulls the result of a call that was not awaited at first', async () => {
      const {remote} = connect({make: () => new Counter(), slow: async () => 5}) as any;
      const counter = remote.make();
      const slow = remote.slow();
      await new Promise(resolve => setTimeout(resolve, 5));
      expect(await slow).to.equal(5);
      expect(await (await counter).increment()).to.equal(1);
    });

    it('delays nothing else while it waits', async () => {
      let go!: () => void;
      const gate = new Promise<void>(resolve => go = resolve);
      const order: string[] = [];
      const {remote} = connect({slow: async () => {
        await gate;
        return {mark: () => void order.push('slow')};
      }, fast: () => void order.push('fast'), go: () => go()}) as any;
      const slow = remote.slow().mark();
      await remote.fast();
      remote.go();
      await slow;
      expect(order).to.eql(['fast', 'slow']);
    });
  });

  describe('evaluate', () => {
    it('materializes one, many, and the results of functions, in one round trip', async () => {
      const {remote, here} = connect({canvas: ref({width: 3, height: 4, style: ref({color: 'red'})})}, {}, {allowEvaluate: true}) as any;
      const canvas = remote.canvas;
      expect(await evaluate(canvas.width)).to.equal(3);
      expect(await evaluate({w: canvas.width, h: canvas.height, own: 1})).to.eql({w: 3, h: 4, own: 1});
      expect(await evaluate([canvas.width, 2])).to.eql([3, 2]);
      expect(await evaluate((a: any, k: number) => a.width * a.height * k, canvas, 2)).to.equal(24);
      expect(await here.evaluate(() => typeof globalThis)).to.equal('object');
      expect(await evaluate(4 as any)).to.equal(4);
    });

    it('runs functions only with the option allowEvaluate', async () => {
      const {here} = connect({});
      expect(await rejection(here.evaluate(() => 1))).to.have.property('code', 'ERR_REMOTE_NOT_ALLOWED');
    });
  });

  describe('errors', () => {
    it('keep class, code, fields, cause, errors and both stacks', async () => {
      class Own extends TypeError {
        override name = 'Own';
        code = 'E_OWN';
      }
      const {remote} = connect({
        type: () => {
          throw Object.assign(new TypeError('t', {cause: new RangeError('c')}), {code: 'E', status: 404, fn: () => 1});
        },
        own: () => {
          throw new Own('o');
        },
        many: () => {
          throw new AggregateError([new TypeError('1'), 2], 'many');
        },
        plain: () => {
          throw {status: 404};
        }
      }) as any;
      const error = await rejection(remote.type());
      expect(error).to.be.instanceOf(TypeError).and.include({message: 't', code: 'E', status: 404});
      expect(error.cause).to.be.instanceOf(RangeError);
      expect(error.stack).to.match(/calls\.test[\s\S]*at <remote>[\s\S]*calls\.test/);
      const own = await rejection(remote.own());
      expect(own).to.be.instanceOf(Error).and.include({name: 'Own', code: 'E_OWN'});
      const many = await rejection(remote.many());
      expect(many).to.be.instanceOf(AggregateError);
      expect(many.errors[0]).to.be.instanceOf(TypeError);
      expect(many.errors[1]).to.equal(2);
      expect(await rejection(remote.plain())).to.eql({status: 404});
    });

    it('of missing members, or members that are not functions, have codes', async () => {
      const {remote} = connect({a: 1}) as any;
      expect(await rejection(remote.b())).to.have.property('code', 'ERR_REMOTE_NO_MEMBER');
      expect(await rejection(remote.a())).to.have.property('code', 'ERR_REMOTE_NOT_A_FUNCTION');
      expect(await rejection(remote.b.c)).to.be.instanceOf(TypeError);
    });
  });

  describe('ends', () => {
    it('reject pending calls on both sides, with mayHaveRun', async () => {
      const {remote, here, there} = connect({never: () => new Promise(() => {}), back: (f: () => Promise<void>) => f()}) as any;
      await here.ready;
      const pending = remote.never();
      const late = rejection(pending);
      await remote.never;
      const unsent = remote.never();
      const unsentRejected = rejection(unsent);
      there.close();
      expect(await late).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
      expect(await unsentRejected).to.have.property('code', 'ERR_REMOTE_CLOSED');
      expect(await here.closed).to.have.property('code', 'ERR_REMOTE_CLOSED');
      expect(await rejection(remote.never())).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: false});
      expect(here.inspect()).to.eql({references: 0, stubs: 0, pending: 0, streams: 0, names: []});
    });

    it('leave no listener on a signal', async () => {
      const {signal} = new AbortController();
      const {here} = connect({}, {signal}, {});
      expect(getEventListeners(signal, 'abort')).to.have.length(1);
      here.close();
      await here.closed;
      await Promise.resolve();
      expect(getEventListeners(signal, 'abort')).to.eql([]);
    });

    it('are caused by a signal, by using, and by a port that closes', async () => {
      const abort = new AbortController();
      const {remote} = connect({never: () => new Promise(() => {})}, {signal: abort.signal}) as any;
      const pending = rejection(remote.never());
      abort.abort();
      expect(await pending).to.have.property('code', 'ERR_REMOTE_CLOSED');
      const other = connect({never: () => new Promise(() => {})}) as any;
      await other.here.ready;
      const lost = rejection(other.remote.never());
      other.ports[0].close();
      expect(await lost).to.have.property('code', 'ERR_REMOTE_CLOSED');
    });

    it('are not needed for a flush if the other side exposes nothing', async () => {
      const {port1, port2} = new MessageChannel();
      const [one, other] = [wrap(port1), wrap(port2)].map(stub => connectionOf(stub as never));
      await one!.flush();
      one!.close();
      await other!.closed;
      port1.close();
    });

    it('make room for a new connection on the endpoint', async () => {
      const {port1, port2} = new MessageChannel();
      const there = expose({n: () => 1}, port1);
      const first = wrap<{n(): number}>(port2);
      expect(await first.n()).to.equal(1);
      connectionOf(first).close();
      await there.closed;
      expose({n: () => 2}, port1);
      expect(await wrap<{n(): number}>(port2).n()).to.equal(2);
      port1.close();
    });

    it('of one call are caused by its time-out', async () => {
      const {remote} = connect({never: () => new Promise(() => {})}, {timeout: 5}) as any;
      expect(await rejection(remote.never())).to.have.property('code', 'ERR_REMOTE_TIMEOUT');
    });
  });

  it('is no promise itself, and no other magic', async () => {
    const {remote} = connect({a: 1}) as any;
    expect(await (async () => remote)()).to.equal(remote);
    expect(Object.keys(remote)).to.eql([]);
    expect('a' in remote).to.equal(false);
    expect(JSON.stringify({remote})).to.equal('{}');
    expect(String(remote.a)).to.equal('[remote a]');
    expect(isStub({})).to.equal(false);
  });

  it('relays stubs of a third context, and hands out ports to them', async () => {
    const {remote: far} = connect(new Counter());
    const {remote: near} = connect({counter: () => far, f: (c: any) => c.increment(10)}) as any;
    const counter = await near.counter();
    expect(await counter.increment(2)).to.equal(2);
    expect(await counter.count).to.equal(2);
    const handed = await port(near.counter());
    const direct = wrap<Counter>(handed);
    expect(await direct.increment()).to.equal(3);
    connectionOf(direct as never).close();
    handed.close();
  });

  it('is called before preventDefault is too late only by handler()', async () => {
    const seen: unknown[] = [];
    const target = new EventTarget();
    const {remote, here} = connect(ref({on: (type: string, f: (event: Event) => void) => target.addEventListener(type, f)})) as any;
    let late: unknown;
    remote.on('x', handler((event: any) => {
      seen.push((peek(event) as {type?: string}).type);
      late = rejection(event.preventDefault());
    }, {preventDefault: true}));
    await here.flush();
    const event = new Event('x', {cancelable: true});
    target.dispatchEvent(event);
    expect(event.defaultPrevented).to.equal(true);
    await until('it is seen', () => seen.length > 0);
    expect(seen).to.eql(['x']);
    expect(await late).to.have.property('code', 'ERR_REMOTE_TOO_LATE');
  });

  it('releases by using, release() and counts that cross', async () => {
    const {remote, there} = connect({make: () => new Counter(), call: async (f: () => Promise<void>) => {
      await f();
      release(f);
    }}) as any;
    {
      using counter = await remote.make();
      await counter.increment();
      expect(there.inspect().references).to.equal(1);
    }
    await remote.make;
    expect(there.inspect().references).to.equal(1);
    const counter = await remote.make();
    release(counter);
    expect(await rejection(counter.increment())).to.be.instanceOf(RemoteError).with.property('code', 'ERR_REMOTE_RELEASED');
  });
});
