import {expect} from 'chai';
import {readdirSync, readFileSync} from 'node:fs';
import {createContext, runInContext, Script} from 'node:vm';
import {type AnyNode, parse} from 'acorn';
import {analyze} from 'eslint-scope';
import {freeVariables} from '../../lib/tasks/free-variables.js';
import {Random} from '../support/random.js';
import {randomFunction, runners} from './random-functions.js';

const cases = readFileSync(new URL('free-variables.txt', import.meta.url), 'utf8').split('\n').filter(line => line && !line.startsWith('# ')).map(line => {
  const at = line.lastIndexOf(' ->');
  return {text: line.slice(0, at), names: line.slice(at + 3).split(' ').filter(Boolean).sort()};
});
/** What looks like a name and is no variable. */
const isVariable = (name: string): boolean => !['import.meta', 'new.target', 'super', 'this'].includes(name) && !name.startsWith('#');

describe('free variables', () => {
  it(`are found in ${cases.length} functions, and nothing else is named`, () => {
    expect(cases.length).to.be.at.least(200);
    for (const {text, names} of cases) expect(freeVariables(text).sort(), text).to.eql(names);
  });

  it('are among them when an engine looks them up while the functions run', async () => {
    let lookedUp = 0;
    for (const {text, names} of cases) {
      if (!names.every(name => isVariable(name) || name === 'this') || text.includes('import(')) continue;
      const seen = await lookUps(text);
      lookedUp += seen.length;
      expect(names, text).to.include.members(seen);
    }
    // Most functions were called.
    expect(lookedUp).to.be.above(100);
  });

  it('are the same that an engine looks up in random functions, whose whole code runs', () => {
    const seen = new Set<string>();
    const scope = new Proxy({}, {
      has: (_target, key) => typeof key === 'string' && !key.startsWith('__') && key !== 'undefined',
      get(_target, key) { seen.add(String(key)); },
      set: () => true
    });
    const context = createContext({__scope: scope});
    runInContext(runners, context);
    let count = 0;
    for (let seed = 0; seed < 1_500; seed++) {
      const random = new Random(seed);
      const text = randomFunction(() => random.below(2 ** 20) / 2 ** 20);
      const code = `with (__scope) { __run((${text}\n)); }`;
      // Random declarations may contradict each other.
      if (!isScript(code)) continue;
      seen.clear();
      runInContext(code, context);
      seen.delete('Symbol(Symbol.unscopables)');
      const found = freeVariables(text).filter(name => !name.startsWith('__')).sort();
      expect(found, `seed ${seed}: ${text}`).to.eql([...seen].sort());
      count++;
    }
    expect(count).to.be.above(500);
  }).timeout(60_000);

  it('are none in a text with comments that HTML allows, unless it means something else in a module', () => {
    expect(freeVariables('a => {\n<!-- hidden\n--> from old browsers\nreturn a; }')).to.eql([]);
    expect(freeVariables('(a, b) => { return a <!-- hidden: b\n; }')).to.eql([]);
    expect(() => freeVariables('(a, b) => a<!--b')).to.throw(SyntaxError, 'in modules');
    expect(() => freeVariables('(a, b) => { if (a<!--b) return 1; }')).to.throw(SyntaxError);
  });

  it('are found in calls that are chained thousands of times', () => {
    for (const link of ['.then(x => a)', '.b()', '[a]', '?.b']) expect(freeVariables(`() => a${link.repeat(20_000)}`), link).to.eql(['a']);
  });

  it('are found in a class whose static block declares functions of one name', () => {
    expect(freeVariables('() => class { static { function a() { return b; } function a() {} var a; } }')).to.eql(['b']);
  });

  it("are the same that ESLint's analysis finds, in all functions of some libraries", () => {
    let count = 0;
    for (const file of filesOf(['acorn/dist', 'chai', 'comlink/dist/esm', 'partysocket/dist', 'sharedb/lib', 'ot-json0/lib'])) {
      const code = readFileSync(file, 'utf8');
      for (const {node, through} of functionsOf(code)) {
        const text = code.slice(node.start, node.end);
        // The text of a method's value begins with its parameters.
        if (node.type === 'FunctionExpression' && !/^(?:async\s+)?function/.test(text)) continue;
        let found: string[];
        try {
          found = freeVariables(text);
        } catch (error) {
          throw new Error(`${file}: ${text.slice(0, 200)}: ${String(error)}`, {cause: error});
        }
        expect(found.filter(isVariable).sort(), `${file}: ${text.slice(0, 300)}`).to.eql(through);
        count++;
      }
    }
    expect(count).to.be.above(1_000);
  }).timeout(60_000);

  it('do not cause the refusal of values that are not functions', () => {
    for (const text of ['1', 'a', 'class {}', '{}', 'a, () => 1', '() => 1, a', 'a() {}, b() {}', '() => {', 'get a() {}, get b() {}', '...a', 'a: 1']) {
      expect(() => freeVariables(text), text).to.throw(SyntaxError);
    }
  });
});

/** The names that an engine looks up in the scope around a function while the function is made and called with made-up arguments. */
async function lookUps(text: string): Promise<string[]> {
  const seen = new Set<string>();
  // Answers every use, so that as much of the function as possible runs.
  const anything: unknown = new Proxy(function () {}, {
    get: (_target, key) => key === Symbol.toPrimitive ? () => 1 : key === Symbol.iterator ? function* () { yield anything; } : key === 'then' ? undefined : anything,
    apply: () => anything, construct: () => anything as object, has: () => true, set: () => true, getPrototypeOf: () => Function.prototype
  });
  const scope = new Proxy({}, {
    has: (_target, key) => typeof key === 'string' && !key.startsWith('__oracle'),
    get(_target, key) {
      if (typeof key === 'symbol') return undefined;
      seen.add(key);
      return key === 'undefined' ? undefined : anything;
    },
    set(_target, key) {
      seen.add(String(key));
      return true;
    },
    deleteProperty(_target, key) {
      seen.add(String(key));
      return true;
    }
  });
  const context = createContext({__oracleScope: scope});
  try {
    const code = isScript(`(${text}\n)`) ? `(${text}\n)` : `({${text}\n})`;
    const fn = runInContext(`with (__oracleScope) { ${code} }`, context) as object;
    const callable = typeof fn === 'function' ? fn as (...args: unknown[]) => unknown : firstFunction(fn);
    const result = callable.call(undefined, anything, anything, anything);
    await drain(result);
  } catch { /* A made-up argument does not fit: what was looked up before counts. */ }
  return [...seen];
}

function isScript(code: string): boolean {
  try {
    return Boolean(new Script(code));
  } catch {
    return false;
  }
}

function firstFunction(holder: object): (...args: unknown[]) => unknown {
  const {value, get, set} = Object.values(Object.getOwnPropertyDescriptors(holder))[0]!;
  return value ?? get ?? set;
}

async function drain(result: any): Promise<void> {
  if (typeof result?.next === 'function' && typeof result !== 'function') for (let n = 0; n < 3; n++) await result.next();
  else if (result instanceof Promise) await result;
}

function filesOf(folders: readonly string[]): string[] {
  return folders.flatMap(folder => {
    const url = new URL(`../../node_modules/${folder}/`, import.meta.url);
    return (readdirSync(url, {recursive: true}) as string[]).filter(name => /(?<!\.min)\.m?js$/.test(name) && !name.includes('node_modules')).map(name => new URL(name, url).pathname);
  });
}

/** Each function of a file, with the outside names that another analysis finds in it. */
function functionsOf(code: string): {node: AnyNode; through: string[]}[] {
  let tree: AnyNode | undefined;
  for (const sourceType of ['script', 'module'] as const) {
    try {
      tree = parse(code, {ecmaVersion: 'latest', sourceType, ranges: true, allowHashBang: true, allowReturnOutsideFunction: true});
      break;
    } catch { /* The other kind. */ }
  }
  if (!tree) return [];
  const manager = analyze(tree as never, {ecmaVersion: 2022, sourceType: 'module', ignoreEval: true} as never);
  return manager.scopes.filter(({type}) => type === 'function').map(scope => {
    const outer = scope.block.type === 'FunctionExpression' && (scope.block as {id?: {name: string}}).id?.name;
    const node = scope.block as unknown as AnyNode;
    const own = node.type === 'FunctionDeclaration' ? (node as {id?: {name: string}}).id?.name : outer;
    return {node, through: [...new Set(scope.through.map(({identifier}) => (identifier as {name: string}).name))].filter(name => name !== own).sort()};
  });
}
