/** Bundles the page and the SharedWorker. */
import {copyFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {basename, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundle} from './bundle.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const client = fileURLToPath(new URL('./client', import.meta.url));
const require = createRequire(import.meta.url);

export interface BuildOptions {
  outDir?: string;
  mode?: 'development' | 'production';
}

/** Fills `outDir` with the page; raises an error that lists what webpack complained about. */
export async function build({outDir = join(root, 'build/editor'), mode = 'development'}: BuildOptions = {}): Promise<void> {
  await bundle({
    mode,
    context: root,
    // Only the page: webpack finds the worker where the page says `new SharedWorker(new URL(…))`.
    entry: {main: join(client, 'main.ts')},
    output: {path: outDir, filename: '[name].js', clean: true},
    devtool: mode === 'production' ? 'source-map' : 'cheap-module-source-map',
    resolve: {
      extensions: ['.ts', '.js'],
      extensionAlias: {'.js': ['.ts', '.js']},
      // ShareDB tries it and takes `inherits` where it is not to be had.
      fallback: {util: false},
      // The package by its own name, as an app would import it, but from its sources.
      alias: {
        'sharedb-tabs$': join(root, 'lib/index.ts'),
        'sharedb-tabs/inspector$': join(root, 'lib/inspector.ts'),
        'sharedb-tabs/undo$': join(root, 'lib/undo.ts'),
        'sharedb-tabs/worker$': join(root, 'lib/worker.ts')
      }
    },
    module: {
      rules: [
        {
          test: /\.ts$/,
          loader: 'ts-loader',
          options: {
            transpileOnly: true,
            configFile: join(root, 'tsconfig.json'),
            compilerOptions: {noEmit: false, sourceMap: true}
          }
        }
      ]
    },
    performance: {hints: false}
  });
  const files = ['index.html', 'icon.svg', 'style.css', 'quill-theme.css'].map((name) => join(client, name));
  files.push(require.resolve('quill/dist/quill.snow.css'));
  await Promise.all(files.map((file) => copyFile(file, join(outDir, basename(file)))));
}
