/** Bundles the page and the SharedWorker. */
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundlePage, root} from '../editor/bundle.js';

const client = fileURLToPath(new URL('./client', import.meta.url));

/** Where the page is, unless `build()` is told otherwise. */
export const pagesFolder = join(root, 'build/scale-out');

/** Fills a folder with the page. */
export function build({outDir = pagesFolder}: {outDir?: string} = {}): Promise<void> {
  return bundlePage(client, outDir, ['worker']);
}
