import {expect} from 'chai';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import ts from 'typescript';
import webpack from 'webpack';
import {checkNames, outerNames} from '../../lib/tasks/source-check.js';
import {sourceOf} from '../../lib/tasks/source.js';

type Fn = (...args: any[]) => unknown;

const globals = new Set(Object.getOwnPropertyNames(globalThis));

/** What the check says of a function that a build has changed. */
async function refusalOf(fn: Fn): Promise<{code: string; names: readonly string[]; message: string}> {
  try {
    checkNames(await outerNames(sourceOf(fn)), globals, fn.name);
  } catch (error) {
    return error as never;
  }
  throw new Error(`Not refused: ${String(fn)}`);
}

describe('a function that a build tool has changed is refused with a hint about the build', function () {
  this.timeout(120_000);

  for (const target of [ts.ScriptTarget.ES5, ts.ScriptTarget.ES2015]) {
    it(`by TypeScript, to CommonJS and ${ts.ScriptTarget[target]}`, async () => {
      const text = `import {double} from './math'; import * as rest from './text-tools'; export const work = async (x: number, ...more: number[]) => rest.join(await double(x), [...more]);`;
      const {outputText} = ts.transpileModule(text, {compilerOptions: {target, module: ts.ModuleKind.CommonJS, ignoreDeprecations: '6.0'} as ts.CompilerOptions});
      const exports: Record<string, Fn> = {};
      new Function('require', 'exports', outputText)(() => ({}), exports);
      const {code, names, message} = await refusalOf(exports['work']!);
      expect(code).to.equal('ERR_TASK_CLOSURE');
      expect(names).to.include.members(['math_1', '__awaiter']);
      // All but the one that the author of the function has written.
      const [, hinted] = /with task\(\)\. (.*): made by your build/.exec(message)!;
      expect(hinted!.split(', ')).to.have.members(names.filter(name => name !== 'rest'));
    });
  }

  it('by webpack', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sharedb-tabs-builds-'));
    try {
      await writeFile(join(folder, 'math.js'), 'export const double = x => 2 * x;');
      await writeFile(join(folder, 'index.js'), `import {double} from './math.js'; globalThis.builtWork = function work(x) { return double(x); };`);
      const compiler = webpack({mode: 'development', devtool: false, context: folder, entry: './index.js', output: {path: folder, filename: 'out.js'}})!;
      await new Promise<void>((resolve, reject) => { compiler.run(error => { compiler.close(() => error ? reject(error) : resolve()); }); });
      new Function(await readFile(join(folder, 'out.js'), 'utf8'))();
      const {builtWork} = globalThis as unknown as {builtWork: Fn};
      const {names, message} = await refusalOf(builtWork);
      expect(names[0]).to.contain('WEBPACK_IMPORTED_MODULE');
      expect(message).to.contain('made by your build');
    } finally {
      delete (globalThis as {builtWork?: Fn}).builtWork;
      await rm(folder, {recursive: true, force: true});
    }
  });

  it('and a name that its author has written causes no hint about the build', async () => {
    const {message} = await refusalOf(new Function('return () => rows + row2')() as Fn);
    expect(message).to.not.contain('made by your build');
  });
});
