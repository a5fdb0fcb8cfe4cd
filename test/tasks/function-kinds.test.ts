import {expect} from 'chai';
import {WorkerPool} from '../../lib/tasks-node.js';
import {failureOf} from './failure.js';

type Fn = (...args: any[]) => any;

/** The only function of an object or class whose text is given. Its text may use `key`. */
function memberOf(holder: string): Fn {
  const object = new Function('key', `return ${holder}`)('kind') as Fn | object;
  const members = [object, ...(typeof object === 'function' ? [object.prototype as object] : [])].flatMap(from => Reflect.ownKeys(from)
    .map(name => ({name, ...Object.getOwnPropertyDescriptor(from, name)!})));
  const {value, get, set} = members.find(member => member.name !== 'constructor' && (member.get ?? member.set ?? typeof member.value === 'function'))!;
  return value ?? get ?? set;
}

describe('a thread runs functions of each kind', function () {
  this.timeout(120_000);
  let pool: WorkerPool;
  before(() => { pool = new WorkerPool({size: 1}); });
  after(() => pool.terminate());

  /** Objects and classes with one function, which returns twice its argument. */
  const holders = [
    // Computed names
    '{[key](x) { return 2 * x; }}', '{async [key](x) { return 2 * x; }}', "{['a]b'](x) { return 2 * x; }}", '{["\\"]"](x) { return 2 * x; }}',
    '{[`]`](x) { return 2 * x; }}', '{[`${key}]`](x) { return 2 * x; }}', '{[`a${`b${key + "]"}`}c`](x) { return 2 * x; }}', '{[`\\`]${{a: `}`}.a}`](x) { return 2 * x; }}',
    '{[/]/.source](x) { return 2 * x; }}', '{[/[/\\]]\\]/.source + key](x) { return 2 * x; }}', '{[key.length / 2 / [1][0]](x) { return 2 * x; }}',
    '{[typeof /]/](x) { return 2 * x; }}', '{[[key, [1]][0]](x) { return 2 * x; }}', '{[(() => { return "]"; })()](x) { return 2 * x; }}', '{[/* ] */ key // ]\n](x) { return 2 * x; }}',
    '{[key] /* ( */ (x) { return 2 * x; }}', '{async /* [ */ [key](x) { return 2 * x; }}', '{async/* [ */[key](x) { return 2 * x; }}', 'class { static /* [ */ [key](x) { return 2 * x; } }', 'class { [key + 1](x) { return 2 * x; } }',
    '{get [key]() { return x => 2 * x; }}', '{get // [\n[key]() { return x => 2 * x; }}', '{[Symbol.for(key)](x) { return 2 * x; }, visible: this}',
    // Private names
    'class { static #double(x) { return 2 * x; } static double = this.#double }', 'class { static async #double(x) { return 2 * x; } static double = this.#double }',
    'class { static #\\u{64}ouble(x) { return 2 * x; } static double = this.#double }', 'class { static #dübel$ /* ( */ (x) { return 2 * x; } static double = this.#dübel$ }',
    // Names that look like something else
    '{class(x) { return 2 * x; }}', '{class /* of */ (x) { return 2 * x; }}', '{class$(x) { return 2 * x; }}', '{classé(x) { return 2 * x; }}', '{f: class$ => 2 * class$}', '{f: classes => 2 * classes}',
    '{function(x) { return 2 * x; }}', '{async function(x) { return 2 * x; }}', '{get(x) { return 2 * x; }}', '{set(x) { return 2 * x; }}', '{async(x) { return 2 * x; }}', '{static(x) { return 2 * x; }}',
    '{async get(x) { return 2 * x; }}', '{__proto__(x) { return 2 * x; }}', '{constructor_(x) { return 2 * x; }}', '{"quoted"(x) { return 2 * x; }}', '{1_0(x) { return 2 * x; }}', '{\\u0061b(x) { return 2 * x; }}',
    // Parameters and bodies
    '{f: async x => 2 * x}', '{f: async => 2 * async}', '{f: x => 2 * x // tail\n}', '{f: (x, y = x) => x + y}', '{f: (x, y = () => x) => x + y()}', '{f({valueOf}, x = 1) { return typeof valueOf && 42; }}',
    '{f(x) { return Number(`${`${x}`}`) * 2; }}', '{f(x) { return /[/}]/.test("/") ? 2 * x : 0; }}', '{f(x) { class A { #x = x; static { this.n = 2; } get x() { return this.#x; } } return A.n * new A().x; }}',
    '{f(x) { a: for (;;) { for (;;) { break a; } } return 2 * x; }}', '{f(x) { return Number(2n * BigInt(x)) + 1_0 - 10; }}', '{f(x) { try { null.a; } catch { return 2 * x; } }}', '{f(x) { return arguments[0] * 2; }}',
    '{f(x) { return new.target === undefined ? 2 * x : 0; }}', '{f(x) { var let = 2; return let * x; }}', '{f(yield_, await = yield_) { return yield_ + await; }}', '{f(x) { return x?.valueOf?.() * 2; }}',
    '{f(x) { const tag = ({raw}, n) => raw[0].length * n; return tag`\\u${x}`; }}'
  ];

  for (const holder of holders) {
    it(holder.replace(/\n/g, '\\n'), async () => {
      const member = memberOf(holder);
      // A getter returns the function, which can't be sent back.
      if (holder.includes('get [key]') || holder.includes('get //')) return expect(await failureOf(pool.run(member, []))).to.include({code: 'ERR_TASK_NOT_CLONEABLE', path: 'result'});
      expect(await pool.run(member, [21])).to.equal(42);
      return expect(await pool.run(member, [21], {check: false})).to.equal(42);
    });
  }

  it('and refuses those that use names from outside', async () => {
    const cases: [holder: string, names: string[]][] = [
      ['{f() { return super.x; }}', ['super']], ['{f() { return {a: super.x}; }}', ['super']], ['{f() { return {[super.x]: 1}; }}', ['super']],
      ['class { #a; has(o) { return #a in o; } }', ['#a']], ['class { #a; read(o) { return o?.#a; } }', ['#a']],
      ['{f: () => this.scale}', ['this']], ['class { static f = () => this.scale }', ['this']], ['{f: (x = this) => x}', ['this']],
      ['{f() { "use strict"; { function g() {} } return g; }}', ['g']], ['{f() { { async function g() {} } return g; }}', ['g']]
    ];
    for (const [holder, names] of cases) expect(await failureOf(pool.execute(memberOf(holder))), holder).to.include({code: 'ERR_TASK_CLOSURE'}).with.property('names').that.eqls(names);
  });

  it('with 3,000 chained calls; it says which are nested too deeply for the check, and runs them without it', async () => {
    const chained = new Function(`return text => text${'.concat(1)'.repeat(3_000)}.length`)() as (text: string) => number;
    expect(await pool.run(chained, ['a'])).to.equal(3_001);
    const sum = new Function(`return x => x${' + x'.repeat(20_000)}`)() as (x: number) => number;
    const error = await failureOf(pool.run(sum, [1], {name: 'sum'}));
    expect(error).to.include({code: 'ERR_TASK_SYNTAX', message: 'The text of "sum" is nested too deeply for the parser that looks for names from outside. It was not run. Nest it less, or use the option check: false, which skips the parser'});
    expect(await pool.run(sum, [1], {check: false})).to.equal(20_001);
  });
});
