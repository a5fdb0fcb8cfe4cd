import {transform} from 'esbuild';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {codeBlocks, section} from '../consumers/code-blocks.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** @returns the block whose first line names the file, of a page or of one of its sections */
export function blockOf(page: string, file: string, heading?: string): string {
  const markdown = readFileSync(join(root, page), 'utf8');
  const block = codeBlocks(heading ? section(markdown, heading) : markdown)[file];
  if (!block) throw new Error(`${page} has no block ${file}`);
  return block;
}

/**
 * Runs a block of a page. `scope` has everything that the block imports, declares or takes for granted.
 * @param names variables of the block
 * @returns the values of these variables
 */
export async function runBlock<Values>(code: string, scope: Record<string, unknown>, names: readonly (keyof Values & string)[]): Promise<Values> {
  const {code: script} = await transform(code, {loader: 'ts', format: 'esm', target: 'esnext', define: {'import.meta.url': '"file:///"'}});
  const body = script.replace(/^import .*$/gm, '').replace(/^export \{[^}]*\};?$/gm, '');
  const run = new Function(...Object.keys(scope), `return (async () => {${body}\nreturn {${names.join()}};})()`) as (...values: unknown[]) => Promise<Values>;
  return run(...Object.values(scope));
}
