import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundle} from '../examples/editor/bundle.js';
import {pageScripts, peerResolution, remoteEntries} from './remote/peers.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Fills `outDir` with the page and its workers, as an app would be shipped. */
export async function build(outDir: string): Promise<void> {
  await bundle({
    mode: 'production',
    context: root,
    entry: {
      main: join(root, 'bench/page/main.ts'), keystrokes: join(root, 'bench/page/keystrokes/main.ts'), services: join(root, 'bench/page/services/main.ts'),
      ...remoteEntries(join(root, 'bench/page/remote'))
    },
    output: {path: outDir, filename: '[name].js', clean: true},
    resolve: {
      extensions: ['.ts', '.js'],
      extensionAlias: {'.js': ['.ts', '.js']},
      // ShareDB tries to load `util`, and uses `inherits` without it.
      fallback: {util: false},
      ...peerResolution()
    },
    module: {
      rules: [{
        test: /\.ts$/,
        loader: 'ts-loader',
        options: {transpileOnly: true, configFile: join(root, 'tsconfig.json'), compilerOptions: {noEmit: false}}
      }]
    },
    // Each worker is one file. Otherwise webpack would split off modules that the worker shares with parts loaded on demand, and the
    // worker would load these files one after the other before it starts.
    optimization: {splitChunks: {chunks: chunk => !chunk.hasRuntime()}},
    performance: {hints: false}
  });
  await mkdir(outDir, {recursive: true});
  for (const [page, ...scripts] of [['index', 'main'], ['keystrokes', 'keystrokes'], ['services', 'services'], ['remote', ...pageScripts()]]) {
    const elements = scripts.map(script => `<script src="${script}.js"></script>`).join('');
    await writeFile(join(outDir, `${page}.html`), `<!doctype html><meta charset="utf-8"><title>bench</title><body>${elements}`);
  }
}
