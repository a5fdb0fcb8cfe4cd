/** Bundles the page and the SharedWorker. */
import {copyFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundle, root, sources} from '../editor/bundle.js';

const client = fileURLToPath(new URL('./client', import.meta.url));

/** Builds the page into `outDir`. Throws an error that lists webpack's errors. */
export async function build({outDir = join(root, 'build/codemirror')}: {outDir?: string} = {}): Promise<void> {
  await bundle({
    mode: 'development',
    context: root,
    entry: {main: join(client, 'main.ts')},
    output: {path: outDir, filename: '[name].js', clean: true},
    devtool: 'cheap-module-source-map',
    ...sources(['undo', 'worker']),
    performance: {hints: false}
  });
  await copyFile(join(client, 'index.html'), join(outDir, 'index.html'));
}
