import {expect} from 'chai';
import {expose, wrap, connectionOf} from '../../lib/remote.js';
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

  it('calls no Function that it is given, and reaches only what allow lets it', async () => {
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
    await new Promise(resolve => setTimeout(resolve, 20));
    const answers = heard.filter(([what]) => what === 3);
    expect(answers).to.have.length(20);
    expect(new Set(answers.map(([, , error]) => error[2])).size).to.equal(1);
    there.close();
    port1.close();
  });

  it('is answered with a limit, and the others go on', async () => {
    const {remote} = connect({never: () => new Promise(() => {}), f: () => () => 1, n: () => 1}, {}, {limits: {pending: 3, references: 20, depth: 10}}) as any;
    const outcomes = Array.from({length: 5}, () => remote.never().then(() => 'done', (error: any) => error.code));
    expect(await Promise.race(outcomes.slice(3))).to.equal('ERR_REMOTE_LIMIT');
    const other = connect({f: () => () => 1, echo: (x: any) => x}, {}, {limits: {references: 5, depth: 10}}) as any;
    const held = [];
    let limited: any;
    for (let i = 0; i < 10 && !limited; i++) await other.remote.f().then((f: any) => held.push(f), (error: any) => (limited = error));
    expect(limited).to.have.property('code', 'ERR_REMOTE_LIMIT');
    let deep: any = {};
    for (let i = 0; i < 50; i++) deep = {deep};
    expect(await rejection(other.remote.echo(deep))).to.have.property('code', 'ERR_REMOTE_LIMIT');
  });

  it('of another protocol is told so on both sides', async () => {
    const {port1, port2} = new MessageChannel();
    const remote = wrap<{f(): void}>(port1) as any;
    const call = rejection(remote.f());
    port2.postMessage([2, 0, [[0, '', [], 'x']]]);
    expect(await call).to.have.property('code', 'ERR_REMOTE_CLOSED');
    expect(await connectionOf(remote).closed).to.have.property('code', 'ERR_REMOTE_PROTOCOL');
    port2.close();
  });

  it('may send 100,000 frames of anything: nothing is thrown, polluted or ended', async function () {
    this.timeout(60_000);
    let seed = 1;
    const random = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
    const pick = <T>(items: readonly T[]): T => items[random(items.length)]!;
    const words = ['constructor', '__proto__', 'prototype', 'own', 'list', 'fn', 'call', 'then', 'map', 'x', 'length', '0', 'inherited', 'hasOwnProperty'];
    const anything = (depth = 0): unknown => {
      switch (random(depth > 3 ? 7 : 10)) {
        case 0: return random(40) - 20;
        case 1: return pick(words);
        case 2: return null;
        case 3: return undefined;
        case 4: return random(2) === 1;
        case 5: return pick([NaN, Infinity, 1e300, 0.5, -0]);
        case 6: return new Uint8Array(random(4));
        case 7: return Object.fromEntries([[pick(words.slice(3)), anything(depth + 1)]]);
        default: return Array.from({length: random(5)}, () => anything(depth + 1));
      }
    };
    let id = 1;
    const hole = (): unknown => [Array.from({length: random(3)}, () => random(3)), random(16), random(2) ? [random(20) - 10, Array.from({length: random(2)}, () => pick(words))] : anything()];
    const value = (): unknown => (random(3) ? [Array.from({length: random(3)}, () => anything()), Array.from({length: random(3)}, hole)] : anything());
    const message = (): unknown => {
      switch (random(11)) {
        case 0: case 1: case 2: return [1, random(8) ? id++ : random(50), random(20) - 10, Array.from({length: random(3)}, () => pick(words)), random(10), value(), random(3)];
        case 3: return [2, random(50), value()];
        case 4: return [3, random(50), anything(), random(9), random(2)];
        case 5: return [4, random(id)];
        case 6: return [5, [random(id), anything()]];
        case 7: return [6, [[random(40) - 20, random(4) - 1], anything()]];
        case 8: return [7, random(40) - 20, random(6), value()];
        case 9: return [8, anything(), anything()];
        default: return anything();
      }
    };
    const frame = (): unknown => (random(20) ? [1, random(4) ? 0 : anything(), Array.from({length: 1 + random(3)}, message)] : anything());
    const isFarewell = (data: unknown): boolean => Array.isArray(data) && Array.isArray(data[2]) && data[2].some(item => Array.isArray(item) && (item[0] === 9 || item[0] === 0));

    const transport = {
      onframe: null as ((data: unknown) => void) | null, onclose: null, isConnected: true,
      post: (data: unknown) => void structuredClone(data), close: () => {}
    };
    const told: string[] = [];
    const connection = expose(new Exposed(), transport, {onError: error => told.push(error.message), limits: {pending: 1000, references: 10_000}});
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const before = Object.getOwnPropertyNames(Object.prototype).length;
    for (let i = 0; i < 100_000; i++) {
      let data = frame();
      if (isFarewell(data)) data = [1, 0, [anything()]];
      if (!isFarewell(data)) transport.onframe!(data);
      if (i % 1000 === 0) await new Promise(resolve => setImmediate(resolve));
    }
    await new Promise(resolve => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).to.eql([]);
    expect(connection.state).to.equal('open');
    expect(Object.getOwnPropertyNames(Object.prototype).length).to.equal(before);
    expect(({} as any).x).to.equal(undefined);
    connection.close();
  });
});
