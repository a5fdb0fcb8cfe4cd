import {build} from 'esbuild';
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import {fileURLToPath} from 'node:url';
import {listen} from '../../server/sharedb-server.js';

/** The responses that have a strict Content-Security-Policy. */
export type Policy = 'no policy' | 'a policy on the page' | 'a policy on all responses';

const policy = "default-src 'self'; script-src 'self'; worker-src 'self'";
const folder = fileURLToPath(new URL('./page/', import.meta.url));
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Bundles the page and its workers as an app does, with parts that are loaded on demand. */
export async function buildPage(): Promise<Map<string, string>> {
  const {outputFiles} = await build({
    entryPoints: ['main.ts', 'tasks.worker.ts', 'shared-worker.ts', 'dedicated-worker.ts'].map(name => folder + name), outdir: '/', bundle: true, splitting: true, format: 'esm',
    write: false, target: 'es2022', tsconfigRaw: {compilerOptions: {target: 'es2022'}},
    alias: {'sharedb-tabs/tasks/thread': `${root}lib/tasks-thread.ts`, 'sharedb-tabs/tasks': `${root}lib/tasks.ts`},
    // package.json describes the side effects of the built files, not those of the sources.
    ignoreAnnotations: true
  });
  const files = new Map(outputFiles.map(({path, text}) => [path, text]));
  for (const name of ['math.js', 'close.js']) files.set(`/${name}`, await readFile(folder + name, 'utf8'));
  files.set('/', '<!doctype html><meta charset="utf-8"><title>Tasks</title><script type="module" src="/main.js"></script>');
  return files;
}

export async function serve(files: ReadonlyMap<string, string>, which: Policy): Promise<{url: string; close(): Promise<void>}> {
  const server = createServer((request, response) => {
    const path = new URL(request.url!, 'http://localhost').pathname;
    const content = files.get(path);
    if (which === 'a policy on all responses' || (which === 'a policy on the page' && path === '/')) response.setHeader('content-security-policy', policy);
    response.writeHead(content === undefined ? 404 : 200, {'content-type': path === '/' ? 'text/html' : 'text/javascript'});
    response.end(content);
  });
  const host = '127.0.0.1';
  const port = await listen(server, 0, host);
  return {
    url: `http://${host}:${port}/`,
    close() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    }
  };
}
