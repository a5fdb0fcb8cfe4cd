import {expect} from 'chai';
import {mkdir, readFile, readdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {createFolder, runBin} from './package.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the TypeScript in README and docs', function () {
  this.timeout(240_000);

  it('compiles as it stands, in a strict project', async () => {
    const app = await createFolder('snippets');
    const docs = (await readdir(join(root, 'docs'))).filter(name => name.endsWith('.md')).map(name => join('docs', name));
    const files: string[] = [];
    for (const page of ['README.md', ...docs]) {
      const markdown = await readFile(join(root, page), 'utf8');
      const blocks = [...markdown.matchAll(/^```(ts|tsx)\n([^]*?)^```$/gm)];
      for (const [index, [, language, text]] of blocks.entries()) {
        const folder = join('snippets', page.replace(/\W/g, '-'));
        await mkdir(join(app, folder), {recursive: true});
        // A page's blocks may import each other by the names in their first lines.
        const name = /^\/\/ (\S+\.tsx?)$/m.exec(text!.split('\n')[0]!)?.[1] ?? `block-${index + 1}.${language}`;
        const file = join(folder, name);
        // A module, so that two pages may use the same names.
        await writeFile(join(app, file), `${text!}\nexport {};\n`);
        files.push(file);
      }
    }
    expect(files).to.have.length.at.least(2);
    // As docs/getting-started.md says: rich-text has no types of its own.
    await writeFile(join(app, 'rich-text.d.ts'), "declare module 'rich-text';\n");
    files.push('rich-text.d.ts');
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify({
      compilerOptions: {
        module: 'esnext', moduleResolution: 'bundler', target: 'es2022', lib: ['es2022', 'dom', 'esnext.disposable'], types: [],
        jsx: 'react-jsx', strict: true, noEmit: true, skipLibCheck: true
      },
      files
    }));
    await runBin(app, 'tsc', []);
  });
});
