/** Bundles the page, the SharedWorker and the worker. */
import {copyFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundle} from '../editor/bundle.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const client = fileURLToPath(new URL('./client', import.meta.url));

/** Fills `outDir` with the page; raises an error that lists what webpack complained about. */
export async function build({outDir = join(root, 'build/services')}: {outDir?: string} = {}): Promise<void> {
  await bundle({
    mode: 'development',
    context: root,
    entry: {main: join(client, 'main.ts')},
    output: {path: outDir, filename: '[name].js', clean: true},
    devtool: 'cheap-module-source-map',
    experiments: {topLevelAwait: true},
    resolve: {
      extensions: ['.ts', '.js'],
      extensionAlias: {'.js': ['.ts', '.js']},
      fallback: {util: false},
      // The package by its own name, as an app would import it, but from its sources.
      alias: {
        'sharedb-tabs$': join(root, 'lib/index.ts'),
        'sharedb-tabs/worker$': join(root, 'lib/worker.ts'),
        'sharedb-tabs/remote$': join(root, 'lib/remote.ts')
      }
    },
    module: {
      rules: [
        {test: /\.ts$/, loader: 'ts-loader', options: {transpileOnly: true, configFile: join(root, 'tsconfig.json'), compilerOptions: {noEmit: false, sourceMap: true}}}
      ]
    },
    performance: {hints: false}
  });
  await copyFile(join(client, 'index.html'), join(outDir, 'index.html'));
}
