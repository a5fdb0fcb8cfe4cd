/** Bundles the page and the SharedWorker. */
import {copyFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {basename, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundle, root, sources} from './bundle.js';

const client = fileURLToPath(new URL('./client', import.meta.url));
const require = createRequire(import.meta.url);

export interface BuildOptions {
  outDir?: string;
  mode?: 'development' | 'production';
}

/** Builds the page into `outDir`. Throws an error that lists webpack's errors. */
export async function build({outDir = join(root, 'build/editor'), mode = 'development'}: BuildOptions = {}): Promise<void> {
  await bundle({
    mode,
    context: root,
    // Only the pages are entries: webpack finds the worker at `new SharedWorker(new URL(…))` in the page.
    entry: {main: join(client, 'main.ts'), inspector: join(client, 'inspector.ts')},
    output: {path: outDir, filename: '[name].js', clean: true},
    devtool: mode === 'production' ? 'source-map' : 'cheap-module-source-map',
    ...sources(['inspector', 'undo', 'worker']),
    performance: {hints: false}
  });
  const files = ['index.html', 'inspector.html', 'icon.svg', 'style.css', 'quill-theme.css'].map((name) => join(client, name));
  files.push(require.resolve('quill/dist/quill.snow.css'));
  await Promise.all(files.map((file) => copyFile(file, join(outDir, basename(file)))));
}
