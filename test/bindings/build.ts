import {copyFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundle} from '../../examples/editor/bundle.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = fileURLToPath(new URL('./page', import.meta.url));
const require = createRequire(import.meta.url);

/** Builds the page into `outDir`. Throws an error that lists webpack's errors. */
export async function build(outDir: string): Promise<void> {
  await bundle({
    mode: 'development',
    context: root,
    entry: {main: join(page, 'main.ts')},
    output: {path: outDir, filename: '[name].js', clean: true},
    devtool: 'cheap-module-source-map',
    resolve: {
      extensions: ['.ts', '.js'],
      extensionAlias: {'.js': ['.ts', '.js']},
      // ShareDB tries to load `util`, and uses `inherits` without it.
      fallback: {util: false},
      alias: {'sharedb-tabs/undo$': join(root, 'lib/undo.ts')}
    },
    module: {
      rules: [
        {
          test: /\.ts$/,
          loader: 'ts-loader',
          options: {transpileOnly: true, configFile: join(root, 'tsconfig.json'), compilerOptions: {noEmit: false, sourceMap: true}}
        },
        {
          // The script is unchanged; only its `require` calls resolve differently.
          test: /sharedb-legacy[\\/]examples[\\/]/,
          resolve: {
            alias: {
              'sharedb/lib/client$': join(page, 'sharedb-example/client.ts'),
              'reconnecting-websocket$': join(page, 'sharedb-example/socket.ts'),
              quill$: join(page, 'sharedb-example/quill.ts')
            }
          }
        }
      ]
    },
    performance: {hints: false}
  });
  await copyFile(join(page, 'index.html'), join(outDir, 'index.html'));
  await copyFile(require.resolve('quill/dist/quill.snow.css'), join(outDir, 'quill.snow.css'));
}
