import {expect} from 'chai';
import {mkdir, readFile, readdir, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {createFolder, runBin} from './package.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const STRICT = {
  module: 'esnext', moduleResolution: 'bundler', target: 'es2022', lib: ['es2022', 'dom', 'dom.asynciterable', 'esnext.disposable'], types: [],
  jsx: 'react-jsx', strict: true, noEmit: true, skipLibCheck: true
};
/** As an editor checks JavaScript: names, imports, arguments. */
const JAVASCRIPT = {...STRICT, strict: false, allowJs: true, checkJs: true, types: ['vite/client']};
/** Has the globals of service workers, which no page has. The test of its recipe runs it. */
const SERVICE_WORKER = '// dist/sw.js\n';

/** As docs/getting-started.md says: rich-text has no types of its own. */
const UNTYPED = "declare module 'rich-text';\n";

/** What the blocks in JavaScript use and do not say: the packages without types, and the names that a fragment takes from the text around it. */
const AROUND_FRAGMENTS = `
declare module '@teamwork/websocket-json-stream';
declare module 'ws';
declare module '*.vue';
declare module '*.svelte';
declare const connection: import('sharedb-tabs').ProxyConnection;
declare const doc: import('sharedb-tabs').ProxyDoc;
declare const otherDoc: import('sharedb-tabs').ProxyDoc;
declare const queue: import('sharedb-tabs/collections').SharedQueue<{url: string}>;
declare const createConnection: typeof import('sharedb-tabs').createConnection;
declare const startHost: typeof import('sharedb-tabs/worker').startHost;
declare const UndoManager: typeof import('sharedb-tabs/undo').UndoManager;
declare const WebSocketJSONStream: any;
declare const backend: any;
declare const label: HTMLElement;
declare const work: (value: {url: string}, signal: AbortSignal) => Promise<void>;
declare const show: (names: string[]) => void;
declare const verify: (token: string | null) => Promise<{id: string} | undefined>;
`;

/** The pages of the documentation. */
async function pages(): Promise<string[]> {
  const docs = (await readdir(join(root, 'docs'))).filter(name => name.endsWith('.md')).map(name => `docs/${name}`);
  return ['README.md', ...docs];
}

/** Writes the blocks of these languages as modules. @returns the files */
async function writeBlocks(app: string, languages: string): Promise<string[]> {
  const files: string[] = [];
  for (const page of await pages()) {
    const markdown = await readFile(join(root, page), 'utf8');
    for (const [index, [, language, text]] of [...markdown.matchAll(new RegExp(`^\`\`\`(${languages})\\n([^]*?)^\`\`\`$`, 'gm'))].entries()) {
      if (text!.startsWith(SERVICE_WORKER)) continue;
      const folder = join(languages.split('|')[0]!, page.replace(/\W/g, '-'));
      // A page's blocks may import each other by the names in their first lines. A name may come again, in another example.
      const name = /^\/\/ (\S+\.\w+)$/.exec(text!.split('\n')[0]!)?.[1] ?? `block-${index + 1}.${language}`;
      const file = files.includes(join(folder, name)) ? join(folder, `block-${index + 1}`, name) : join(folder, name);
      await mkdir(dirname(join(app, file)), {recursive: true});
      // A module, so that two pages may use the same names.
      await writeFile(join(app, file), `${text!}\nexport {};\n`);
      files.push(file);
    }
  }
  return files;
}

describe('the code in README and docs', function () {
  this.timeout(240_000);

  async function compile(name: string, languages: string, compilerOptions: object, ambient: string): Promise<void> {
    const app = await createFolder(name);
    const files = await writeBlocks(app, languages);
    expect(files).to.have.length.at.least(10);
    await writeFile(join(app, 'ambient.d.ts'), ambient);
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify({compilerOptions, files: [...files, 'ambient.d.ts']}));
    await runBin(app, 'tsc', []);
  }

  it('compiles unchanged, in a strict project: TypeScript', () => compile('snippets', 'ts|tsx', STRICT, UNTYPED));

  it('uses only existing names, as an editor checks it: JavaScript', () => compile('snippets-js', 'js|jsx|mjs', JAVASCRIPT, UNTYPED + AROUND_FRAGMENTS));
});
