import {expect} from 'chai';
import {expose, wrap, connectionOf, type FrameTransport, type RemoteOptions} from '../../lib/remote.js';
import {decodeError} from '../../lib/remote/errors.js';
import {until} from '../waiting/until.js';
import {closeAll, connect, rejection} from './stage.js';

describe('a hostile peer', () => {
  afterEach(closeAll);

  class Base {
    inherited(): number {
      return 1;
    }
  }
  class Exposed extends Base {
    own = {a: 1};
    list = [1, 2];
    fn = (): number => 2;
  }

  it('reaches own and inherited members, and no prototype, constructor or Function', async () => {
    const {remote} = connect(new Exposed()) as any;
    expect(await remote.inherited()).to.equal(1);
    expect(await remote.list.map((n: number) => n)).to.have.length(2);
    for (const path of [
      ['constructor'], ['__proto__'], ['own', 'constructor'], ['own', 'constructor', 'constructor'], ['fn', 'constructor'], ['fn', 'prototype'],
      ['hasOwnProperty'], ['own', '__defineGetter__'], ['own', 'toString'], ['list', 'constructor'], ['fn', 'toString'], ['fn', 'arguments']
    ]) {
      let stub = remote;
      for (const key of path) stub = stub[key];
      const read = await stub.then((value: unknown) => value, (error: {code?: string}) => error instanceof TypeError ? undefined : error.code);
      expect(read, path.join('.')).to.be.oneOf([undefined, 'ERR_REMOTE_NO_MEMBER']);
      expect(await rejection(stub('return 1')), path.join('.')).to.be.instanceOf(Error);
      expect(await rejection(new stub('return 1')), path.join('.')).to.be.instanceOf(Error);
    }
  });

  it('writes to no prototype, function or frozen object, and pollutes nothing', async () => {
    const {remote, here} = connect(Object.assign(new Exposed(), {frozen: Object.freeze({a: 1})})) as any;
    for (const write of [
      () => (remote.__proto__.polluted = 1), () => (remote.own.__proto__ = {polluted: 1}), () => (remote.constructor.prototype.polluted = 1),
      () => (remote.fn.polluted = 1), () => (remote.frozen.a = 2), () => (remote.own.toString = 1), () => delete remote.frozen.a
    ]) {
      write();
      expect(await rejection(here.flush())).to.be.instanceOf(Error);
    }
    expect(({} as any).polluted).to.equal(undefined);
  });

  it('calls no Function that it receives, and reaches only members that the option allow permits', async () => {
    const {remote} = connect({make: () => Function, run: (f: any) => f, hidden: 1, open: 2}, {}, {allow: (_target, key) => key !== 'hidden'}) as any;
    expect(await rejection(remote.make()('return 1'))).to.have.property('code', 'ERR_REMOTE_NO_MEMBER');
    expect(await remote.hidden).to.equal(undefined);
    expect(await remote.open).to.equal(2);
    expect(await rejection(remote.hidden())).to.have.property('code', 'ERR_REMOTE_NO_MEMBER');
  });

  it('can name nothing that it was not given', async () => {
    const {port1, port2} = new MessageChannel();
    const there = expose({secret: () => 1, keep: () => 2}, port1, {onError: () => {}});
    const heard: any[] = [];
    port2.onmessage = ({data}) => heard.push(...data[2]);
    port2.postMessage([1, 0, [[0, '', [], 'x']]]);
    for (let target = -20; target < 0; target++) port2.postMessage([1, 0, [[1, target + 50, target, ['secret'], 0, [[]], 1]]]);
    const answersHeard = (): any[] => heard.filter(([what]) => what === 3);
    await until('all are answered', () => answersHeard().length >= 20);
    const answers = answersHeard();
    expect(answers).to.have.length(20);
    expect(new Set(answers.map(([, , error]) => error[2])).size).to.equal(1);
    there.close();
    port1.close();
  });

  it('is answered with a limit error, and the others continue', async () => {
    const {remote} = connect({never: () => new Promise(() => {}), f: () => () => 1, n: () => 1}, {}, {limits: {pending: 3, references: 20, depth: 10}}) as any;
    const outcomes = Array.from({length: 5}, () => remote.never().then(() => 'done', (error: any) => error.code));
    expect(await Promise.race(outcomes.slice(3))).to.equal('ERR_REMOTE_LIMIT');
    const other = connect({f: () => () => 1, echo: (x: any) => x}, {}, {limits: {references: 5, depth: 10}}) as any;
    const held = [];
    let limited: any;
    for (let i = 0; i < 10 && !limited; i++) await other.remote.f().then((f: any) => held.push(f), (error: any) => (limited = error));
    expect(limited).to.have.property('code', 'ERR_REMOTE_LIMIT');
    for (const kind of ['stream', 'promise']) {
      const streams = connect({stream: () => new ReadableStream(), promise: () => ({promise: new Promise(() => {})})}, {}, {limits: {references: 5}}) as any;
      const kept = [];
      let code: unknown;
      for (let i = 0; i < 10 && !code; i++) await streams.remote[kind]().then((value: unknown) => kept.push(value), (error: any) => (code = error.code));
      expect(code, kind).to.equal('ERR_REMOTE_LIMIT');
    }
    let deep: any = {};
    for (let i = 0; i < 50; i++) deep = {deep};
    expect(await rejection(other.remote.echo(deep))).to.have.property('code', 'ERR_REMOTE_LIMIT');
  });

  it('can\'t open more streams than references', async () => {
    const {port1, port2} = new MessageChannel();
    const there = expose({take: () => 1}, port1, {onError: () => {}, limits: {references: 5}});
    const heard: any[] = [];
    port2.onmessage = ({data}) => heard.push(...data[2]);
    port2.postMessage([1, 0, [[0, '', [], 'x']]]);
    for (let id = 1; id <= 20; id++) port2.postMessage([1, 0, [[1, id, 0, ['take'], 0, [[undefined], [[[0], 2, [100 + id]]]], 1]]]);
    await until('all calls have answers', () => heard.filter(([what]) => what === 2 || what === 3).length === 20);
    expect(heard.filter(([what]) => what === 2)).to.have.length(5);
    expect(there.inspect().streams).to.equal(5);
    there.close();
    port1.close();
  });

  it('costs nothing with lists of four billion holes', async () => {
    const {port1, port2} = new MessageChannel();
    const there = expose({take: (value: unknown) => String((value as Map<unknown, unknown> | undefined)?.size)}, port1, {onError: () => {}});
    const heard: any[] = [];
    port2.onmessage = ({data}) => heard.push(...data[2]);
    const endless = Object.assign([], {4: [1, 1], length: 4e9});
    const error = ['Error', 'Error', '', undefined, undefined, undefined, endless];
    let id = 0;
    const take = (value: unknown, ...holes: unknown[]): unknown[] => [1, ++id, 0, ['take'], 0, [[value], holes], 1];
    port2.postMessage([1, 0, [[0, '', [], 'x']]]);
    port2.postMessage([1, 0, Object.assign([], {1: [5, endless], 2: [6, endless], 3: [4, endless], length: 4e9})]);
    port2.postMessage([1, 0, [take(endless, [[0], 10, 0]), take(endless, [[0], 11, 0]), take(0, [[0], 7, error]), take(0, [[0], 1, [0, endless]]), take(0, [endless, 7, error])]]);
    port2.postMessage([1, 0, [[1, ++id, 0, endless, 0, [[]], 1], [1, ++id, 0, ['take'], 0, [endless], 1], [1, ++id, 0, ['take'], 0, [[], endless], 1]]]);
    port2.postMessage([endless, 0, endless]);
    port2.postMessage([9, 0, endless]);
    await until('all calls have answers', () => heard.filter(([what]) => what === 2 || what === 3).length === id);
    expect(heard.filter(([what]) => what === 2).map(([, call, [value]]) => [call, value])).to.eql([[1, '1'], [2, '1'], [3, 'undefined']]);
    there.close();
    port2.close();
  });

  it('can\'t make the app recurse over values that are nested 100,000 deep', async () => {
    const recurse = (value: any): number => value && typeof value === 'object' ? 1 + Math.max(0, ...Object.values(value).map(recurse)) : 0;
    const nested = (wrap: (inner: unknown) => unknown): unknown => {
      let value: unknown = 1;
      for (let i = 0; i < 100_000; i++) value = wrap(value);
      return value;
    };
    const cyclic: {next?: unknown} = {};
    cyclic.next = {cyclic};
    const posted: any[] = [];
    const errors: any[] = [];
    const heard: unknown[] = [];
    // Frames as another realm could hand them over: structured clone may refuse such depths earlier.
    const transport: FrameTransport = {post: frame => void posted.push(...(frame as any[])[2]), onframe: null, onclose: null, close() {}};
    const handler = {wireType: 'h', canHandle: (_value: unknown): _value is never => false, toWire: () => 0, fromWire: recurse, onMessage: (payload: unknown) => heard.push(recurse(payload)), processReturnData: (data: unknown) => heard.push(recurse(data))};
    const options: RemoteOptions = {onError: error => errors.push(error), handlers: [handler]};
    const there = expose({take: (value: unknown) => value === cyclic ? 1 : recurse(value), flow: async (promise: Promise<unknown>) => recurse(await promise)}, transport, options);
    const remote = wrap<any>(transport, options);
    const say = (...messages: unknown[]): void => transport.onframe!([1, 0, messages]);
    say([0, '', [], 'x']);
    const deep = nested(inner => ({inner}));
    const pending = [remote.a(), remote.b()].map(rejection);
    await until('both are posted', () => posted.filter(([what]) => what === 1).length === 2);
    const [[, a], [, b]] = posted.filter(([what]) => what === 1);
    const take = (id: number, ...wire: unknown[]): unknown[] => [1, id, 0, ['take'], 0, wire, 1];
    say(take(1, [deep]), take(2, [nested(inner => [inner])]), take(3, [nested(inner => new Map([[inner, inner]]))]), take(4, [0], [[[0], 12, ['h', deep]]]), take(5, [{a: [{}]}]), take(6, [cyclic]), take(8, [nested(inner => new Set([inner]))]));
    say([2, a, [deep]], [3, b, ['Error', 'Error', 'm', undefined, {deep}], b]);
    say([8, 'h', deep], [8, 'h', {}]);
    transport.onframe!([1, {h: deep}, []]);
    transport.onframe!([1, {h: {}}, []]);
    say([1, 9, 0, ['flow'], 0, [[0], [[[0], 2, [99]]]], 1], [7, 99, 0, [deep]]);
    const answers = (): any[] => posted.filter(([what]) => what === 2 || what === 3);
    await until('all are answered', () => answers().length === 8);
    expect(answers().sort(([, one], [, other]) => one - other).map(([what, id, value]) => [id, what === 2 ? value[0] : value[4].code])).to.eql([
      ...[1, 2, 3, 4].map(id => [id, 'ERR_REMOTE_LIMIT']), [5, 3], [6, 1], [8, 'ERR_REMOTE_LIMIT'], [9, 'ERR_REMOTE_LIMIT']
    ]);
    for (const error of await Promise.all(pending)) expect(error).to.have.property('code', 'ERR_REMOTE_LIMIT');
    expect(heard).to.eql([1, 1]);
    expect(errors.map(({code}) => code)).to.eql(['ERR_REMOTE_PROTOCOL']);
    there.close();
  });

  for (const [what, wrapped] of [
    ['objects', (inner: unknown) => ({inner, fn: () => 1})], ['arrays', (inner: unknown) => [inner]], ['Maps', (inner: unknown) => new Map([[1, inner]])], ['Sets', (inner: unknown) => new Set([inner])]
  ] as [string, (inner: unknown) => unknown][]) {
    it(`sends no more than limits.depth levels of ${what}, and as many are received`, async () => {
      const {remote} = connect({echo: (value: unknown) => value, kind: (value: unknown) => typeof value}, {limits: {depth: 10}}) as any;
      const levels = (count: number): unknown => count ? wrapped(levels(count - 1)) : null;
      // Each entry of a Map or Set is a level of its own in the path to a value.
      const most = what === 'Maps' ? 5 : 10;
      expect(await remote.kind(levels(most))).to.equal('object');
      expect(typeof await remote.echo(levels(most - 1))).to.equal('object');
      expect(await rejection(remote.kind(levels(most + 2)))).to.have.property('code', 'ERR_REMOTE_LIMIT');
    });
  }

  it('names no member by a longer path than limits.depth', async () => {
    const {port1, port2} = new MessageChannel();
    const there = expose({take: (value: unknown) => typeof value}, port1, {limits: {depth: 10}, onError: () => {}});
    const heard: any[] = [];
    port2.onmessage = ({data}) => heard.push(...data[2]);
    const path = (length: number): string[] => Array.from({length}, () => 'next');
    const cyclic = (): unknown => {
      const made: {next?: unknown} = {};
      return made.next = made;
    };
    const take = (id: number, ...values: unknown[]): unknown[] => [1, id, 0, ['take'], 0, values, 1];
    port2.postMessage([1, 0, [
      [0, '', [], 'x'], [1, 1, 0, path(10), 1, [undefined], 1], [1, 2, 0, path(11), 1, [undefined], 1],
      take(3, [cyclic()], [[[0, ...path(19)], 8, ['a:b']]]), take(4, [cyclic()], [[[0, ...path(20)], 8, ['a:b']]]),
      take(5, [0], [[[0], 1, [0, path(10)]]]), take(6, [0], [[[0], 1, [0, path(11)]]])
    ]]);
    const answers = (): any[] => heard.filter(([what]) => what === 2 || what === 3);
    await until('all are answered', () => answers().length === 6);
    const codeOf = (id: number): unknown => answers().find(([, of]) => of === id)[2][4]?.code;
    expect([2, 4, 6].map(codeOf)).to.eql(['ERR_REMOTE_PROTOCOL', 'ERR_REMOTE_PROTOCOL', 'ERR_REMOTE_PROTOCOL']);
    for (const id of [1, 3, 5]) expect(answers().find(([, of]) => of === id), String(id)).to.satisfy(([what, , error]: any[]) => what === 2 || error[4]?.code !== 'ERR_REMOTE_PROTOCOL');
    there.close();
    port2.close();
  });

  it('sends and receives 16 causes of an error, and nothing of the deeper ones', async () => {
    const chain = (length: number): Error => Array.from({length}).reduce<Error>((cause, _, n) => new Error(String(n), {cause}), new AggregateError([new Error('in a list')], 'first'));
    const depthOf = (error: any): number => error.cause ? 1 + depthOf(error.cause) : 0;
    const {remote} = connect({echo: (value: unknown) => value, depth: depthOf}) as any;
    expect(await remote.depth(chain(100))).to.equal(16);
    expect((await remote.echo(chain(15))).cause).to.be.instanceOf(Error);
    const nested = await remote.echo(Array.from({length: 30}).reduce<Error>(inner => new AggregateError([inner], 'list'), new Error('inner')));
    const listsIn = (error: any): number => error.errors?.length ? 1 + listsIn(error.errors[0]) : 0;
    expect(listsIn(nested)).to.equal(16);
    const wire = (length: number): unknown[] => Array.from({length}).reduce<unknown[]>(cause => ['Error', 'Error', 'm', undefined, undefined, cause], ['Error', 'Error', 'first']);
    expect(depthOf(decodeError(wire(100)))).to.be.below(20);
  });

  it('may send a large value with a cycle', async () => {
    const {remote} = connect({size: (list: {of?: unknown}[]) => list.every(item => item.of === list) && list.length}) as any;
    const list: {of?: unknown}[] = Array.from({length: 5000}, () => ({}));
    for (const item of list) item.of = list;
    expect(await remote.size(list)).to.equal(5000);
  });

  it('may send an error with more causes than limits.depth', async () => {
    const {remote} = connect({echo: (value: unknown) => value}, {limits: {depth: 2}}) as any;
    let error = new Error('0');
    for (let n = 1; n <= 15; n++) error = new Error(String(n), {cause: error});
    const arrived = await remote.echo(error);
    let causes = 0;
    for (let cause = arrived; cause.cause; cause = cause.cause) causes++;
    expect(causes).to.equal(15);
  });

  it('ends a stream whose chunk arrives too deep, on both sides', async () => {
    let cancelled: any;
    let deep: unknown = 1;
    for (let i = 0; i < 150; i++) deep = {deep};
    const {remote, here, there} = connect({
      stream: () => new ReadableStream({pull: controller => controller.enqueue(deep), cancel: reason => { cancelled = reason; }}),
      async *items() {
        try {
          yield deep;
        } finally {
          cancelled = 'items';
        }
      }
    }, {limits: {depth: 10}}, {}) as any;
    expect(await rejection((await remote.stream()).getReader().read())).to.have.property('code', 'ERR_REMOTE_LIMIT');
    await until('it is cancelled', () => cancelled);
    expect(cancelled).to.have.property('code', 'ERR_REMOTE_LIMIT');
    expect(await rejection((await remote.items()).next())).to.have.property('code', 'ERR_REMOTE_LIMIT');
    await until('its finally has run', () => cancelled === 'items');
    await until('nothing is left', () => here.inspect().streams + there.inspect().streams === 0);
  });

  it('of another protocol gets an error on both sides', async () => {
    const {port1, port2} = new MessageChannel();
    const remote = wrap<{f(): void}>(port1) as any;
    const call = rejection(remote.f());
    port2.postMessage([2, 0, [[0, '', [], 'x']]]);
    expect(await call).to.have.property('code', 'ERR_REMOTE_CLOSED');
    expect(await connectionOf(remote).closed).to.have.property('code', 'ERR_REMOTE_PROTOCOL');
    port2.close();
  });
});
