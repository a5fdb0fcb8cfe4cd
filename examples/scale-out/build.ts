/** Bundles the page and the SharedWorker. */
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundlePage, root} from '../editor/bundle.js';

const client = fileURLToPath(new URL('./client', import.meta.url));

/** The default folder of the built page. */
export const pagesFolder = join(root, 'build/scale-out');

/** Builds the page into `outDir`. Throws an error that lists webpack's errors. */
export function build({outDir = pagesFolder}: {outDir?: string} = {}): Promise<void> {
  return bundlePage(client, outDir, ['worker']);
}
