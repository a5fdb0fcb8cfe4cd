import {expect} from 'chai';
import {transform, type Loader} from 'esbuild';
import {execFileSync} from 'node:child_process';
import {readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {codeBlocks} from '../consumers/code-blocks.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const inFolder = (folder: string): string[] => readdirSync(join(root, folder)).filter(name => name.endsWith('.md')).map(name => `${folder}/${name}`);
const pages = [
  ...inFolder('.'), 'llms.txt', 'lib/README.md', 'test/README.md', 'bench/README.md',
  ...readdirSync(join(root, 'examples')).map(name => `examples/${name}/README.md`), ...inFolder('docs')
];

const parseAs = (loader: Loader) => async (code: string): Promise<void> => {
  await transform(code, {loader, format: 'esm', target: 'esnext', jsx: 'automatic'});
};
const parseScripts = async (code: string): Promise<void> => {
  for (const [, script] of code.matchAll(/<script[^>]*>([^]*?)<\/script>/g)) await parseAs('js')(script!);
};

/**
 * How a block is read, by its language. test/consumers/snippets.test.ts compiles those in JavaScript and TypeScript with the packed
 * package, and the other tests there run the recipes, the getting-started page and the migration page.
 */
const READ: Record<string, (code: string) => unknown> = {
  js: parseAs('js'), jsx: parseAs('jsx'), ts: parseAs('ts'), tsx: parseAs('tsx'), html: parseScripts, vue: parseScripts, svelte: parseScripts,
  json: code => JSON.parse(code) as unknown,
  sh: code => execFileSync('bash', ['-n'], {input: code, stdio: ['pipe', 'pipe', 'pipe']})
};
/** Drawings, output and headers of HTTP: nothing reads them. */
const NO_CODE = new Set(['', 'text', 'mermaid', 'http']);

describe('the code in the documentation', function () {
  this.timeout(60_000);

  for (const page of pages) {
    const blocks = [...readFileSync(join(root, page), 'utf8').matchAll(/^ *```([^\n]*)\n([^]*?)^ *```$/gm)];
    if (!blocks.length) continue;
    it(`can be read: ${page}`, async () => {
      const faults: string[] = [];
      for (const [, language, code] of blocks) {
        if (NO_CODE.has(language!)) continue;
        const read = READ[language!];
        if (!read) {
          faults.push(`no test reads blocks in ${language!}`);
          continue;
        }
        try {
          await read(code!);
        } catch (error) {
          faults.push(`${(error as Error).message} in\n${code!}`);
        }
      }
      expect(faults).to.eql([]);
    });
  }

  it('is one app in the README and on the getting-started page, which a test follows', () => {
    const [readme, page] = ['README.md', 'docs/getting-started.md'].map(file => codeBlocks(readFileSync(join(root, file), 'utf8'))) as
      [Record<string, string>, Record<string, string>];
    expect(Object.keys(page)).not.to.eql([]);
    for (const [name, text] of Object.entries(page)) expect(readme[name], name).to.equal(text);
  });
});
