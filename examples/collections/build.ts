/** Bundles the page of the board and its SharedWorker. */
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundlePage, root} from '../editor/bundle.js';

const client = fileURLToPath(new URL('./client', import.meta.url));

/** Builds the page into `outDir`. Throws an error that lists webpack's errors. */
export function build({outDir = join(root, 'build/board')}: {outDir?: string} = {}): Promise<void> {
  return bundlePage(client, outDir, ['worker', 'collections'], {experiments: {topLevelAwait: true}});
}
