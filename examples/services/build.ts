/** Bundles the page, the SharedWorker and the worker. */
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundlePage, root} from '../editor/bundle.js';

const client = fileURLToPath(new URL('./client', import.meta.url));

/** Builds the page into `outDir`. Throws an error that lists webpack's errors. */
export function build({outDir = join(root, 'build/services')}: {outDir?: string} = {}): Promise<void> {
  return bundlePage(client, outDir, ['worker', 'remote'], {experiments: {topLevelAwait: true}});
}
