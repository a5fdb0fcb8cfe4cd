/**
 * Writes lib/tasks/thread-text.ts: the text of a pool's threads, for Blob URLs and for Node's workers from a string.
 * The result is committed, so that tests and bundlers that take the sources need no build; a test compares the two.
 */
import {build} from 'esbuild';
import {writeFile} from 'node:fs/promises';
import {fileURLToPath, pathToFileURL} from 'node:url';

const path = name => fileURLToPath(new URL(`lib/tasks/${name}`, import.meta.url));

async function textOf(entry) {
  const {outputFiles} = await build({
    entryPoints: [path(`thread/${entry}`)], bundle: true, minify: true, write: false, format: 'iife', target: 'es2022', legalComments: 'none',
    // Fields that a constructor sets are not declared again.
    tsconfigRaw: {compilerOptions: {useDefineForClassFields: false}}
  });
  return outputFiles[0].text.trim();
}

export async function threadTextModule() {
  const lines = ['/* Made by thread-text.build.js from thread/: run `npm run build:thread` after a change there. */'];
  for (const [name, entry] of [['browserThreadText', 'entry-browser.ts'], ['nodeThreadText', 'entry-node.ts']]) {
    lines.push(`export const ${name} = ${JSON.stringify(await textOf(entry))};`);
  }
  return lines.join('\n') + '\n';
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await writeFile(path('thread-text.ts'), await threadTextModule());
