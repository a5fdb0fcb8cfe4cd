import {build} from 'esbuild';
import {execFile} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/**
 * Bundles a script of this folder, and runs it in Node without tsx: every Worker of a process that runs with tsx loads tsx's hooks, and compiles what
 * it imports.
 * @returns what the script prints
 */
export async function runInPlainNode(name: string, ...args: string[]): Promise<string> {
  const outdir = path('../../build/bench/tasks');
  await build({
    entryPoints: [path(`./${name}.ts`)], outdir, outExtension: {'.js': '.mjs'}, bundle: true, splitting: true, platform: 'node', format: 'esm', packages: 'external',
    // package.json describes the side effects of the built files, not those of the sources.
    ignoreAnnotations: true
  });
  return (await promisify(execFile)(process.execPath, [`${outdir}/${name}.mjs`, ...args])).stdout;
}
